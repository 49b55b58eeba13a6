// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

// What Mixtape must know, in the simplest words: names and bytes. Nothing of it is clever; the test
// that runs beside it compares.

namespace mixtape::test {

using Tree = std::map<std::string, std::string>;  // Path in the catalog: what is in the file.

struct ModelWorld {
  Tree sources;                            // On disk now.
  Tree staged;                             // Accepted, not flushed.
  Tree latest;                             // What `latest` must show.
  std::set<std::string> flushed_paths;     // A scan ends only what a scan brought.
  std::map<std::int64_t, Tree> snapshots;  // By the second in which the job began.

  void backed_up(std::optional<std::int64_t> job_s) {
    std::erase_if(latest, [this](const auto& file) {
      return !flushed_paths.contains(file.first) && !sources.contains(file.first);
    });
    for (const auto& [path, text] : sources) {
      latest[path] = text;
    }
    job_ended(job_s);
  }
  void flushed(std::optional<std::int64_t> job_s) {
    for (const auto& [path, text] : staged) {
      latest[path] = text;
      flushed_paths.insert(path);
    }
    staged.clear();
    job_ended(job_s);
  }
  void forgotten(const std::string& path, std::optional<std::int64_t> job_s) {
    latest.erase(path);
    job_ended(job_s);
  }

 private:
  void job_ended(std::optional<std::int64_t> job_s) {
    if (job_s) {
      snapshots[*job_s] = latest;
    }
  }
};

}  // namespace mixtape::test
