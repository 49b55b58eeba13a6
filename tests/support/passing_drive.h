// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "tapeio/tape_drive.h"

// A drive that passes every call on to another one: the base of drives that do one thing otherwise.

namespace mixtape::test {

class PassingDrive : public tapeio::TapeDrive {
 public:
  // `drive` must outlive it.
  explicit PassingDrive(tapeio::TapeDrive& drive) : inner_(drive) {}
  explicit PassingDrive(std::unique_ptr<tapeio::TapeDrive> drive)
      : owned_(std::move(drive)), inner_(*owned_) {}

  std::optional<tapeio::MediumInfo> medium() override { return inner_.medium(); }
  tapeio::ReadResult read_record(MutableBytes buffer) override {
    return inner_.read_record(buffer);
  }
  tapeio::WriteResult write_record(ByteView record) override { return inner_.write_record(record); }
  tapeio::WriteResult write_filemark() override { return inner_.write_filemark(); }
  void rewind() override { inner_.rewind(); }
  void locate(std::uint64_t block) override { inner_.locate(block); }
  std::uint64_t space_filemarks(std::int64_t count) override {
    return inner_.space_filemarks(count);
  }
  void seek_end_of_data() override { inner_.seek_end_of_data(); }
  tapeio::Position position() override { return inner_.position(); }
  void name_next_file(std::string_view hint) override { inner_.name_next_file(hint); }
  tapeio::DriveFeatures features() override { return inner_.features(); }
  void unload() override { inner_.unload(); }

 private:
  std::unique_ptr<tapeio::TapeDrive> owned_;

 protected:
  tapeio::TapeDrive& inner_;
};

}  // namespace mixtape::test
