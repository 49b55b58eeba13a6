// SPDX-License-Identifier: Apache-2.0
#include "engine/service/alive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "engine/catalog/verifications.h"
#include "engine/service/copy_policy.h"

namespace mixtape::service {
namespace {

using catalog::ContentId;
using catalog::MediumState;

struct Lack {
  const catalog::CopyNeed& need;
  std::uint32_t copies = 0;    // To be written.
  bool loses_a_place = false;  // One of them has to lie where none of the others does.
};

// What lacks copies or places now already, of that which the medium holds.
using LackNow = std::map<catalog::VersionKey, std::uint32_t>;

std::uint32_t lack_of(const catalog::CopyNeed& need) {
  return need.missing + need.crowded;
}

LackNow lack_now(Context& context, const catalog::Medium& medium) {
  LackNow lack;
  if (!context.config().distinct_locations.empty()) {
    each_need(context, [&](const catalog::CopyNeed& need) {
      if (std::ranges::find(need.on, medium.id) != need.on.end()) {
        lack.emplace(need.version.key, lack_of(need));
      }
      return true;
    });
  }
  return lack;
}

void each_lack_without(Context& context, const catalog::Medium& medium,
                       const std::function<void(const Lack&)>& each) {
  const CopyPolicy policy(context.config());
  const LackNow now = lack_now(context, medium);
  const catalog::Transaction rolled_back(context.database);
  context.ledger.set_medium_state(medium.id, MediumState::retired, context.now_s());
  each_need(context, [&](const catalog::CopyNeed& need) {
    Lack lack{need, need.missing};
    if (std::ranges::find(need.on, medium.id) != need.on.end() && policy.must_differ(need.path)) {
      const auto before = now.find(need.version.key);
      lack.loses_a_place = lack_of(need) > (before == now.end() ? 0 : before->second);
      lack.copies = std::max(lack.copies, lack.loses_a_place ? 1U : 0U);
    }
    if (lack.copies > 0 && need.version.content) {
      each(lack);
    }
    return true;
  });
}

// Media whose copies are no safe ones.
class Others {
 public:
  Others(Context& context, const catalog::Medium& medium) : context_(context), medium_(medium.id) {
    for (const catalog::Medium& each : context.ledger.unseen_media()) {
      unseen_.insert(each.id);
    }
  }
  [[nodiscard]] bool counts(const catalog::Medium& other) const {
    return other.id != medium_ && other.state != MediumState::retired &&
           other.state != MediumState::lost && !unseen_.contains(other.id);
  }
  [[nodiscard]] bool hold(ContentId content) {
    const std::vector<catalog::CopyPlace> places = context_.ledger.places(content);
    std::optional<std::int64_t> verified_s;
    for (const catalog::CopyPlace& place : places) {
      if (place.medium.id == medium_) {
        verified_s = std::max(verified_s, place.copy.verified_s);
      }
    }
    return std::ranges::any_of(places, [&](const catalog::CopyPlace& place) {
      return counts(place.medium) && makes_up_for(place, verified_s);
    });
  }

 private:
  // What was written since is what repack, or a backup, made of good bytes.
  static bool makes_up_for(const catalog::CopyPlace& place,
                           std::optional<std::int64_t> verified_s) {
    return !verified_s || place.copy.verified_s || place.bundle.written_s >= verified_s;
  }

  Context& context_;
  const catalog::MediumId medium_;
  std::set<catalog::MediumId> unseen_;
};

// Contents that some version has.
std::set<ContentId> shown(Context& context, const std::set<ContentId>& contents) {
  std::set<ContentId> found;
  if (!contents.empty()) {
    for (const auto& [content, path] : catalog::paths_with(context.database, contents)) {
      found.insert(content);
    }
  }
  return found;
}

// Where a further copy of a content that the policy does not ask for must not go. As if `emptied`
// were retired, its disk may take one; so may that of a copy that nobody has read.
void put_media(Context& context, const catalog::Medium& emptied, archive::Item& item) {
  for (const catalog::CopyPlace& place : context.ledger.places(*item.content)) {
    if (place.medium.state != MediumState::retired && place.medium.id != emptied.id) {
      (place.copy.verified_s ? item.on : item.damaged_on).push_back(place.medium.id);
    }
  }
  for (const catalog::Ledger::Damaged& damaged : context.ledger.damaged(*item.content)) {
    item.damaged_on.push_back(damaged.place.medium.id);
  }
}

// One version of each that has it, those of one path by age.
std::vector<archive::Item> items_of_history(Context& context, const catalog::Medium& medium,
                                            const std::set<ContentId>& contents) {
  std::vector<std::pair<catalog::VersionKey, archive::Item>> found;
  std::set<ContentId> met;
  for (const auto& [content, path] : catalog::paths_with(context.database, contents)) {
    if (!met.insert(content).second) {
      continue;
    }
    for (const catalog::Version& version : context.tree.history(path)) {
      if (version.content == content) {
        archive::Item item = archive::make_item(context.tree.path_of(path), version);
        put_media(context, medium, item);
        found.emplace_back(version.key, std::move(item));
        break;
      }
    }
  }
  std::ranges::stable_sort(found, {}, [](const auto& each) { return each.first; });
  std::vector<archive::Item> items;
  for (auto& [version, item] : found) {
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace

std::vector<AliveContent> alive_on(Context& context, const catalog::Medium& medium) {
  std::unordered_map<std::int64_t, std::uint32_t> lacking;
  each_lack_without(context, medium, [&](const Lack& lack) {
    std::uint32_t& most = lacking[catalog::number(*lack.need.version.content)];
    most = std::max(most, lack.copies);
  });
  Others others(context, medium);
  std::vector<AliveContent> alive;
  std::unordered_set<std::int64_t> met;
  std::set<ContentId> only_here;
  for (const catalog::Bundle& bundle : context.ledger.bundles(medium.id)) {
    for (const catalog::Ledger::Held& held : context.ledger.held_in(bundle.id)) {
      const ContentId content = held.copy.content;
      if (!met.insert(catalog::number(content)).second) {
        continue;
      }
      const auto need = lacking.find(catalog::number(content));
      if (need != lacking.end()) {
        alive.push_back({content, held.size, need->second});
      } else if (!others.hold(content)) {
        only_here.insert(content);
        alive.push_back({content, held.size});
      }
    }
  }
  const std::set<ContentId> has_version = shown(context, only_here);
  std::erase_if(alive, [&](const AliveContent& each) {
    return only_here.contains(each.id) && !has_version.contains(each.id);
  });
  return alive;
}

std::vector<archive::Item> items_for(Context& context, const catalog::Medium& medium,
                                     const std::set<ContentId>& contents) {
  const CopyPolicy policy(context.config());
  std::set<catalog::MediumId> retired{medium.id};
  for (const catalog::Medium& each : context.ledger.media()) {
    if (each.state == MediumState::retired) {
      retired.insert(each.id);
    }
  }
  std::vector<archive::Item> needed;
  std::set<ContentId> left = contents;
  each_lack_without(context, medium, [&](const Lack& lack) {
    const catalog::CopyNeed& need = lack.need;
    if (!contents.contains(*need.version.content)) {
      return;
    }
    left.erase(*need.version.content);
    archive::Item item = archive::make_item(need.path, need.version);
    item.copies = lack.copies;
    item.on = need.on;
    item.damaged_on = need.damaged_on;
    item.apart = policy.must_differ(need.path);
    std::erase_if(item.on, [&](catalog::MediumId on) { return retired.contains(on); });
    item.only_apart = lack.loses_a_place;
    needed.push_back(std::move(item));
  });
  Others others(context, medium);
  std::erase_if(left, [&](ContentId content) { return others.hold(content); });
  std::vector<archive::Item> items;
  if (!left.empty()) {
    items = items_of_history(context, medium, left);
  }
  items.insert(items.end(), std::make_move_iterator(needed.begin()),
               std::make_move_iterator(needed.end()));
  return items;
}

}  // namespace mixtape::service
