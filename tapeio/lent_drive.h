// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tapeio/drive_report.h"
#include "tapeio/tape_drive.h"

// A drive that a library of cartridges lends to one user: it goes back when this is destroyed, and
// the cartridge stays in it.
//
// Threads:  as TapeDrive.
// Lifetime: the drive must outlive it.

namespace mixtape::tapeio {

class LentDrive final : public TapeDrive {
 public:
  // What became of the drive while it was lent.
  struct Returned {
    bool failed = false;    // It threw Error{io}: whether it is still there is not sure.
    bool lost = false;      // It threw Error{no_medium}: another cartridge may be in it by now.
    bool unloaded = false;  // The user had the cartridge given out.
    // What it tells at the end of itself and of the cartridge, and what it told before that was
    // given out.
    DriveReport report = {};
  };
  // `give_back` must not throw.
  LentDrive(TapeDrive& drive, std::string label, bool writable,
            std::function<void(const Returned&)> give_back);
  ~LentDrive() override;
  LentDrive(const LentDrive&) = delete;
  LentDrive& operator=(const LentDrive&) = delete;

  [[nodiscard]] std::optional<MediumInfo> medium() override;
  [[nodiscard]] ReadResult read_record(MutableBytes buffer) override;
  [[nodiscard]] WriteResult write_record(ByteView record) override;
  [[nodiscard]] WriteResult write_filemark() override;
  void rewind() override;
  void locate(std::uint64_t block) override;
  [[nodiscard]] std::uint64_t space_filemarks(std::int64_t count) override;
  void seek_end_of_data() override;
  [[nodiscard]] Position position() override;
  void name_next_file(std::string_view hint) override { drive_.name_next_file(hint); }
  [[nodiscard]] DriveFeatures features() override { return drive_.features(); }
  void unload() override;

 private:
  template <typename Operation>
  auto watched(Operation operation);
  void require_writable(const char* operation) const;

  TapeDrive& drive_;
  const std::string label_;
  const bool writable_;
  Returned returned_;
  const std::function<void(const Returned&)> give_back_;
};

// Reports that nobody has asked for yet. A library that is never asked keeps the newest.
class KeptReports {
 public:
  void add(std::string_view medium, const DriveReport& report);
  [[nodiscard]] std::vector<MediumReport> take() { return std::exchange(reports_, {}); }

 private:
  std::vector<MediumReport> reports_;
};

// What the cartridge in the drive says that its barcode is; empty when it says nothing.
[[nodiscard]] std::string barcode_in_chip(TapeDrive& drive, const MediumInfo& medium);

// What its chip calls a cartridge: by the label if that is ours, else by its barcode.
[[nodiscard]] std::string label_in_chip(const MediumStory& story);

// Whether two spellings mean one barcode: the media type behind it ("L8") may be left out.
[[nodiscard]] bool is_same_barcode(std::string_view left, std::string_view right);

// "IBM ULT3580-TD8 YX10000001", as far as the drive says.
[[nodiscard]] std::string identity_text(const DriveIdentity& identity);
[[nodiscard]] std::string identity_text(TapeDrive& drive);

}  // namespace mixtape::tapeio
