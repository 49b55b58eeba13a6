// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tapeio/scsi/drive_link.h"
#include "tapeio/scsi/ssc_data.h"
#include "tapeio/tape_drive.h"

// Where the head of a drive stands, and how it gets elsewhere, with what the drive has for it.
//
// Threads:  none.
// Errors:   throw Error as TapeDrive's methods of the same names do.
// Lifetime: `link` must outlive the object.

namespace mixtape::tapeio::scsi {

// What the drive in question can do, as tried.
struct PositioningSupport {
  bool has_complete_position = false;
  bool has_brief_position = false;
  bool has_locate_16 = false;
  bool has_locate_10 = false;
  bool has_space_16 = false;
  [[nodiscard]] bool has_locate() const { return has_locate_16 || has_locate_10; }
};
// Tries, with a medium that is ready; rewinds. `may` are the commands that the drive says it has;
// nullopt: it does not say.
[[nodiscard]] PositioningSupport try_positioning(DriveLink& link,
                                                 const std::optional<OperationCodes>& may);

class HeadPositions {
 public:
  virtual ~HeadPositions() = default;

  [[nodiscard]] virtual Position now() = 0;
  // Where the head should stand, without asking.
  [[nodiscard]] virtual Position expected() const = 0;
  virtual void rewind() = 0;
  virtual void locate(std::uint64_t block) = 0;
  [[nodiscard]] virtual std::uint64_t space_filemarks(std::int64_t count) = 0;
  virtual void seek_end_of_data() = 0;

  enum class Object { record, filemark };
  // The head read, or wrote, one object.
  virtual void passed(Object object) = 0;
  virtual void wrote(Object object) = 0;
  virtual void met_end_of_data() {}
  // Makes sure that the head stands after the bad record that it was to read.
  virtual void pass_bad_record() = 0;
  // After a write that failed or met the end: whether `expected()` was moved past by it. Asks where
  // possible, else goes by `remaining`, what the drive says was not written.
  [[nodiscard]] virtual bool moved_by_write(Object object,
                                            std::optional<std::int64_t> remaining) = 0;
};

// For drives with READ POSITION (long form) and LOCATE: every LTO drive.
[[nodiscard]] std::unique_ptr<HeadPositions> asked_positions(DriveLink& link,
                                                             const PositioningSupport& support);
// For others: keeps count of what was met from the beginning of the medium on. Moves by rewinding
// and spacing forward; what is unknown is walked through once.
[[nodiscard]] std::unique_ptr<HeadPositions> counted_positions(DriveLink& link,
                                                               const PositioningSupport& support);

// READ POSITION; nullopt when the drive cannot tell.
[[nodiscard]] std::optional<ReportedPosition> ask_position(DriveLink& link, PositionForm form);
// SPACE(16), or SPACE(6) in steps that it can hold; stops at what is not good.
Outcome space(DriveLink& link, const PositioningSupport& support, SpaceOver what,
              std::int64_t count);
Outcome locate_block(DriveLink& link, const PositioningSupport& support, std::uint64_t block);
// Whether it ended at the end of data.
[[nodiscard]] bool is_end_of_data(const Sense& sense);

}  // namespace mixtape::tapeio::scsi
