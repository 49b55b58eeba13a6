// SPDX-License-Identifier: Apache-2.0
#include "engine/service/salvage_choice.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mixtape::service {

using Kind = SalvageChoice::Attempt::Kind;

SalvageChoice::SalvageChoice(std::vector<bool> is_other)
    : is_other_(std::move(is_other)), was_alone_(is_other_.size()) {
  std::vector<std::size_t> trusted, others;
  for (std::size_t copy = 0; copy < is_other_.size(); ++copy) {
    (is_other_[copy] ? others : trusted).push_back(copy);
  }
  if (!trusted.empty()) {
    todo_.push_back({Kind::together, trusted});
  }
  for (const std::size_t copy : others) {
    todo_.push_back({Kind::fill, {copy}});
  }
}

std::optional<SalvageChoice::Attempt> SalvageChoice::next() {
  while (!todo_.empty()) {
    Attempt attempt = std::move(todo_.front());
    todo_.pop_front();
    if (attempt.kind == Kind::regroup) {
      regroup(attempt.copies);
      continue;
    }
    // There is nothing yet that it could spoil.
    if (attempt.kind == Kind::fill && had_ == 0) {
      attempt.kind = Kind::together;
    }
    // Nothing to fill: what is kept is of another content itself.
    if (attempt.kind == Kind::fill && lost_ == 0) {
      attempt.kind = Kind::whole_only;
    }
    if (attempt.copies.size() == 1 && attempt.kind != Kind::fill) {
      if (was_alone_[attempt.copies.front()]) {
        continue;
      }
      was_alone_[attempt.copies.front()] = true;
    }
    return attempt;
  }
  return std::nullopt;
}

bool SalvageChoice::judge(const Attempt& attempt, const Outcome& outcome) {
  if (outcome.is_right) {
    todo_.clear();
    return true;
  }
  if (attempt.kind != Kind::together || outcome.had == 0) {
    return false;
  }
  if (outcome.lost == 0 && outcome.from.size() > 1) {
    wrong_together(attempt);
    return false;
  }
  if (outcome.lost == 0) {
    wrong_alone(attempt, outcome.from.front());
  }
  const bool is_of_other = std::ranges::any_of(
      outcome.from, [this](std::size_t copy) { return static_cast<bool>(is_other_[copy]); });
  if (had_ > 0 && std::tuple(is_of_other_, lost_) <= std::tuple(is_of_other, outcome.lost)) {
    return false;
  }
  had_ = outcome.had;
  lost_ = outcome.lost;
  is_of_other_ = is_of_other;
  return true;
}

void SalvageChoice::wrong_alone(const Attempt& attempt, std::size_t copy) {
  is_other_[copy] = true;
  was_alone_[copy] = true;
  std::vector<std::size_t> rest = attempt.copies;
  std::erase(rest, copy);
  if (!rest.empty()) {
    todo_.push_front({Kind::fill, {copy}});
    todo_.push_front({Kind::together, std::move(rest)});
  }
}

void SalvageChoice::wrong_together(const Attempt& attempt) {
  todo_.push_front({Kind::regroup, attempt.copies});
  for (const std::size_t copy : attempt.copies) {
    if (!was_alone_[copy]) {
      todo_.push_front({Kind::together, {copy}});
    }
  }
}

void SalvageChoice::regroup(const std::vector<std::size_t>& group) {
  std::vector<std::size_t> rest, others;
  for (const std::size_t copy : group) {
    (is_other_[copy] ? others : rest).push_back(copy);
  }
  if (others.empty()) {
    for (std::size_t i = 0; group.size() > 2 && i < group.size(); ++i) {
      std::vector<std::size_t> all_but_one = group;
      std::erase(all_but_one, group[i]);
      todo_.push_front({Kind::whole_only, std::move(all_but_one)});
    }
    return;
  }
  for (const std::size_t copy : others) {
    todo_.push_front({Kind::fill, {copy}});
  }
  if (rest.size() > 1) {
    todo_.push_front({Kind::together, std::move(rest)});
  }
}

}  // namespace mixtape::service
