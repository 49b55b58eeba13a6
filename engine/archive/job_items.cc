// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/job_items.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <unordered_set>

#include "engine/archive/medium_writer.h"
#include "engine/archive/source_file.h"

namespace mixtape::archive {
namespace {

// Attributes take up to three times their size in a member (ACLs are written twice, once as text).
// Of what does not fit the index tells alone.
constexpr std::uint64_t kMostXattrBytes = format::kMaxPaxSize / 4;

void drop_oversized_xattrs(Item& item) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : item.metadata.xattrs) {
    bytes += name.size() + value.size();
  }
  if (bytes > kMostXattrBytes) {
    item.metadata.xattrs.clear();
  }
}

bool is_directory(const Item& item) {
  return S_ISDIR(item.metadata.mode);
}

// Brings items into archive order; of one path the later version stays last: plain tar leaves that
// one. They mostly come in a few runs that are in order, which costs one move of each, not twenty.
void sort_items(std::vector<Item>& items) {
  constexpr std::size_t kFewRuns = 4;
  std::vector<std::size_t> ends;  // Of the runs.
  for (std::size_t end = 0; end < items.size() && ends.size() <= kFewRuns; ends.push_back(end)) {
    const auto from = items.begin() + static_cast<std::ptrdiff_t>(end);
    end = static_cast<std::size_t>(std::is_sorted_until(from, items.end(), archive_less) -
                                   items.begin());
  }
  if (ends.size() > kFewRuns) {
    std::ranges::stable_sort(items, archive_less);
    return;
  }
  for (std::size_t run = 1; run < ends.size(); ++run) {
    std::inplace_merge(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(ends[run - 1]),
                       items.begin() + static_cast<std::ptrdiff_t>(ends[run]), archive_less);
  }
}

Item directory_item(const std::string& path, catalog::Tree& tree) {
  const std::optional<catalog::PathId> id = tree.find_path(path);
  const std::optional<catalog::Version> version = id ? tree.at(catalog::View{}, *id) : std::nullopt;
  Item item;
  if (version && S_ISDIR(version->metadata.mode)) {
    item = make_item(path, *version);
  } else {
    item.path = path;
    item.metadata.mode = S_IFDIR | 0755;
  }
  item.copies = 0;
  return item;
}

}  // namespace

JobItems::JobItems(std::vector<Item> items, catalog::Tree& tree) : items_(std::move(items)) {
  // The top of the tree has no name of its own in an archive; sockets have nothing to keep.
  std::erase_if(items_,
                [](const Item& item) { return item.path.empty() || S_ISSOCK(item.metadata.mode); });
  add_directories(tree);
  sort_items(items_);
  for (Item& item : items_) {
    drop_oversized_xattrs(item);
    if (item.content && item.state.allocated_bytes > 0 && item.state.allocated_bytes < item.size) {
      item.extents = find_extents(item.source, item.size);
    }
  }
}

void JobItems::add_directories(catalog::Tree& tree) {
  std::unordered_set<std::string> known;
  for (const Item& item : items_) {
    if (is_directory(item)) {
      known.insert(item.path);
    }
  }
  std::vector<Item> missing;
  for (const Item& item : items_) {
    for (std::string_view above = parent_of(item.path); !above.empty(); above = parent_of(above)) {
      if (!known.insert(std::string(above)).second) {
        break;
      }
      missing.push_back(directory_item(std::string(above), tree));
    }
  }
  std::ranges::sort(missing, archive_less);
  items_.insert(items_.end(), std::make_move_iterator(missing.begin()),
                std::make_move_iterator(missing.end()));
}

bool JobItems::wanted(const Item& item, const Taker& taker) {
  const bool is_choosy = (item.apart && taker.apart) || (item.only_apart && item.copies == 1);
  const bool crowded =
      is_choosy && taker.is_beside && std::ranges::any_of(item.on, taker.is_beside);
  return item.copies > 0 && !crowded && std::ranges::none_of(item.on, taker.excludes) &&
         std::ranges::find(item.damaged_on, taker.medium) == item.damaged_on.end();
}

std::vector<Want> JobItems::wants(const Taker& taker) const {
  std::vector<Want> wants;
  wants.reserve(items_.size());
  for (const Item& item : items_) {
    wants.push_back(wanted(item, taker) ? Want::yes : is_directory(item) ? Want::lead : Want::no);
  }
  return wants;
}

JobItems::Wanted JobItems::wanted_by(const Taker& taker) const {
  Wanted sum;
  for (const Item& item : items_) {
    if (item.content && wanted(item, taker)) {
      sum.smallest = sum.smallest == 0 ? item.size : std::min(sum.smallest, item.size);
      sum.bytes += item.size;
    }
  }
  return sum;
}

Progress JobItems::progress(const std::string& phase, const WriteOutcome& outcome) const {
  const Left left = this->left();
  return {.phase = phase,
          .done_bytes = outcome.bytes,
          .total_bytes = outcome.bytes + left.bytes,
          .done_files = outcome.files,
          .total_files = outcome.files + left.files};
}

JobItems::Left JobItems::left() const {
  Left left;
  std::unordered_map<std::int64_t, std::uint32_t> counted;  // Copies by content.
  for (const Item& item : items_) {
    if (!item.content || item.copies == 0) {
      continue;
    }
    std::uint32_t& copies = counted[catalog::number(*item.content)];
    const std::uint32_t more = std::max(item.copies, copies) - copies;
    copies += more;
    left.files += more;
    left.bytes += more * item.size;
  }
  return left;
}

void JobItems::settle(const Fates& fates, const ArchivePlan& plan, std::uint64_t plain_bytes,
                      catalog::MediumId medium, WriteOutcome& outcome) {
  for (const PlannedMember& member : plan.members) {
    Item& item = items_[member.item];
    if (!item.content && item.copies > 0 && member.data_end() <= plain_bytes) {
      --item.copies;
      item.on.push_back(medium);
    }
  }
  for (Item& item : items_) {
    const auto fate = item.content ? fates.find(catalog::number(*item.content)) : fates.end();
    if (fate == fates.end() || item.copies == 0) {
      continue;
    }
    if (fate->second.empty()) {
      --item.copies;
      item.on.push_back(medium);
    } else {
      item.copies = 0;
      outcome.bad.push_back({item.path, fate->second});
    }
  }
}

void JobItems::take(const ArchivePlan& plan, const ArchiveResult& result, catalog::MediumId medium,
                    catalog::Ledger& ledger, WriteOutcome& outcome) {
  Fates fates;
  std::unordered_map<std::int64_t, catalog::Hash> first_hashes;  // By content.
  std::set<std::pair<std::uint64_t, catalog::Hash>> learnt;      // The same, by size.
  for (std::uint32_t i = 0; i < plan.members.size(); ++i) {
    const PlannedMember& member = plan.members[i];
    if (member.stored != Stored::data || member.data_end() > result.plain_bytes) {
      continue;
    }
    const Item& item = items_[member.item];
    const std::int64_t content = catalog::number(*item.content);
    const std::optional<std::string> defect = defect_of(i, plan, items_, result);
    fates.emplace(content, defect.value_or(""));
    if (!defect) {
      ++outcome.files;
      outcome.bytes += item.size;
      if (!item.hash) {
        first_hashes.emplace(content, *result.hashes[i]);
        learnt.emplace(item.size, *result.hashes[i]);
      }
    }
  }
  settle(fates, plan, result.plain_bytes, medium, outcome);
  // A first hash may show that two contents are one: then one of the numbers is gone, and not
  // always that of the item that was read.
  for (Item& item : items_) {
    if (item.copies == 0 || !item.content) {
      continue;
    }
    if (const auto hash = first_hashes.find(catalog::number(*item.content));
        hash != first_hashes.end()) {
      item.hash = hash->second;
    }
    if (item.hash && learnt.contains({item.size, *item.hash})) {
      item.content = ledger.find_content(item.size, *item.hash);
    }
  }
}

void JobItems::take_planned(const ArchivePlan& plan, catalog::MediumId medium,
                            WriteOutcome& outcome) {
  Fates fates;
  for (const PlannedMember& member : plan.members) {
    if (member.stored == Stored::data) {
      fates.emplace(catalog::number(*items_[member.item].content), "");
    }
  }
  outcome.files += plan.data_members;
  outcome.bytes += plan.data_bytes;
  settle(fates, plan, plan.plain_bytes, medium, outcome);
}

void JobItems::tell_left(std::uint64_t most_bytes, WriteOutcome& outcome) const {
  for (const Item& item : items_) {
    if (!item.content || item.copies == 0) {
      continue;
    }
    const format::TarSize size = format::measure_member(tar_member(item, Stored::data, nullptr));
    if (size.total() + format::kTarEnd > most_bytes) {
      outcome.too_big.push_back(
          {item.path, std::to_string(item.size) + " bytes are more than any medium here can take"});
    } else {
      outcome.no_room.push_back(item.path);
    }
  }
}

}  // namespace mixtape::archive
