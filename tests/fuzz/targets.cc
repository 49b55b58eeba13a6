// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/targets.h"

#include <algorithm>
#include <array>

#include "engine/catalog/catalog.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_armor.h"
#include "engine/format/age_header.h"
#include "engine/format/age_keys.h"
#include "engine/format/age_stream.h"
#include "engine/format/archaeology.h"
#include "engine/format/bech32.h"
#include "engine/home/config.h"
#include "engine/order/batch_text.h"
#include "tapeio/dir_layout.h"
#include "tapeio/error.h"
#include "tests/format/tar_fixture.h"
#include "tests/fuzz/tape_targets.h"
#include "tests/support/temp_dir.h"
#include "tools/control_protocol.h"

namespace mixtape::fuzz {
namespace {

using format::test::append;
using format::test::MemorySource;

// Odd, so that reads end anywhere in a block.
constexpr std::size_t kPiece = 701;
// A sparse file of some bytes may say that it is any size.
constexpr std::size_t kMostOutput = MiB;

// A file for those that read files. In memory, where the system has /dev/shm.
std::filesystem::path as_file(ByteView input) {
  static const test::TempDir directory(test::TempDir::Place::memory);
  const std::filesystem::path file = directory / "input";
  test::write_text(file, as_text(input));
  return file;
}

Bytes drained(ByteSource& source) {
  Bytes all;
  Bytes piece(kPiece);
  while (const std::size_t got = source.read(piece)) {
    append(all, ByteView(piece).first(got));
  }
  return all;
}

class BytesSink final : public ByteSink {
 public:
  void write(ByteView bytes) override { append(bytes_, bytes); }
  void finish() override {}
  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// The identity of the examples in archaeology/age.md, to which the seeds are encrypted.
const format::Identity& identity() {
  static const format::Identity identity = format::Identity::parse(
      "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG");
  return identity;
}

// scrypt would take its second for each input.
format::AgePreamble open_without_passphrase(ByteView preamble) {
  if (format::needs_passphrase(preamble)) {
    throw Error(ErrorCode::not_permitted, "open an age file: no passphrase here");
  }
  return format::open_preamble(preamble, std::span(&identity(), 1));
}

// --- The targets

void tar(ByteView input) {
  MemorySource source(input, kPiece);
  format::TarReader reader(source);
  Bytes piece(kPiece);
  while (const auto found = reader.next()) {
    for (std::size_t total = 0; total < kMostOutput;) {
      const std::size_t got = reader.read(piece);
      total += got;
      if (got == 0) {
        break;
      }
    }
    format::TarHeader header;
    try {
      header = format::encode_header(found->member);
    } catch (const Error&) {
      continue;  // Others write what we do not.
    }
    append(header.blocks, header.sparse_map);
    MemorySource again(header.blocks);
    MIXTAPE_ASSERT(format::TarReader(again).next()->member == found->member);
  }
}

void age_header(ByteView input) {
  const auto size = format::header_size(input);
  if (size.has_value()) {
    (void)open_without_passphrase(
        input.first(std::min(input.size(), *size + format::kAgeNonceSize)));
  }
}

void age_file(ByteView input) {
  MemorySource source(input, kPiece);
  format::AgeDecryptor decryptor(source, open_without_passphrase, true);
  (void)drained(decryptor);
}

void age_armor(ByteView input) {
  (void)format::looks_armored(input.first(std::min(input.size(), format::kArmorProbe)));
  MemorySource source(input, kPiece);
  format::ArmorReader reader(source);
  const Bytes inside = drained(reader);
  BytesSink sink;
  format::ArmorWriter writer(sink);
  writer.write(inside);
  writer.finish();
  MemorySource written(sink.bytes(), kPiece);
  format::ArmorReader again(written);
  MIXTAPE_ASSERT(drained(again) == inside);
}

void age_identity(ByteView input) {
  const auto refuse = [](const std::string& prompt) -> format::Secret {
    throw Error(ErrorCode::not_permitted, "ask for the " + prompt + ": nobody is here");
  };
  (void)format::load_identity_file(as_file(input), refuse);
}

void bech32(ByteView input) {
  const std::string_view text = as_text(input);
  (void)format::is_foreign_identity(text);
  (void)format::Identity::try_parse(text);
  if (const auto decoded = format::bech32_decode(text)) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const format::Secret again = format::bech32_encode(decoded->prefix, decoded->data.view());
    MIXTAPE_ASSERT(as_text(again.view()) == lower);
  }
  MIXTAPE_ASSERT(format::Recipient::parse(text).text() == text);
}

void archaeology_json(ByteView input) {
  using format::test::text_file;
  const Bytes archive = format::test::archive_of(
      {text_file("README.txt", ""), text_file("mixtape-tape.json", std::string(as_text(input)))});
  MemorySource source(archive, kPiece);
  const format::MediumLabel label = format::parse_archaeology(source);
  const Bytes built = format::build_archaeology(label);
  MemorySource again(built);
  MIXTAPE_ASSERT(format::parse_archaeology(again) == label);
}

void medium_description(ByteView input) {
  (void)tapeio::parse_tape_file_name(as_text(input));
  const tapeio::MediumDescription description = tapeio::decode_medium_description(as_text(input));
  MIXTAPE_ASSERT(tapeio::decode_medium_description(tapeio::encode(description)) == description);
}

// What looks like an index is also merged, into an empty catalog, whose rows must then hold.
void index(ByteView input) {
  static const test::TempDir directory(test::TempDir::Place::memory);
  catalog::FoundIndex found;
  found.index = as_file(input);
  found.label = catalog::inspect_index(found.index);
  found.bundle_exists = true;
  const std::filesystem::path catalog = directory / "catalog.db";
  std::filesystem::remove(catalog);
  (void)catalog::recover_catalog({found}, catalog);
  catalog::Database database =
      catalog::open_catalog(catalog, directory / "state.db", catalog::Access::write);
  MIXTAPE_ASSERT(catalog::check_catalog(database).empty());
}

void control_frame(ByteView input) {
  if (input.size() < tools::kFrameHeader) {
    return;
  }
  const std::size_t length = tools::frame_length(input.first(tools::kFrameHeader));
  const ByteView body = input.subspan(tools::kFrameHeader);
  const Bytes frame =
      tools::encode_message(tools::decode_message(body.first(std::min(body.size(), length))));
  const ByteView again = ByteView(frame).subspan(tools::kFrameHeader);
  MIXTAPE_ASSERT(tools::encode_message(tools::decode_message(again)) == frame);
}

void config(ByteView input) {
  (void)home::Config::parse(as_text(input), "mixtape.toml");
}

void size(ByteView input) {
  (void)home::format_size(home::parse_size(as_text(input)));
}

void order_batch(ByteView input) {
  (void)order::parse_batch(as_text(input));
}

constexpr std::array kTargets{
    Target{"tar", tar},
    Target{"age_header", age_header},
    Target{"age_file", age_file},
    Target{"age_armor", age_armor},
    Target{"age_identity", age_identity},
    Target{"bech32", bech32},
    Target{"archaeology_json", archaeology_json},
    Target{"medium_description", medium_description},
    Target{"index", index},
    Target{"control_frame", control_frame},
    Target{"config", config},
    Target{"size", size},
    Target{"sense", sense},
    Target{"ssc_data", ssc_data},
    Target{"element_status", element_status},
    Target{"library_url", library_url},
    Target{"sim_url", sim_url},
    Target{"cartridge_chip", cartridge_chip},
    Target{"sim_files", sim_files},
    Target{"order_batch", order_batch},
};

}  // namespace

std::span<const Target> targets() {
  return kTargets;
}

void feed(const Target& target, ByteView input) {
  try {
    target.parse(input);
  } catch (const Error&) {
    // The answer to most inputs.
  }
}

}  // namespace mixtape::fuzz
