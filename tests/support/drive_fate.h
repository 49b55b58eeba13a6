// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/tape_drive.h"

// What happens to one operation of the drives of a library, whichever drive it is and however often
// media are loaded: the sweep over "every operation fails once". (tapeio::FaultyDrive counts for
// one drive, from its loading.)

namespace mixtape::test {

enum class DriveFault {
  io,               // The operation throws Error{io} and does nothing.
  bad_medium,       // The same with Error{bad_medium}; a record that is read is passed.
  early_warning,    // From this write on the medium warns.
  end_of_medium,    // From this write on the medium takes no record, and warned of nothing.
  connection_lost,  // From this operation on nothing in the library answers.
  death,            // Before this operation the process is gone; for a process of its own.
};
[[nodiscard]] const char* name_of(DriveFault fault);
// Whether only what is written meets it.
[[nodiscard]] constexpr bool is_of_writing(DriveFault fault) {
  return fault == DriveFault::early_warning || fault == DriveFault::end_of_medium;
}

class DriveFate {
 public:
  // Operations are counted from 0: loads and all that moves the head or data; for faults of writing
  // the writes alone.
  void plan(DriveFault fault, std::uint64_t at);
  // What was planned happens no more. Media stay as long as they turned out to be.
  void rest() { fault_.reset(); }
  // New media.
  void forget_media() { ends_.clear(); }
  [[nodiscard]] bool was_met() const { return met_; }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }

  // Around a drive that was just loaded. Error{io} when that is the operation that fails. Must
  // outlive the drive.
  [[nodiscard]] std::unique_ptr<tapeio::TapeDrive> wrap(std::unique_ptr<tapeio::TapeDrive> drive,
                                                        std::string_view label);

 private:
  friend class FatefulDrive;
  struct Ends {
    std::optional<std::uint64_t> warns_from, ends_at;
  };
  // What happens to the operation that begins. nullopt: nothing does.
  [[nodiscard]] std::optional<DriveFault> next(bool writes);
  void require_connection(const char* operation) const;

  std::optional<DriveFault> fault_;
  std::uint64_t at_ = 0, operations_ = 0;
  bool met_ = false, lost_ = false;
  std::map<std::string, Ends, std::less<>> ends_;  // By label.
};

}  // namespace mixtape::test
