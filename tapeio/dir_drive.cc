// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_drive.h"

#include <algorithm>
#include <utility>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/write_protection.h"

namespace mixtape::tapeio {
namespace {

// Asking the file system costs a call; a disk that others fill at 500 MB/s is still noticed in
// time.
constexpr std::uint64_t kDiskCheckInterval = 64 * MiB;
// A reader that finds another file than it knew looks again; one that changes at each look is not a
// tape file under a writer's care.
constexpr int kMaxLooks = 4;
constexpr std::string_view kNoPermission =
    "its directory has no permission to write: give it that, or take another medium";

}  // namespace

DirDrive::DirDrive(std::string path, DirDriveOptions options)
    : medium_(std::move(path), options.writable, std::move(options.before_step),
              options.despite_gaps),
      unchecked_bytes_(kDiskCheckInterval) {}

std::uint64_t DirDrive::part_records() const {
  return part_.has_value() ? layout().records_in(part_->size) : 0;
}

std::uint64_t DirDrive::end_of_data() const {
  return layout().end_block() + part_records();
}

DirDrive::Head DirDrive::head_at(std::uint64_t block) const {
  const std::size_t file = layout().file_at(block);
  const bool finished = file < layout().files().size();
  const std::uint64_t first = finished ? layout().files()[file].first_block : layout().end_block();
  return {.file = file, .record = block - first};
}

std::uint64_t DirDrive::used_before_head() const {
  const bool finished = head_.file < layout().files().size();
  const std::uint64_t before =
      finished ? layout().files()[head_.file].used_before : layout().end_used();
  const std::uint64_t size =
      finished ? layout().files()[head_.file].size() : (part_.has_value() ? part_->size : 0);
  return before + std::min(head_.record * layout().record_size(), size);
}

void DirDrive::move_to(Head head) {
  if (head.file != head_.file) {
    reading_.reset();
  }
  head_ = head;
}

void DirDrive::require_medium(const char* operation) const {
  if (!medium_.is_present()) {
    throw Error(ErrorCode::no_medium, std::string(operation) + " of medium " + medium_.label() +
                                          ": " + medium_.path() + " is gone");
  }
}

std::optional<MediumInfo> DirDrive::medium() {
  if (!medium_.is_present()) {
    return std::nullopt;
  }
  MediumInfo info{.label = medium_.label(),
                  .capacity_bytes = medium_.space().capacity_bytes,
                  .write_protected = medium_.is_write_protected()};
  const std::uint64_t used = layout().end_used() + (part_.has_value() ? part_->size : 0);
  if (!medium_.space().warns(used) && medium_.disk_is_nearly_full()) {
    info.shortage = "the disk under " + medium_.path() + " is nearly full: free some space";
  }
  return info;
}

Position DirDrive::position() {
  const bool finished = head_.file < layout().files().size();
  const std::uint64_t first =
      finished ? layout().files()[head_.file].first_block : layout().end_block();
  return {.block = first + head_.record, .file = head_.file};
}

void DirDrive::name_next_file(std::string_view hint) {
  hint_ = hint;
}

// False when another file than the one of the last scan bears the name, or none.
bool DirDrive::open_file_under_head() {
  if (!reading_.valid()) {
    std::optional<UniqueFd> opened = medium_.open_tape_file(head_.file);
    if (!opened.has_value()) {
      return false;
    }
    reading_ = std::move(*opened);
  }
  return true;
}

// Takes up what a writer has changed behind the head.
void DirDrive::refresh_behind_head() {
  const std::vector<TapeFile> before = layout().files();
  medium_.rescan();
  const std::vector<TapeFile>& now = layout().files();
  const auto differs = std::mismatch(
      before.begin(), before.end(), now.begin(), now.end(),
      [](const TapeFile& old, const TapeFile& found) { return old.identity == found.identity; });
  reading_.reset();
  const auto unchanged = static_cast<std::size_t>(differs.second - now.begin());
  if (head_.file < unchanged || (head_.file == unchanged && head_.record == 0)) {
    return;
  }
  move_to({.file = unchanged, .record = 0});
  throw Error(ErrorCode::io, "read medium " + medium_.label() + ": tape file " +
                                 std::to_string(unchanged) + " was overwritten meanwhile");
}

ReadResult DirDrive::read_from(int fd, std::uint64_t file_size, MutableBytes buffer) {
  const std::uint64_t offset = head_.record * layout().record_size();
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::uint64_t>(layout().record_size(), file_size - offset));
  const std::string name =
      "record " + std::to_string(position().block) + " of medium " + medium_.label();
  ++head_.record;
  if (size > buffer.size()) {
    throw Error(ErrorCode::invalid, "read " + name + ": it has " + std::to_string(size) +
                                        " bytes, the buffer " + std::to_string(buffer.size()));
  }
  if (read_full_at(fd, buffer.first(size), offset, name) < size) {
    throw Error(ErrorCode::corrupt, "read " + name + ": its tape file became shorter");
  }
  return {ReadResult::Kind::record, size};
}

ReadResult DirDrive::read_record(MutableBytes buffer) {
  for (int look = 0; look < kMaxLooks; ++look) {
    if (position().block == end_of_data()) {
      require_medium("read record");
      if (medium_.is_writable()) {
        return {ReadResult::Kind::end_of_data};
      }
      refresh_behind_head();
    }
    if (head_.file == layout().files().size()) {
      if (head_.record == part_records()) {
        return {ReadResult::Kind::end_of_data};
      }
      return read_from(part_->fd.get(), part_->size, buffer);
    }
    const TapeFile& file = layout().files()[head_.file];
    if (head_.record == file.records) {
      move_to({.file = head_.file + 1, .record = 0});
      return {ReadResult::Kind::filemark};
    }
    if (open_file_under_head()) {
      return read_from(reading_.get(), file.size(), buffer);
    }
    require_medium("read record");
    if (medium_.is_writable()) {
      break;
    }
    refresh_behind_head();
  }
  throw Error(ErrorCode::io, "read medium " + medium_.label() + ": tape file " +
                                 std::to_string(head_.file) + " was changed by somebody else");
}

void DirDrive::rewind() {
  require_medium("rewind");
  move_to({});
}

void DirDrive::locate(std::uint64_t block) {
  require_medium("locate");
  reading_.reset();
  if (!medium_.is_writable()) {
    // An address says where to go in what is there now, not in what was there when the drive was
    // loaded.
    if (block >= end_of_data()) {
      medium_.rescan();
    }
  }
  head_ = head_at(std::min(block, end_of_data()));
  if (!medium_.is_writable() && head_.file < layout().files().size() && !open_file_under_head()) {
    medium_.rescan();
    head_ = head_at(std::min(block, end_of_data()));
  }
  if (block > end_of_data()) {
    throw Error(ErrorCode::invalid, "locate block " + std::to_string(block) + " of medium " +
                                        medium_.label() + ": its data ends at block " +
                                        std::to_string(end_of_data()));
  }
}

std::uint64_t DirDrive::space_filemarks(std::int64_t count) {
  require_medium("space filemarks");
  if (count > 0) {
    const auto wanted = static_cast<std::uint64_t>(count);
    if (wanted > layout().files().size() - head_.file && !medium_.is_writable()) {
      refresh_behind_head();
    }
    const std::size_t end = layout().files().size();
    const std::uint64_t passed = std::min<std::uint64_t>(wanted, end - head_.file);
    move_to(passed < wanted ? Head{.file = end, .record = part_records()}
                            : Head{.file = head_.file + passed, .record = 0});
    return passed;
  }
  // Negated as unsigned: the most negative count has no positive counterpart.
  const std::uint64_t wanted = -static_cast<std::uint64_t>(count);
  const std::uint64_t passed = std::min<std::uint64_t>(wanted, head_.file);
  if (passed < wanted) {
    move_to({});
  } else if (passed > 0) {
    const std::size_t file = head_.file - passed;
    move_to({.file = file, .record = layout().files()[file].records});
  }
  return passed;
}

void DirDrive::seek_end_of_data() {
  require_medium("seek end of data");
  if (!medium_.is_writable()) {
    medium_.rescan();
  }
  reading_.reset();
  head_ = head_at(end_of_data());
}

void DirDrive::require_writable(const char* operation) const {
  require_medium(operation);
  tapeio::require_writable(
      std::string(operation) + " to medium " + medium_.label(),
      {.loaded_for_reading = !medium_.is_writable(),
       .of_medium = medium_.is_write_protected() ? kNoPermission : std::string_view{}});
}

void DirDrive::require_record_size(std::size_t size) const {
  const std::size_t record_size = layout().record_size();
  const bool finished = head_.file < layout().files().size();
  const std::uint64_t file_size =
      finished ? layout().files()[head_.file].size() : (part_.has_value() ? part_->size : 0);
  if (size > record_size || head_.record * record_size > file_size) {
    throw Error(ErrorCode::unsupported,
                "write record of " + std::to_string(size) + " bytes to medium " + medium_.label() +
                    ": its records have " + std::to_string(record_size) +
                    " bytes, and only the last of a tape file may have fewer");
  }
}

// Everything from the head on goes; what is before it in the same tape file stays, as a part.
void DirDrive::end_data_at_head() {
  const bool in_finished_file = head_.file < layout().files().size();
  if (part_.has_value() && (in_finished_file || head_.record == 0)) {
    part_.reset();  // Also at its own first record: begun anew, it may get another name.
    may_have_leftovers_ = true;
  }
  if (!part_.has_value() && may_have_leftovers_) {
    medium_.remove_leftovers();
    may_have_leftovers_ = false;
  }
  const std::uint64_t kept_bytes = head_.record * layout().record_size();
  if (in_finished_file) {
    end_data_in_finished_file(kept_bytes);
  } else if (part_.has_value() && kept_bytes < part_->size) {
    medium_.truncate_part(*part_, kept_bytes);
  }
}

void DirDrive::end_data_in_finished_file(std::uint64_t kept_bytes) {
  reading_.reset();
  may_have_leftovers_ = true;
  if (head_.record == 0) {
    medium_.remove_files_from(head_.file);
  } else {
    medium_.remove_files_from(head_.file + 1);
    const std::uint64_t size = layout().files()[head_.file].size();
    // As long as the part is not there, the end of data is before it.
    const std::uint64_t record = std::exchange(head_.record, 0);
    part_ = medium_.reopen_last_file(std::min(kept_bytes, size));
    head_.record = record;
  }
  may_have_leftovers_ = false;
}

bool DirDrive::warns(std::size_t written) {
  unchecked_bytes_ += written;
  if (unchecked_bytes_ >= kDiskCheckInterval) {
    unchecked_bytes_ = 0;
    disk_is_nearly_full_ = medium_.disk_is_nearly_full();
  }
  return disk_is_nearly_full_ || medium_.space().warns(used_before_head());
}

WriteResult DirDrive::write_record(ByteView record) {
  require_writable("write record");
  if (record.empty() || record.size() > kMaxRecordSize) {
    throw Error(ErrorCode::invalid, "write record of " + std::to_string(record.size()) +
                                        " bytes: records have 1 byte to 4 MiB");
  }
  if (!medium_.space().holds_record(used_before_head(), record.size())) {
    return {.written = false, .early_warning = true};
  }
  // With nothing but filemarks before the head no record is left that had another size.
  const bool is_first_record = position().block == position().file;
  if (!is_first_record) {
    require_record_size(record.size());
  }
  end_data_at_head();
  if (is_first_record && layout().record_size() != record.size()) {
    medium_.set_record_size(record.size());
  }
  if (!part_.has_value()) {
    part_ = medium_.begin_part(std::exchange(hint_, {}));
  }
  medium_.append_to_part(*part_, record);
  ++head_.record;
  return {.written = true, .early_warning = warns(record.size())};
}

WriteResult DirDrive::write_filemark() {
  require_writable("write filemark");
  if (!medium_.space().holds_filemark(used_before_head())) {
    return {.written = false, .early_warning = true};
  }
  end_data_at_head();
  PartFile part = part_.has_value() ? std::move(*part_) : medium_.begin_part("empty");
  // If this fails, nobody knows what of the tape file reached the disk: it is gone for this drive
  // too.
  part_.reset();
  head_.record = 0;
  may_have_leftovers_ = true;
  medium_.finish_part(std::move(part));
  may_have_leftovers_ = false;
  move_to({.file = head_.file + 1, .record = 0});
  return {.written = true, .early_warning = warns(0)};
}

}  // namespace mixtape::tapeio
