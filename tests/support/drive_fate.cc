// SPDX-License-Identifier: Apache-2.0
#include "tests/support/drive_fate.h"

#include <utility>

#include "tapeio/error.h"
#include "tests/support/death.h"
#include "tests/support/passing_drive.h"

namespace mixtape::test {

class FatefulDrive final : public PassingDrive {
 public:
  FatefulDrive(std::unique_ptr<tapeio::TapeDrive> drive, DriveFate& fate, DriveFate::Ends& ends)
      : PassingDrive(std::move(drive)), fate_(fate), ends_(ends) {}

  std::optional<tapeio::MediumInfo> medium() override {
    fate_.require_connection("ask for the medium");
    return PassingDrive::medium();
  }
  tapeio::Position position() override {
    fate_.require_connection("ask for the position");
    return PassingDrive::position();
  }
  tapeio::ReadResult read_record(MutableBytes buffer) override {
    const auto fault = begin("read record", false);
    const tapeio::ReadResult result = PassingDrive::read_record(buffer);
    if (fault == DriveFault::bad_medium) {
      throw Error(ErrorCode::bad_medium, "read record: planned medium error");
    }
    return result;
  }
  tapeio::WriteResult write_record(ByteView record) override {
    begin_write("write record");
    if (PassingDrive::position().block >= ends_.ends_at.value_or(UINT64_MAX)) {
      return {.written = false, .early_warning = true};
    }
    return warned([&] { return PassingDrive::write_record(record); });
  }
  // For which a drive keeps room behind its end.
  tapeio::WriteResult write_filemark() override {
    begin_write("write filemark");
    return warned([&] { return PassingDrive::write_filemark(); });
  }
  void rewind() override {
    begin_move("rewind");
    PassingDrive::rewind();
  }
  void locate(std::uint64_t block) override {
    begin_move("locate");
    PassingDrive::locate(block);
  }
  std::uint64_t space_filemarks(std::int64_t count) override {
    begin_move("space filemarks");
    return PassingDrive::space_filemarks(count);
  }
  void seek_end_of_data() override {
    begin_move("seek end of data");
    PassingDrive::seek_end_of_data();
  }

 private:
  std::optional<DriveFault> begin(const std::string& name, bool writes) {
    fate_.require_connection(name.c_str());
    const auto fault = fate_.next(writes);
    if (fault == DriveFault::io || fault == DriveFault::connection_lost) {
      throw Error(ErrorCode::io, name + ": planned fault of the drive");
    }
    return fault;
  }
  void begin_move(const std::string& name) {
    if (begin(name, false) == DriveFault::bad_medium) {
      throw Error(ErrorCode::bad_medium, name + ": planned medium error");
    }
  }
  void begin_write(const std::string& name) {
    const auto fault = begin(name, true);
    const std::uint64_t block = PassingDrive::position().block;
    if (fault == DriveFault::bad_medium) {
      throw Error(ErrorCode::bad_medium, name + ": planned medium error");
    }
    if (fault == DriveFault::early_warning) {
      ends_.warns_from = block;
    } else if (fault == DriveFault::end_of_medium) {
      ends_.ends_at = block;
    }
  }
  template <typename Write>
  tapeio::WriteResult warned(Write write) {
    const std::uint64_t block = PassingDrive::position().block;
    tapeio::WriteResult result = write();
    result.early_warning = result.early_warning || block >= ends_.warns_from.value_or(UINT64_MAX) ||
                           block >= ends_.ends_at.value_or(UINT64_MAX);
    return result;
  }

  DriveFate& fate_;
  DriveFate::Ends& ends_;
};

const char* name_of(DriveFault fault) {
  switch (fault) {
    case DriveFault::io:
      return "io error";
    case DriveFault::bad_medium:
      return "medium error";
    case DriveFault::early_warning:
      return "early warning";
    case DriveFault::end_of_medium:
      return "end of medium";
    case DriveFault::connection_lost:
      return "connection lost";
    case DriveFault::death:
      return "death";
  }
  return "";
}

void DriveFate::plan(DriveFault fault, std::uint64_t at) {
  fault_ = fault;
  at_ = at;
  operations_ = 0;
  met_ = false;
  lost_ = false;
}

std::optional<DriveFault> DriveFate::next(bool writes) {
  if (!fault_ || (is_of_writing(*fault_) && !writes) || operations_++ != at_) {
    return std::nullopt;
  }
  if (*fault_ == DriveFault::death) {
    die();
  }
  met_ = true;
  lost_ = *fault_ == DriveFault::connection_lost;
  return fault_;
}

void DriveFate::require_connection(const char* operation) const {
  if (fault_ && lost_) {
    throw Error(ErrorCode::io, std::string(operation) + ": planned loss of the connection");
  }
}

std::unique_ptr<tapeio::TapeDrive> DriveFate::wrap(std::unique_ptr<tapeio::TapeDrive> drive,
                                                   std::string_view label) {
  require_connection("load");
  if (next(false)) {
    throw Error(ErrorCode::io, "load medium " + std::string(label) + ": planned fault");
  }
  return std::make_unique<FatefulDrive>(std::move(drive), *this, ends_[std::string(label)]);
}

}  // namespace mixtape::test
