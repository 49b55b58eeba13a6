// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <string>
#include <utility>

// Cases of one kind, counted: the line that a matrix of cases ends with,
// "flips through recover: 12,345 cases, 0 violations".

namespace mixtape::test {

class CountedCases {
 public:
  explicit CountedCases(std::string name) : name_(std::move(name)) {}
  ~CountedCases() {
    std::cout << name_ << ": " << with_commas(cases_) << " cases, " << with_commas(violations_)
              << " violations" << (note_.empty() ? "" : " (" + note_ + ")") << std::endl;
  }
  CountedCases(const CountedCases&) = delete;
  CountedCases& operator=(const CountedCases&) = delete;

  // A case in which an expectation fails is a violation.
  template <typename Case>
  void run(Case&& each) {
    const int before = failures();
    each();
    ++cases_;
    violations_ += failures() != before ? 1 : 0;
  }
  // Enough of them to mend before anything more is learnt.
  [[nodiscard]] bool is_hopeless() const { return violations_ >= 5; }
  [[nodiscard]] std::uint64_t cases() const { return cases_; }
  // Stands behind the counts.
  void set_note(std::string note) { note_ = std::move(note); }

  static std::string with_commas(std::uint64_t number) {
    std::string digits = std::to_string(number);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
      digits.insert(at - 3, ",");
    }
    return digits;
  }

 private:
  static int failures() {
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  }

  std::string name_;
  std::string note_;
  std::uint64_t cases_ = 0;
  std::uint64_t violations_ = 0;
};

}  // namespace mixtape::test
