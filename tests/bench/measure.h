// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tapeio/bytes.h"

// What the benches measure with: clocks, and the machine's own limits, taken in the same run as
// what is held against them.

namespace mixtape::bench {

// By the clock on the wall, and of the processors: of all threads of this process and of the
// programs that it has waited for, which what else runs on the machine does not change much.
struct Spent {
  double seconds = 0, processor_seconds = 0;
};
[[nodiscard]] Spent spent_by(const std::function<void()>& work);

[[nodiscard]] double median(std::vector<double> values);

// Bytes that do not repeat; the same ones each time.
[[nodiscard]] Bytes noise(std::size_t size);

// What one processor does of each alone, GB per second of it.
struct Alone {
  double hash = 0, cipher = 0, copy = 0;
  // n / (1/hash + 1/cipher + 1/copy) of n processors, two at most: all other work left out.
  [[nodiscard]] double limit() const;
  [[nodiscard]] static double processors();
};
[[nodiscard]] double hash_alone();
[[nodiscard]] double seal_alone();
[[nodiscard]] double open_alone();
// Reading a file that the page cache has, from its beginning again when it ends.
[[nodiscard]] double read_alone(const std::string& file);
// Writing a new file below `directory`; it is removed.
[[nodiscard]] double write_alone(const std::string& directory);

}  // namespace mixtape::bench
