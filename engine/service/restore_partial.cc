// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_partial.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "engine/recall/extent_map.h"
#include "engine/service/part_file.h"
#include "engine/service/recall_service.h"
#include "engine/service/salvage_choice.h"
#include "engine/service/verdicts.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// Each holds a file open, and another one for an attempt.
constexpr std::size_t kAtOnce = 100;
// Names tried for one part.
constexpr int kMostNames = 1000;

bool ends_all(const Error& error) {
  return error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled;
}

}  // namespace

// What copies have given.
struct PartialRestore::Made {
  std::unique_ptr<Destination::NewFile> file;
  std::vector<FileHole> holes;
  std::vector<std::size_t> read;  // The copies whose reasons are in the holes.
  std::vector<std::size_t> from;  // Those that gave something to the attempt.
  std::size_t sources = 0;        // How many gave something at all.
  bool is_right = false;

  [[nodiscard]] std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const FileHole& hole : holes) {
      sum += hole.length;
    }
    return sum;
  }
};

struct PartialRestore::Work {
  RestoreContent* content = nullptr;
  std::vector<recall::Extent> copies;
  std::size_t file_item = 0;  // Whose file it is: the first that lets itself be made.
  Made kept;
  std::optional<SalvageChoice> choice;
  std::optional<SalvageChoice::Attempt> attempt;
  Made made;  // By the attempt; without a file when the disk has no room for it.

  [[nodiscard]] std::uint64_t size() const { return content->content.size; }
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
  for (const std::size_t number : contents) {
    Work work;
    work.content = &plan_.contents[number];
    begin(work);
    if (work.kept.file) {
      works.push_back(std::move(work));
    }
  }
  for (;;) {
    std::set<std::string> labels;
    for (Work& work : works) {
      work.attempt = work.choice->next();
      if (work.attempt) {
        begin_attempt(work);
        for (const std::size_t copy : work.attempt->copies) {
          labels.insert(work.copies[copy].archive.medium_label);
        }
      }
    }
    if (labels.empty()) {
      break;
    }
    for (const std::string& label : labels) {
      read(label, works);
    }
    for (Work& work : works) {
      judge(work);
    }
  }
  for (Work& work : works) {
    finish(work);
  }
}

void PartialRestore::begin(Work& work) {
  RestoreContent& content = *work.content;
  const catalog::ContentId id{content.content.number};
  std::vector<bool> is_other;
  // A drive that failed says nothing about a copy: that one still counts as good.
  for (const catalog::CopyPlace& place : context_.ledger.places(id)) {
    work.copies.push_back(to_extent(place));
    is_other.push_back(false);
  }
  for (const catalog::Ledger::Damaged& damaged : context_.ledger.damaged(id)) {
    work.copies.push_back(to_extent(damaged.place));
    is_other.push_back(damaged.found == kOtherHash);
  }
  work.choice.emplace(std::move(is_other));
  work.kept.holes = {{0, work.size(), ""}};
  for (; !work.kept.file && !content.is_settled(); content.settled += work.kept.file ? 0 : 1) {
    work.file_item = content.items[content.settled];
    const std::string& target = plan_.items[work.file_item].target;
    try {
      work.kept.file = destination_.create(target);
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      add_trouble(result_, target, error.what());
    }
  }
}

void PartialRestore::begin_attempt(Work& work) {
  work.made = {};
  work.made.holes = {{0, work.size(), ""}};
  const auto make_file = [&] {
    work.made.file = destination_.create(plan_.items[work.file_item].target);
    if (work.kept.sources == 0) {  // Only reasons.
      work.made.holes = work.kept.holes;
      work.made.read = work.kept.read;
    } else if (work.attempt->kind == SalvageChoice::Attempt::Kind::fill) {
      copy(work, work.kept, *work.made.file);
      work.made.holes = work.kept.holes;
      work.made.read = work.kept.read;
      work.made.sources = work.kept.sources;
    }
  };
  try {
    spare(work, make_file);
  } catch (const Error& error) {
    if (ends_all(error)) {
      throw;
    }
    drop_attempt(work, error.what());
  }
}

// What is kept stays.
void PartialRestore::drop_attempt(Work& work, const std::string& why) {
  work.made.file.reset();
  for (const std::size_t copy : work.attempt->copies) {
    if (std::ranges::find(work.kept.read, copy) == work.kept.read.end()) {
      work.kept.read.push_back(copy);
      lose(work.kept, work.copies[copy].archive.medium_label, why);
    }
  }
}

// A second file is more than there may be room for; what is kept then stays.
void PartialRestore::spare(Work& work, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::no_space || work.kept.sources == 0) {
      throw;
    }
    drop_attempt(work, error.what());
  }
}

void PartialRestore::judge(Work& work) {
  if (!work.attempt || !work.made.file) {
    return;
  }
  Made& made = work.made;
  const std::uint64_t lost = made.lost();
  made.is_right = lost == 0 && has_right_hash(work, made);
  const bool is_kept = work.choice->judge(
      *work.attempt,
      {.from = made.from, .had = work.size() - lost, .lost = lost, .is_right = made.is_right});
  if (is_kept) {
    work.kept = std::move(made);
  } else if (made.from.empty() && made.sources == work.kept.sources) {
    // Nothing but one more reason.
    work.kept.holes = std::move(made.holes);
    work.kept.read = std::move(made.read);
  }
  made = {};
}

void PartialRestore::lose(Made& made, const std::string& label, const std::string& why) {
  for (FileHole& hole : made.holes) {
    hole.why += (hole.why.empty() ? "" : "; ") + ("medium " + label + ": " + why);
  }
}

void PartialRestore::read(const std::string& label, std::vector<Work>& works) {
  std::vector<std::pair<recall::Extent*, Work*>> reads;
  for (Work& work : works) {
    if (!work.attempt || !work.made.file) {
      continue;
    }
    for (const std::size_t copy : work.attempt->copies) {
      if (work.copies[copy].archive.medium_label == label) {
        reads.emplace_back(&work.copies[copy], &work);
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
    if (!work->made.file || work->made.holes.empty()) {
      continue;
    }
    work->made.read.push_back(static_cast<std::size_t>(copy - work->copies.data()));
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
      lose(work->made, label, failed);
      continue;
    }
    try {
      spare(*work, [&] { read_copy(*drive, *work, work->made.read.back()); });
    } catch (const Error& error) {
      if (ends_all(error)) {
        throw;
      }
      lose(work->made, label, error.what());
    }
  }
}

void PartialRestore::read_copy(tapeio::TapeDrive& drive, Work& work, std::size_t number) {
  const recall::Extent& copy = work.copies[number];
  const std::string phase = "salvage from " + copy.archive.medium_label;
  Made& made = work.made;
  const std::uint64_t before = made.lost();
  std::uint64_t done = 0;
  made.holes = salvage(drive, context_.workspace.identities(), copy, work.size(), made.holes,
                       [&](std::uint64_t offset, ByteView bytes) {
                         made.file->write_at(offset, bytes);
                         done += bytes.size();
                         go_on(phase, done, work.size());
                       });
  if (made.lost() < before) {
    made.from.push_back(number);
    ++made.sources;
  }
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

bool PartialRestore::has_right_hash(const Work& work, const Made& made) {
  const recall::Content& content = work.content->content;
  return !content.hash || hash_of(*made.file, content.size, [&](std::uint64_t done) {
                            go_on("check what was salvaged", done, content.size);
                          }) == *content.hash;
}

void PartialRestore::tell_of_others(Work& work) {
  for (std::size_t copy = 0; copy < work.copies.size(); ++copy) {
    if (std::ranges::find(work.kept.read, copy) == work.kept.read.end()) {
      lose(work.kept, work.copies[copy].archive.medium_label,
           work.choice->is_other(copy)
               ? "the hash of its copy is wrong, so that nothing it has there can be trusted"
               : "what it has there does not go with the rest: the hash is wrong");
    }
  }
}

void PartialRestore::finish(Work& work) {
  tell_of_others(work);
  // Without a hash a copy that reads well is taken for right, as ever; a mixture is not.
  const bool has_hash = work.content->content.hash.has_value();
  const bool is_whole = work.kept.is_right && (has_hash || work.kept.sources <= 1);
  result_.unverified += is_whole && !has_hash ? 1 : 0;
  RestoreContent& content = *work.content;
  work.kept.file->extend_to(content.content.size);
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
  work.kept.file.reset();
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
    this->copy(work, work.kept, *copy);
    copy->extend_to(work.content->content.size);
  }
  Destination::NewFile& file = copy ? *copy : *work.kept.file;
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
  RestorePartial partial{
      .path = target, .size = work.content->content.size, .holes = work.kept.holes};
  const std::string had = std::to_string(partial.size - work.kept.lost());
  const std::string what =
      !partial.holes.empty() ? " has " + had + " of its " + std::to_string(partial.size) +
                                   " bytes, and holes for the others"
      : work.kept.is_right
          ? " is put together from several copies, and there is no hash to compare it with"
          : " has its length, but not its hash, and nobody can tell where it differs";
  add_trouble(result_, item.target, "every copy is damaged: " + target + what);
  result_.partials.push_back(std::move(partial));
}

void PartialRestore::copy(const Work& work, const Made& from, Destination::NewFile& to) {
  copy_whole_ranges(*from.file, work.size(), from.holes, to, [&](std::uint64_t done) {
    go_on("copy what was salvaged", done, work.size());
  });
}

}  // namespace mixtape::service
