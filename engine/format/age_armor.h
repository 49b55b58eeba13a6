// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tapeio/byte_stream.h"

// Age files as text: base64 between a BEGIN and an END line. Never used on tape.
//
// Format: archaeology/age.md, section "Armor"
// Errors: throws AgeError{armor}.

namespace mixtape::format {

// Whether a file that begins so is (or tries to be) armored. `start`: the first kArmorProbe bytes,
// or all.
bool looks_armored(ByteView start);
inline constexpr std::size_t kArmorProbe = 4 * KiB;

// The bytes inside the armor. Gives what stands before a defect first, and the end only when the
// END line was seen with nothing but white space behind it.
class ArmorReader final : public ByteSource {
 public:
  // `in` must outlive this object.
  explicit ArmorReader(ByteSource& in);
  std::size_t read(MutableBytes into) override;

 private:
  std::optional<std::string_view> next_line();
  int next_character();
  std::string_view needed_line();
  void read_begin();
  void read_body_line();
  void expect_end(std::string_view line);

  enum class Place { before, inside, last_line_seen, after };
  ByteSource& in_;
  Place place_ = Place::before;
  Bytes block_;
  ByteView unread_block_;
  std::string line_;
  Bytes decoded_;
  ByteView unread_;
};

// Armors what is written. `finish` writes the END line; does not finish `out`.
class ArmorWriter final : public ByteSink {
 public:
  // `out` must outlive this object.
  explicit ArmorWriter(ByteSink& out) : out_(out) {}
  void write(ByteView bytes) override;
  void finish() override;

 private:
  void begin();

  ByteSink& out_;
  Bytes pending_;
  bool begun_ = false;
};

}  // namespace mixtape::format
