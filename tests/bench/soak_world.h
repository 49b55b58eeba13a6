// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/service/recall_service.h"
#include "fusefs/catalog_fs.h"
#include "tapeio/lto/sim_library.h"

// One process that works on and on as the daemon does: backups, flushes, browsing through the
// engine's view of the mount, recalls and verifications, on simulated cartridges and a clock of the
// model; and what it holds meanwhile. Each command has a context of its own, the recalls, the view
// and the cache live as long as the process.
//
// The sources stay as many and as large as they are: files are replaced, go and come. So all that
// grows by right is what the catalog remembers: versions, jobs, bundles.

namespace mixtape::bench {

struct SoakSample {
  double hours = 0;  // Modelled, since the beginning.
  std::uint64_t resident = 0, heap = 0, catalog = 0, log = 0, state = 0, cache = 0;  // Bytes.
  std::uint64_t descriptors = 0, threads = 0;
  std::uint64_t versions = 0;  // That the catalog has.
};

class Soak {
 public:
  // Makes all of it in `work`, which must be empty.
  explicit Soak(const std::filesystem::path& work);
  ~Soak();

  // The next quarter of a modelled hour, or as long as the drives need for its work.
  void quarter();
  [[nodiscard]] SoakSample sample();

  [[nodiscard]] std::uint64_t rounds() const { return rounds_; }
  struct Done {
    std::uint64_t backups = 0, flushes = 0, listed = 0, recalled = 0, verified = 0, media = 0;
  };
  [[nodiscard]] const Done& done() const { return done_; }
  // Whatever went wrong, in words; all of it has to be empty.
  [[nodiscard]] const std::vector<std::string>& problems() const;

 private:
  class Listener;
  // Runs one command in a context of its own.
  template <typename Work>
  void command(Work work);
  void make_sources();
  void write_file(const std::filesystem::path& file);
  void change_sources();
  void back_up();
  void flush();
  void add_medium();
  void browse();
  void list_below(fusefs::NodeId directory);
  void recall_some();
  void verify();
  [[nodiscard]] tapeio::lto::SimLibrary& library();
  // Modelled, of both drives: all but waiting.
  [[nodiscard]] double busy_s();

  const std::filesystem::path work_;
  std::mt19937_64 random_{1};
  double clock_s_;  // Modelled, since 1970.
  std::uint64_t rounds_ = 0, files_made_ = 0;
  Done done_;
  std::string filling_;  // The medium that was made last.
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<service::Workspace> workspace_;
  std::unique_ptr<service::RecallService> recalls_;
  std::unique_ptr<fusefs::Readers> readers_;
  std::unique_ptr<fusefs::CatalogFs> view_;
};

// Whether a quantity stays where it is: the line through the second half of the samples, by least
// squares, as growth over 48 hours. Before, caches and logs fill up to their limits.
struct Trend {
  double per_48_hours = 0, mean = 0;
};
[[nodiscard]] Trend trend_of(const std::vector<SoakSample>& samples,
                             std::uint64_t SoakSample::*quantity);

// Bytes of the catalog for each version that came, of the samples [first, last).
[[nodiscard]] double bytes_per_version(const std::vector<SoakSample>& samples, std::size_t first,
                                       std::size_t last);

}  // namespace mixtape::bench
