// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_partial.h"

#include <algorithm>
#include <climits>
#include <set>
#include <utility>

#include "engine/format/digest.h"
#include "engine/recall/extent_map.h"
#include "engine/service/recall_service.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

constexpr std::size_t kBuffer = 1 * MiB;
// Each holds a file open.
constexpr std::size_t kAtOnce = 100;
constexpr std::string_view kSuffix = ".partial";
// Names tried for one part.
constexpr int kMostNames = 1000;

bool ends_all(const Error& error) {
  return error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled;
}

// The name of the part of a file of that name: PATH.partial, then PATH.partial~2, ... What does not
// fit is cut off in front of a character of UTF-8; a name may also be no UTF-8 at all.
std::string name_of_part(const std::string& name, int number) {
  const std::string suffix =
      std::string(kSuffix) + (number == 1 ? "" : "~" + std::to_string(number));
  constexpr std::size_t kLongestCharacter = 4;
  std::size_t size = std::min(name.size(), NAME_MAX - suffix.size());
  const auto goes_on = [&](std::size_t at) {
    return (static_cast<unsigned char>(name[at]) & 0xc0U) == 0x80U;
  };
  for (std::size_t back = 0; size < name.size() && back < kLongestCharacter; ++back) {
    if (!goes_on(size - back)) {
      size -= back;
      break;
    }
  }
  return name.substr(0, size) + suffix;
}

}  // namespace

struct PartialRestore::Work {
  RestoreContent* content = nullptr;
  std::vector<recall::Extent> copies;
  std::unique_ptr<Destination::NewFile> file;
  std::size_t file_item = 0;  // Whose file it is: the first that lets itself be made.
  std::vector<FileHole> holes;
};

PartialRestore::PartialRestore(Context& context, RestorePlan& plan, Destination& destination,
                               RestoreResult& result, Reporter& reporter, Load load)
    : context_(context),
      plan_(plan),
      destination_(destination),
      result_(result),
      reporter_(reporter),
      load_(std::move(load)) {}

PartialRestore::~PartialRestore() = default;

void PartialRestore::make(const std::vector<std::size_t>& contents) {
  for (std::size_t number = 0; !contents.empty() && number < plan_.items.size(); ++number) {
    targets_.insert(plan_.items[number].target);
  }
  for (std::size_t begin = 0; begin < contents.size(); begin += kAtOnce) {
    const auto first = contents.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t count = std::min(kAtOnce, contents.size() - begin);
    make_some({first, first + static_cast<std::ptrdiff_t>(count)});
  }
}

void PartialRestore::make_some(const std::vector<std::size_t>& contents) {
  std::vector<Work> works;
  std::set<std::string> labels;
  for (const std::size_t number : contents) {
    Work work;
    work.content = &plan_.contents[number];
    begin(work);
    for (const recall::Extent& copy : work.copies) {
      labels.insert(copy.archive.medium_label);
    }
    if (work.file) {
      works.push_back(std::move(work));
    }
  }
  for (const std::string& label : labels) {
    read(label, works);
  }
  for (Work& work : works) {
    finish(work);
  }
}

void PartialRestore::begin(Work& work) {
  RestoreContent& content = *work.content;
  const catalog::ContentId id{content.content.number};
  // A drive that failed says nothing about a copy: that one still counts as good.
  std::vector<catalog::CopyPlace> places = context_.ledger.places(id);
  for (catalog::Ledger::Damaged& damaged : context_.ledger.damaged(id)) {
    places.push_back(std::move(damaged.place));
  }
  for (const catalog::CopyPlace& place : places) {
    work.copies.push_back(to_extent(place));
  }
  work.holes = {{0, content.content.size, ""}};
  for (; !work.file && !content.is_settled(); content.settled += work.file ? 0 : 1) {
    work.file_item = content.items[content.settled];
    const std::string& target = plan_.items[work.file_item].target;
    try {
      work.file = destination_.create(target);
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      add_trouble(result_, target, error.what());
    }
  }
}

void PartialRestore::lose(Work& work, const std::string& label, const std::string& why) {
  for (FileHole& hole : work.holes) {
    hole.why += (hole.why.empty() ? "" : "; ") + ("medium " + label + ": " + why);
  }
}

void PartialRestore::read(const std::string& label, std::vector<Work>& works) {
  std::vector<std::pair<recall::Extent*, Work*>> reads;
  for (Work& work : works) {
    for (recall::Extent& copy : work.copies) {
      if (copy.archive.medium_label == label && !work.holes.empty()) {
        reads.emplace_back(&copy, &work);
      }
    }
  }
  std::ranges::sort(reads, {}, [](const auto& read) {
    return std::pair(read.first->archive.first_block, read.first->data_offset);
  });
  std::string failed;
  std::unique_ptr<tapeio::TapeDrive> drive;
  for (const auto& [copy, work] : reads) {
    require_no_stop();
    try {
      if (failed.empty() && !drive) {
        drive = load_(label);
      }
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      failed = error.what();
    }
    if (!failed.empty()) {
      lose(*work, label, failed);
      continue;
    }
    try {
      read_copy(*drive, *work, *copy);
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      lose(*work, label, error.what());
    }
  }
}

void PartialRestore::read_copy(tapeio::TapeDrive& drive, Work& work, const recall::Extent& copy) {
  const std::string phase = "salvage from " + copy.archive.medium_label;
  const std::uint64_t size = work.content->content.size;
  std::uint64_t done = 0;
  work.holes = salvage(drive, context_.workspace.identities(), copy, size, work.holes,
                       [&](std::uint64_t offset, ByteView bytes) {
                         work.file->write_at(offset, bytes);
                         done += bytes.size();
                         go_on(phase, done, size);
                       });
}

void PartialRestore::require_no_stop() const {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "restore: cancelled");
  }
}

void PartialRestore::go_on(const std::string& phase, std::uint64_t done, std::uint64_t total) {
  require_no_stop();
  Progress progress;
  progress.phase = phase;
  progress.done_bytes = done;
  progress.total_bytes = total;
  reporter_.progress(progress);
}

void PartialRestore::walk(const Work& work, std::uint64_t begin, std::uint64_t end,
                          const std::string& phase, const Stored& stored) {
  Bytes buffer(kBuffer);
  while (begin < end) {
    begin = std::max(begin, work.file->next_data(begin));
    if (begin >= end) {
      return;
    }
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, end - begin));
    const std::size_t got = work.file->read_back(begin, MutableBytes(buffer).first(want));
    if (got == 0) {
      return;  // It ends in a hole.
    }
    stored(begin, ByteView(buffer).first(got));
    begin += got;
    go_on(phase, begin, work.content->content.size);
  }
}

bool PartialRestore::has_right_hash(const Work& work) {
  const recall::Content& content = work.content->content;
  if (!content.hash) {
    return true;
  }
  const std::string phase = "check what was salvaged";
  const Bytes zeros(kBuffer);
  format::Hasher hasher;
  std::uint64_t at = 0;
  const auto hash_zeros_up_to = [&](std::uint64_t end) {
    while (at < end) {
      const std::uint64_t count = std::min<std::uint64_t>(kBuffer, end - at);
      hasher.update(ByteView(zeros).first(static_cast<std::size_t>(count)));
      at += count;
      go_on(phase, at, content.size);
    }
  };
  walk(work, 0, content.size, phase, [&](std::uint64_t offset, ByteView bytes) {
    hash_zeros_up_to(offset);
    hasher.update(bytes);
    at += bytes.size();
  });
  hash_zeros_up_to(content.size);
  return hasher.finish() == *content.hash;
}

void PartialRestore::finish(Work& work) {
  const bool is_whole = work.holes.empty() && has_right_hash(work);
  RestoreContent& content = *work.content;
  work.file->extend_to(content.content.size);
  for (; !content.is_settled(); ++content.settled) {
    const std::size_t number = content.items[content.settled];
    try {
      make_item(work, number, is_whole);
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      add_trouble(result_, plan_.items[number].target, error.what());
    }
  }
  work.file.reset();
}

// A part replaces nothing, whatever the rule for conflicts says: what is there may be a whole file,
// and even one that was restored a moment ago.
std::string PartialRestore::free_name(const std::string& target) {
  const std::size_t begin = target.rfind('/') + 1;  // 0 where there is none.
  for (int number = 1; number <= kMostNames; ++number) {
    std::string name = name_of_part(target.substr(begin), number);
    const std::string path = target.substr(0, begin) + name;
    if (!targets_.contains(path) && !destination_.look(path)) {
      return name;
    }
  }
  throw Error(ErrorCode::conflict, "restore what is left of " + target +
                                       ": every name for it is taken; remove former parts");
}

void PartialRestore::make_item(Work& work, std::size_t number, bool is_whole) {
  const RestoreItem& item = plan_.items[number];
  const auto version = context_.tree.version(item.version);
  MIXTAPE_ASSERT(version.has_value());
  std::unique_ptr<Destination::NewFile> copy;
  if (number != work.file_item) {
    copy = destination_.create(item.target);
    copy_whole_ranges(work, *copy);
    copy->extend_to(work.content->content.size);
  }
  Destination::NewFile& file = copy ? *copy : *work.file;
  std::string target = item.target;
  if (!is_whole) {
    const std::string name = free_name(item.target);
    file.rename(name);
    target = target.substr(0, target.rfind('/') + 1) + name;
  }
  file.finish(version->metadata, is_whole ? item.existing : Existing::keep);
  if (is_whole) {
    ++result_.files;
    result_.bytes += work.content->content.size;
    return;
  }
  RestorePartial partial{.path = target, .size = work.content->content.size, .holes = work.holes};
  std::uint64_t lost = 0;
  for (const FileHole& hole : work.holes) {
    lost += hole.length;
  }
  add_trouble(result_, item.target,
              work.holes.empty()
                  ? "every copy is damaged: " + target +
                        " has its length, but not its hash, and nobody can tell where it differs"
                  : "every copy is damaged: " + target + " has " +
                        std::to_string(partial.size - lost) + " of its " +
                        std::to_string(partial.size) + " bytes, and holes for the others");
  result_.partials.push_back(std::move(partial));
}

void PartialRestore::copy_whole_ranges(const Work& work, Destination::NewFile& to) {
  std::uint64_t at = 0;
  const auto copy_up_to = [&](std::uint64_t end) {
    walk(work, at, end, "copy what was salvaged",
         [&](std::uint64_t offset, ByteView bytes) { to.write_at(offset, bytes); });
  };
  for (const FileHole& hole : work.holes) {
    copy_up_to(hole.offset);
    at = hole.offset + hole.length;
  }
  copy_up_to(work.content->content.size);
}

}  // namespace mixtape::service
