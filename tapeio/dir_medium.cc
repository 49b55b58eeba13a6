// SPDX-License-Identifier: Apache-2.0
#include "tapeio/dir_medium.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "tapeio/dir_description.h"
#include "tapeio/dir_files.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::tapeio {
namespace {

constexpr std::uint64_t kMaxMediumSize =
    1024 * 1024 * TiB;  // Keeps sums of hostile sizes from wrapping.
// A scan that meets a writer between two steps is repeated; a writer's steps wait for the disk, so
// that so many scans in a row cannot all meet one.
constexpr int kMaxScans = 16;
// The disk begins to write early, so that the filemark does not wait for gigabytes.
constexpr std::uint64_t kWritebackInterval = 8 * MiB;

std::string told_of_gaps(const std::vector<std::uint64_t>& gaps) {
  std::string stand_ins;
  for (std::size_t i = 0; i < std::min(gaps.size(), kMostGapsNamed); ++i) {
    stand_ins += " " + stand_in_name(gaps[i]);
  }
  return missing_tape_files_text(gaps) +
         ": put back what is left of them, or stand-ins of the size they had (`truncate -s SIZE" +
         stand_ins +
         "`), which `mixtape doctor` tells; if nobody knows it, `mixtape recover --scan --library "
         "URL --identity FILE` reads the others";
}

// Empty files where there are gaps.
void fill_gaps(std::vector<FoundFile>& found) {
  for (const std::uint64_t gap : gaps_in(found)) {
    const std::string name = stand_in_name(gap);
    found.push_back({*parse_tape_file_name(name), name, {}, true});
  }
  std::ranges::stable_sort(found, {}, [](const FoundFile& file) { return file.parsed.number; });
}

// Why these files are no medium; empty when they are. Unfinished ones are taken out.
std::string take_finished(std::vector<FoundFile>& found, std::size_t record_size,
                          bool despite_gaps) {
  std::erase_if(found, [](const FoundFile& file) { return file.parsed.unfinished; });
  (void)drop_idle_stand_ins(found);
  if (despite_gaps) {
    fill_gaps(found);
  }
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const FoundFile& file = found[i];
    if (file.parsed.number < i) {
      return found[i - 1].name + " and " + file.name + " both claim to be tape file " +
             std::to_string(file.parsed.number);
    }
    if (file.parsed.number > i) {
      return told_of_gaps(gaps_in(found));
    }
    if (!file.is_regular) {
      return file.name + " is not an ordinary file";
    }
    if (file.identity.size > 0 && record_size == 0) {
      return std::string(kMediumDescriptionName) + " has lost the record_size";
    }
    if (file.identity.size > kMaxMediumSize - total) {
      return file.name + " makes it larger than any medium";
    }
    total += file.identity.size;
  }
  return {};
}

FileIdentity identity_of_open(int fd, const std::string& path) {
  struct stat status;
  if (::fstat(fd, &status) < 0) {
    throw_errno("look at " + path);
  }
  return identity_of(status);
}

std::string label_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

void lock_for_writing(const UniqueFd& directory, const std::string& path) {
  if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) {
    return;
  }
  if (errno == EWOULDBLOCK) {
    throw Error(ErrorCode::conflict,
                "load medium " + label_of(path) +
                    " for writing: another writer has it; wait until it is done");
  }
  throw_errno("lock " + path);
}

std::string part_name(const std::string& name) {
  return name + ".part";
}

}  // namespace

DirMedium::DirMedium(std::string path, bool writable, DirStepHook before_step, bool despite_gaps)
    : path_(std::move(path)),
      writable_(writable),
      despite_gaps_(despite_gaps),
      before_step_(std::move(before_step)) {
  MIXTAPE_ASSERT(!writable_ || !despite_gaps_);
  directory_ = open_file(path_, O_RDONLY | O_DIRECTORY);
  if (writable_) {
    lock_for_writing(directory_, path_);
  }
  struct stat status;
  if (::fstat(directory_.get(), &status) < 0) {
    throw_errno("look at " + path_);
  }
  // Without any write bit the directory is protected from root too, as by the tab of a cartridge.
  write_protected_ = (status.st_mode & 0222) == 0 || ::access(path_.c_str(), W_OK) != 0;
  rescan();
}

std::string DirMedium::label() const {
  return label_of(path_);
}

bool DirMedium::is_present() const {
  return is_disk_medium(path_);
}

bool DirMedium::disk_is_nearly_full() const {
  struct statvfs disk;
  return ::fstatvfs(directory_.get(), &disk) == 0 &&
         static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize < space_.early_warning_bytes;
}

MediumDescription DirMedium::describe_itself() const {
  if (!writable_) {
    return description_for_reading(path_);
  }
  try {
    return read_medium_description(path_);
  } catch (const Error& error) {
    const std::string trouble = trouble_of_description(path_);
    if (trouble.empty()) {
      throw;
    }
    throw Error(ErrorCode::corrupt, "write to medium " + label() + ": " + trouble);
  }
}

void DirMedium::rescan() {
  std::string problem;
  for (int scan = 0; scan < kMaxScans; ++scan) {
    const MediumDescription description = describe_itself();
    std::vector<FoundFile> found = find_tape_files(path_);
    if (describe_itself() != description) {
      problem = std::string(kMediumDescriptionName) + " keeps changing";
      continue;
    }
    problem = take_finished(found, description.record_size, despite_gaps_);
    if (problem.empty()) {
      description_ = description;
      space_ = MediumSpace::with_default_warning(description.capacity_bytes);
      layout_ = DirLayout(description.record_size, space_.filemark_bytes);
      for (FoundFile& file : found) {
        layout_.append(std::move(file.name), file.identity);
      }
      return;
    }
  }
  throw Error(ErrorCode::corrupt, "read medium " + label() + ": " + problem);
}

std::optional<UniqueFd> DirMedium::open_tape_file(std::size_t number) const {
  const TapeFile& file = layout_.files()[number];
  const std::string path = path_of(file.name);
  // O_NONBLOCK: not to hang if somebody put a pipe there since the scan.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) {
      return std::nullopt;
    }
    throw_errno("open " + path);
  }
  if (identity_of_open(fd.get(), path) != file.identity) {
    return std::nullopt;
  }
  return fd;
}

void DirMedium::remove_leftovers() {
  std::vector<FoundFile> found = find_tape_files(path_);
  std::vector<FoundFile> finished = found;
  std::erase_if(finished, [](const FoundFile& file) { return file.parsed.unfinished; });
  // Once the file beside it is removed it would be a tape file again.
  for (const std::string& stand_in : drop_idle_stand_ins(finished)) {
    remove_durably(stand_in);
  }
  for (auto file = found.rbegin(); file != found.rend(); ++file) {
    if (file->parsed.unfinished || file->parsed.number >= layout_.files().size()) {
      remove_durably(file->name);
    }
  }
}

void DirMedium::remove_files_from(std::size_t number) {
  while (layout_.files().size() > number) {
    // Forgotten first: after a failure nobody knows whether it is still there.
    const std::string name = layout_.files().back().name;
    layout_.truncate(layout_.files().size() - 1);
    remove_durably(name);
  }
}

void DirMedium::set_record_size(std::size_t record_size) {
  MediumDescription changed = description_;
  changed.record_size = record_size;
  before_step_("describe");
  write_medium_description(path_, changed);
  description_ = changed;
  // The layout may hold empty tape files; their addresses do not depend on the record size.
  DirLayout layout(record_size, space_.filemark_bytes);
  for (const TapeFile& file : layout_.files()) {
    layout.append(file.name, file.identity);
  }
  layout_ = std::move(layout);
}

PartFile DirMedium::begin_part(std::string_view hint) {
  PartFile part{.fd = {}, .name = tape_file_name(layout_.files().size(), hint)};
  before_step_("begin " + part.name);
  part.fd = open_file(path_of(part_name(part.name)), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW);
  return part;
}

PartFile DirMedium::reopen_last_file(std::uint64_t size) {
  const TapeFile file = layout_.files().back();
  layout_.truncate(layout_.files().size() - 1);
  rename_durably(file.name, part_name(file.name));
  PartFile part{.fd = open_file(path_of(part_name(file.name)), O_RDWR | O_NOFOLLOW),
                .name = file.name,
                .size = file.size()};
  truncate_part(part, size);
  return part;
}

void DirMedium::truncate_part(PartFile& part, std::uint64_t size) {
  before_step_("truncate " + part.name);
  if (::ftruncate(part.fd.get(), static_cast<off_t>(size)) < 0) {
    throw_errno("truncate " + path_of(part_name(part.name)));
  }
  part.size = size;
  part.writeback_begun = std::min(part.writeback_begun, size);
}

void DirMedium::append_to_part(PartFile& part, ByteView bytes) {
  write_full_at(part.fd.get(), bytes, part.size, path_of(part_name(part.name)));
  part.size += bytes.size();
  if (part.size - part.writeback_begun >= kWritebackInterval) {
    // Only a request: whether it can be met shows at the filemark.
    static_cast<void>(::sync_file_range(part.fd.get(), static_cast<off_t>(part.writeback_begun),
                                        static_cast<off_t>(part.size - part.writeback_begun),
                                        SYNC_FILE_RANGE_WRITE));
    part.writeback_begun = part.size;
  }
}

void DirMedium::finish_part(PartFile part) {
  const std::string path = path_of(part_name(part.name));
  // A write that failed half-way may have left bytes behind the last whole record.
  truncate_part(part, part.size);
  before_step_("sync " + part.name);
  fsync_file(part.fd.get(), path);
  rename_durably(part_name(part.name), part.name);
  layout_.append(part.name, identity_of_open(part.fd.get(), path));
}

void DirMedium::rename_durably(const std::string& from, const std::string& to) {
  before_step_("rename " + from);
  rename_file(path_of(from), path_of(to));
  before_step_("sync directory");
  fsync_file(directory_.get(), path_);
}

void DirMedium::remove_durably(const std::string& name) {
  before_step_("remove " + name);
  static_cast<void>(remove_file(path_of(name)));
  before_step_("sync directory");
  fsync_file(directory_.get(), path_);
}

void make_stand_ins(const std::string& medium_path) {
  const std::vector<std::uint64_t> missing = missing_tape_files(medium_path);
  if (DirMedium(medium_path, false, {}, true).is_write_protected()) {
    throw Error(ErrorCode::write_protected,
                "make stand-ins on medium " + label_of(medium_path) +
                    ": it is write-protected, and without them what stands behind " +
                    missing_tape_files_text(missing) + " cannot be found again");
  }
  const UniqueFd directory = open_file(medium_path, O_RDONLY | O_DIRECTORY);
  lock_for_writing(directory, medium_path);
  for (const std::uint64_t number : missing) {
    write_file_durably(medium_path + "/" + stand_in_name(number), {});
  }
}

}  // namespace mixtape::tapeio
