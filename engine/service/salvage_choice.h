// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

// Which damaged copies of one content are put together, and which of what they make is kept.
//
// Copies usually have holes and nothing wrong beside them: together they are tried first. But one
// may be of another content altogether: each chunk authenticates, and the hash is not the right
// one. Its bytes in the holes of the others are worth nothing unless the hash says so in the end.
// So a copy known for it comes last; and where a mixture has the wrong hash, each copy is read
// alone, then those without the ones that turned out wrong, then all but one.
//
// Copies are numbers. Threads: none. Cost: mostly one attempt; at most some three for each copy.

namespace mixtape::service {

class SalvageChoice {
 public:
  // For each copy whether its hash is known to be wrong. A hint: it is found out, too.
  explicit SalvageChoice(std::vector<bool> is_other);

  struct Attempt {
    enum class Kind {
      together,    // Anew, out of these copies.
      fill,        // What is kept so far, with these in its holes: for nothing but the right hash.
      whole_only,  // Anew, and for nothing but the right hash.
      regroup,     // Never given out.
    };
    Kind kind{};
    std::vector<std::size_t> copies;
  };
  // nullopt: what is kept is the best there is.
  [[nodiscard]] std::optional<Attempt> next();

  struct Outcome {
    std::vector<std::size_t> from;  // The copies of the attempt that gave bytes.
    std::uint64_t had = 0, lost = 0;
    bool is_right = false;  // Nothing lost, and nothing known against it.
  };
  // Whether what the attempt made takes the place of what was kept.
  [[nodiscard]] bool judge(const Attempt& attempt, const Outcome& outcome);

  [[nodiscard]] bool is_other(std::size_t copy) const { return is_other_[copy]; }

 private:
  void wrong_alone(const Attempt& attempt, std::size_t copy);
  void wrong_together(const Attempt& attempt);
  void regroup(const std::vector<std::size_t>& group);

  std::vector<bool> is_other_;
  std::vector<bool> was_alone_;
  std::deque<Attempt> todo_;
  // What is kept.
  std::uint64_t had_ = 0, lost_ = 0;
  bool is_of_other_ = false;
};

}  // namespace mixtape::service
