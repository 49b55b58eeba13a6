// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/dir_layout.h"
#include "tapeio/medium_space.h"
#include "tapeio/unique_fd.h"

// A directory as a medium: what is in it, and the few steps that change it, in an order that power
// may interrupt anywhere.
//
// A tape file is written under a name ending in ".part" and gets its real name when its filemark is
// written: bytes durable, rename, directory durable. Tape files are removed from the last to the
// first, each durably, before anything new is begun. So at most one change of the directory is ever
// in flight, and each crash leaves a whole, shorter medium: never a gap, never an old tape file
// behind a new one. Whatever ends in ".part" stands behind the last filemark and counts as never
// written.
//
// The description is needed for writing. For reading it is a hint: see description_for_reading().
//
// Threads:  none. Several readers and one writer, in any processes, may have the medium open.
// Errors:   throws Error{no_medium, conflict, corrupt, unsupported, no_space, io}.

namespace mixtape::tapeio {

// Called with the name of each step before it changes the directory. A test throws from it: the
// power is gone before that step.
using DirStepHook = std::function<void(std::string_view step)>;

// A tape file under way.
struct PartFile {
  UniqueFd fd;
  std::string name;  // As it will be when finished.
  std::uint64_t size = 0;
  std::uint64_t writeback_begun =
      0;  // Up to here the kernel was asked to start writing to the disk.
};

class DirMedium {
 public:
  // Error{conflict} when `writable` and another writer has it. `despite_gaps`, for reading: tape
  // files that are missing count as empty ones, so that addresses behind them are not those with
  // which the medium was written.
  DirMedium(std::string path, bool writable, DirStepHook before_step, bool despite_gaps = false);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string label() const;
  [[nodiscard]] const MediumSpace& space() const { return space_; }
  [[nodiscard]] const DirLayout& layout() const { return layout_; }
  [[nodiscard]] bool is_writable() const { return writable_; }
  // Nobody, or not this process, may write to the directory.
  [[nodiscard]] bool is_write_protected() const { return write_protected_; }
  [[nodiscard]] bool is_present() const;
  // Less is free on its disk than the zone of early warning has.
  [[nodiscard]] bool disk_is_nearly_full() const;

  // Looks again at what a writer has changed meanwhile. Cost: one stat per tape file.
  void rescan();
  // For reading; nullopt when the file is not the one of the last scan any more.
  [[nodiscard]] std::optional<UniqueFd> open_tape_file(std::size_t number) const;

  // The rest is for the writer. Removes leftovers behind the last filemark: of a crash, of a
  // failure.
  void remove_leftovers();
  // Removes tape file `number` and all later ones; returns when that is durable.
  void remove_files_from(std::size_t number);
  void set_record_size(std::size_t record_size);
  [[nodiscard]] PartFile begin_part(std::string_view hint);
  // Takes the filemark away from the last tape file and cuts it to `size` bytes.
  [[nodiscard]] PartFile reopen_last_file(std::uint64_t size);
  void truncate_part(PartFile& part, std::uint64_t size);
  // Appends; after an Error the part is as long as before.
  void append_to_part(PartFile& part, ByteView bytes);
  // The filemark. After an Error the part is lost.
  void finish_part(PartFile part);

 private:
  [[nodiscard]] MediumDescription describe_itself() const;
  [[nodiscard]] std::string path_of(const std::string& name) const { return path_ + "/" + name; }
  void rename_durably(const std::string& from, const std::string& to);
  void remove_durably(const std::string& name);

  std::string path_;
  bool writable_;
  bool despite_gaps_;
  DirStepHook before_step_;
  UniqueFd directory_;  // Carries the writer's lock.
  bool write_protected_ = false;
  MediumDescription description_;
  MediumSpace space_;
  DirLayout layout_;
};

// Empty files in the places of tape files that are missing, for good: the addresses of all that
// stands behind them are counted with these from then on. Error{write_protected}, and
// Error{conflict} when another writer has it.
void make_stand_ins(const std::string& medium_path);

}  // namespace mixtape::tapeio
