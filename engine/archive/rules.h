// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Which files a backup takes: include and exclude patterns.
//
// A pattern is compared with the whole path relative to "/", component by component and byte by
// byte, and covers what it matches and everything below it. In a component `*` stands for any
// bytes, `?` for one byte, `[a-z]` for one of a set (`[!a-z]` for one outside it), `\` takes the
// next byte as it is. `**` as a whole component stands for any number of components; at the end of
// a pattern for at least one, so that "a/**" is all that is in a, but not a itself. A slash at the
// beginning or the end changes nothing.
//
// An exclude beats every include, wherever it stands; several patterns are alternatives; their
// order means nothing. Without any include everything is included.
//
// Threads: none; immutable values.
// Errors:  throws Error{invalid} for a pattern that can match nothing ("", "a/../b", "[a").

namespace mixtape::archive {

class Pattern {
 public:
  explicit Pattern(std::string_view text);

  enum class Reach {
    none,    // Neither the path nor anything below it.
    leads,   // Not the path, but something below it may match.
    covers,  // The path or one of the directories it is in.
  };
  [[nodiscard]] Reach reach(std::string_view path) const;
  [[nodiscard]] bool matches(std::string_view path) const { return reach(path) == Reach::covers; }

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::size_t component_count() const { return components_.size(); }

 private:
  // One bit for each place in the pattern where a match may stand.
  using Places = std::uint64_t;
  [[nodiscard]] Places skip_wildcards(Places places) const;

  std::string text_;
  std::vector<std::string> components_;
};

class Rules {
 public:
  Rules() = default;
  Rules(const std::vector<std::string>& include, const std::vector<std::string>& exclude);

  enum class Choice {
    taken,
    leads,  // Only a directory: not taken for its own sake, but something below may be.
    excluded,
    not_included,
  };
  struct Decision {
    Choice choice;
    const Pattern* rule;  // The pattern that decided; nullptr when none did.
  };
  // Cost: proportional to patterns times components.
  [[nodiscard]] Decision decide(std::string_view path) const;
  // The decision in words, for `backup --explain PATH`.
  [[nodiscard]] std::string explain(std::string_view path) const;

  [[nodiscard]] const std::vector<Pattern>& include() const { return include_; }
  [[nodiscard]] const std::vector<Pattern>& exclude() const { return exclude_; }

 private:
  std::vector<Pattern> include_, exclude_;
};

}  // namespace mixtape::archive
