// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tapeio/dir_medium.h"
#include "tapeio/tape_drive.h"

// A drive for media that are directories: each tape file is an ordinary file that holds its records
// one behind the other.
//
// The first record after block 0 sets the record size of the medium. All records have that size;
// only the last of a tape file may be shorter. Anything else is Error{unsupported}, before anything
// is changed.
//
// A reader sees the medium as it was when it was loaded, and what was appended since when it comes
// to the end of that. When what it has read already was overwritten meanwhile, one read throws
// Error{io} and the head stands where the medium changed.
//
// Threads:  none; a drive belongs to one thread at a time.
// Errors:   beyond those of TapeDrive: Error{unsupported} for record sizes, Error{conflict} from
// the
//           constructor when `writable` and another writer has the medium.
// Contract: tests/contract/tape_drive_contract.h

namespace mixtape::tapeio {

struct DirDriveOptions {
  bool writable = false;
  bool despite_gaps = false;  // As DirMedium has it.
  DirStepHook before_step = [](std::string_view) {};
};

class DirDrive final : public TapeDrive {
 public:
  // `path`: the directory of the medium.
  DirDrive(std::string path, DirDriveOptions options);

  [[nodiscard]] std::optional<MediumInfo> medium() override;
  [[nodiscard]] ReadResult read_record(MutableBytes buffer) override;
  [[nodiscard]] WriteResult write_record(ByteView record) override;
  [[nodiscard]] WriteResult write_filemark() override;
  void rewind() override;
  void locate(std::uint64_t block) override;
  [[nodiscard]] std::uint64_t space_filemarks(std::int64_t count) override;
  void seek_end_of_data() override;
  [[nodiscard]] Position position() override;
  void name_next_file(std::string_view hint) override;

 private:
  // A head stands before record `record` of tape file `file`, or before its filemark when that is
  // behind the last record. file == number of finished tape files: in the one under way, or at the
  // end of data.
  struct Head {
    std::size_t file = 0;
    std::uint64_t record = 0;
  };
  [[nodiscard]] const DirLayout& layout() const { return medium_.layout(); }
  [[nodiscard]] std::uint64_t part_records() const;
  [[nodiscard]] std::uint64_t end_of_data() const;
  [[nodiscard]] Head head_at(std::uint64_t block) const;
  [[nodiscard]] std::uint64_t used_before_head() const;
  void move_to(Head head);
  void require_medium(const char* operation) const;

  [[nodiscard]] bool open_file_under_head();
  void refresh_behind_head();
  [[nodiscard]] ReadResult read_from(int fd, std::uint64_t file_size, MutableBytes buffer);

  void require_writable(const char* operation) const;
  void require_record_size(std::size_t size) const;
  void end_data_at_head();
  void end_data_in_finished_file(std::uint64_t kept_bytes);
  [[nodiscard]] bool warns(std::size_t written);

  DirMedium medium_;
  Head head_;
  UniqueFd reading_;              // The finished tape file under the head, once it was needed.
  std::optional<PartFile> part_;  // The tape file under way, behind all finished ones.
  std::string hint_;
  bool may_have_leftovers_ =
      true;  // Behind the last filemark, of a crash or of a failed operation.
  std::uint64_t unchecked_bytes_ = 0;  // Written since the disk's free space was last looked at.
  bool disk_is_nearly_full_ = false;
};

}  // namespace mixtape::tapeio
