// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/rules.h"

#include <optional>

#include "tapeio/error.h"

namespace mixtape::archive {
namespace {

constexpr std::string_view kAnyDirectories = "**";
// One bit of a Places is needed behind the last component.
constexpr std::size_t kMostComponents = 63;

// A set "[...]" that begins at pattern[at] ('[' included): whether `byte` is in it and where it
// ends.
struct SetMatch {
  bool matches;
  std::size_t end;
};

std::optional<SetMatch> match_set(std::string_view pattern, std::size_t at, unsigned char byte) {
  std::size_t i = at + 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  i += negated ? 1 : 0;
  bool found = false;
  // A ']' right at the beginning is a member, as in fnmatch(3).
  for (bool first = true; i < pattern.size() && (first || pattern[i] != ']'); first = false) {
    const auto low = static_cast<unsigned char>(pattern[i]);
    auto high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = static_cast<unsigned char>(pattern[i + 2]);
      i += 2;
    }
    found = found || (low <= byte && byte <= high);
    ++i;
  }
  if (i >= pattern.size()) {
    return std::nullopt;
  }
  return SetMatch{.matches = found != negated, .end = i + 1};
}

// Matches one pattern element that is no '*' at pattern[at] against a byte; returns where the next
// one begins.
std::optional<std::size_t> match_byte(std::string_view pattern, std::size_t at, char byte) {
  switch (pattern[at]) {
    case '?':
      return at + 1;
    case '[': {
      const auto set = match_set(pattern, at, static_cast<unsigned char>(byte));
      return set && set->matches ? std::optional(set->end) : std::nullopt;
    }
    case '\\':
      return pattern[at + 1] == byte ? std::optional(at + 2) : std::nullopt;
    default:
      return pattern[at] == byte ? std::optional(at + 1) : std::nullopt;
  }
}

// Only the last '*' ever needs to be tried again, so the cost is at most the product of both
// lengths.
bool component_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0;
  std::optional<std::size_t> star;
  std::size_t star_took_until = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_took_until = n;
    } else if (const auto next =
                   p < pattern.size() ? match_byte(pattern, p, name[n]) : std::nullopt) {
      p = *next;
      ++n;
    } else if (star) {
      p = *star + 1;
      n = ++star_took_until;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') {
    ++p;
  }
  return p == pattern.size();
}

// Why a component of a pattern can match nothing; empty when it can.
std::string flaw_of(std::string_view component) {
  if (component.empty()) {
    return "a component is empty";
  }
  if (component == "." || component == "..") {
    return "paths have no component '" + std::string(component) + "'";
  }
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\\' && ++i == component.size()) {
      return "it ends with a backslash";
    }
    if (component[i] == '[') {
      const auto set = match_set(component, i, 0);
      if (!set) {
        return "a '[' has no ']' in the same component";
      }
      i = set->end - 1;
    }
  }
  return {};
}

std::string_view without_outer_slashes(std::string_view text) {
  while (text.starts_with('/')) {
    text.remove_prefix(1);
  }
  while (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  return text;
}

// Takes the first component off a path that is not empty.
std::string_view take_component(std::string_view& path) {
  const std::size_t slash = path.find('/');
  const std::string_view component = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return component;
}

}  // namespace

Pattern::Pattern(std::string_view text) : text_(text) {
  std::string_view rest = without_outer_slashes(text);
  std::string flaw = rest.empty() ? "it is empty" : "";
  while (flaw.empty() && !rest.empty()) {
    const std::string_view component = take_component(rest);
    flaw = flaw_of(component);
    components_.emplace_back(component);
  }
  if (components_.size() > kMostComponents) {
    flaw = "it has more than " + std::to_string(kMostComponents) + " components";
  }
  if (!flaw.empty()) {
    throw Error(ErrorCode::invalid, "pattern '" + text_ + "': " + flaw);
  }
}

// A "**" that is not the last component may stand for nothing.
Pattern::Places Pattern::skip_wildcards(Places places) const {
  for (std::size_t i = 0; i + 1 < components_.size(); ++i) {
    if ((places >> i & 1) != 0 && components_[i] == kAnyDirectories) {
      places |= Places{1} << (i + 1);
    }
  }
  return places;
}

Pattern::Reach Pattern::reach(std::string_view path) const {
  const Places accepted = Places{1} << components_.size();
  Places places = skip_wildcards(1);
  while (!path.empty() && places != 0) {
    const std::string_view name = take_component(path);
    Places next = 0;
    for (std::size_t i = 0; i < components_.size(); ++i) {
      if ((places >> i & 1) == 0) {
        continue;
      }
      if (components_[i] == kAnyDirectories) {
        const bool last = i + 1 == components_.size();
        next |= last ? accepted : Places{1} << i;
      } else if (component_matches(components_[i], name)) {
        next |= Places{1} << (i + 1);
      }
    }
    if ((next & accepted) != 0) {
      return Reach::covers;
    }
    places = skip_wildcards(next);
  }
  return places == 0 ? Reach::none : Reach::leads;
}

Rules::Rules(const std::vector<std::string>& include, const std::vector<std::string>& exclude)
    : include_(include.begin(), include.end()), exclude_(exclude.begin(), exclude.end()) {}

Rules::Decision Rules::decide(std::string_view path) const {
  for (const Pattern& pattern : exclude_) {
    if (pattern.matches(path)) {
      return {.choice = Choice::excluded, .rule = &pattern};
    }
  }
  if (include_.empty()) {
    return {.choice = Choice::taken, .rule = nullptr};
  }
  const Pattern* leading = nullptr;
  for (const Pattern& pattern : include_) {
    const Pattern::Reach reach = pattern.reach(path);
    if (reach == Pattern::Reach::covers) {
      return {.choice = Choice::taken, .rule = &pattern};
    }
    if (reach == Pattern::Reach::leads && leading == nullptr) {
      leading = &pattern;
    }
  }
  return {.choice = leading != nullptr ? Choice::leads : Choice::not_included, .rule = leading};
}

std::string Rules::explain(std::string_view path) const {
  const Decision decision = decide(path);
  const std::string subject = "/" + std::string(path);
  switch (decision.choice) {
    case Choice::excluded:
      return subject + ": left out by exclude '" + decision.rule->text() + "'";
    case Choice::taken:
      return decision.rule != nullptr
                 ? subject + ": taken by include '" + decision.rule->text() + "'"
                 : subject + ": taken, no exclude matches and everything is included";
    case Choice::leads:
      return subject + ": not taken itself; a directory here is searched for include '" +
             decision.rule->text() + "'";
    case Choice::not_included:
      return subject + ": left out, no include matches";
  }
  return subject;
}

}  // namespace mixtape::archive
