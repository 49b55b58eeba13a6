// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/library_trace.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace mixtape::bench {
namespace {

constexpr double kHour = 3600;
constexpr double kDay = 24 * kHour;
constexpr std::uint64_t kBlocksOfTape = 11'000'000;  // Nearly all of an LTO-8.

class Maker {
 public:
  Maker(std::uint64_t seed, std::uint32_t tapes, double skew) : random_(seed) {
    // Zipf: the nth favourite is wanted 1 / n^skew as often as the first.
    std::vector<double> weights;
    for (std::uint32_t tape = 0; tape < tapes; ++tape) {
      weights.push_back(std::pow(tape + 1.0, -skew));
    }
    tape_ = std::discrete_distribution<std::uint32_t>(weights.begin(), weights.end());
  }

  double exponential(double mean) {
    return std::exponential_distribution<double>(1 / mean)(random_);
  }
  std::size_t between(std::size_t least, std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(least, most)(random_);
  }
  bool one_in(std::size_t many) { return between(1, many) == 1; }
  std::uint32_t tape() { return tape_(random_); }
  std::uint64_t place() { return between(0, kBlocksOfTape - 1'000'000); }
  std::uint64_t size(double median_mib, double sigma = 1) {
    std::lognormal_distribution<double> sizes(std::log(median_mib), sigma);
    return static_cast<std::uint64_t>(std::clamp(sizes(random_), 1.0, 20'000.0));
  }

  // Files behind each other in a folder, of which some are passed over.
  struct Folder {
    std::uint32_t tape;
    std::uint64_t block;
  };
  Folder folder() { return {tape(), place()}; }
  Request next_in(Folder& folder, std::uint32_t user, double median_mib) {
    folder.block += one_in(3) ? size(median_mib) : 0;
    Request request{.at_s = 0,
                    .follows = {},
                    .user = user,
                    .parked = true,
                    .bound_s = kInteractiveBound,
                    .tape = folder.tape,
                    .block = folder.block,
                    .blocks = size(median_mib)};
    folder.block += request.blocks;
    return request;
  }

  // Somebody opens some files of a folder, one after the other; every third time he compares with
  // another folder, every fifth time a program opens eight at a time.
  void session(Trace& trace, std::uint32_t user, double begin_s) {
    std::vector<Folder> folders{folder()};
    if (one_in(3)) {
      folders.push_back(folder());
    }
    const std::size_t at_a_time = one_in(5) ? 8 : 1;
    const std::size_t files = 1 + static_cast<std::size_t>(exponential(12));
    for (std::size_t file = 0; file < files; ++file) {
      Request request = next_in(folders[between(0, folders.size() - 1)], user, 40);
      if (file < at_a_time) {
        request.at_s = begin_s;
      } else {
        request.follows = trace.requests.size() - at_a_time;
        request.at_s = at_a_time > 1 ? 0.1 : exponential(15);
      }
      trace.requests.push_back(request);
    }
  }
  void sessions(Trace& trace, std::uint32_t user, double days, double mean_gap_s) {
    for (int day = 0; day < days; ++day) {
      const double morning = day * kDay + 9 * kHour;
      for (double at = exponential(mean_gap_s); at < 9 * kHour; at += exponential(mean_gap_s)) {
        session(trace, user, morning + at);
      }
    }
  }

  // `mixtape recall` of a tree: its folders lie on a few tapes and are named in turn.
  void tree(Trace& trace, std::uint32_t user, double at_s, std::size_t files, std::size_t tapes) {
    std::vector<Folder> folders;
    while (folders.size() < tapes) {
      folders.push_back(folder());
    }
    for (std::size_t file = 0; file < files;) {
      Folder& from = folders[between(0, folders.size() - 1)];
      if (one_in(4)) {
        from.block = place();  // Written another day.
      }
      for (std::size_t run = between(5, 40); run > 0 && file < files; --run, ++file) {
        Request request = next_in(from, user, 60);
        request.parked = false;
        request.bound_s = kBulkBound;
        request.at_s = at_s + 0.001 * static_cast<double>(file);
        trace.requests.push_back(request);
      }
    }
  }

 private:
  std::mt19937_64 random_;
  std::discrete_distribution<std::uint32_t> tape_;
};

Trace browsing(std::uint64_t seed) {
  Trace trace{.name = "browsing",
              .what = "one user, 8 tapes, 1 drive, 5 days, a session every half hour",
              .drives = 1,
              .tapes = 8,
              .requests = {}};
  Maker make(seed, trace.tapes, 0.8);
  make.sessions(trace, 1, 5, kHour / 2);
  return trace;
}

Trace bulk_and_browsing(std::uint64_t seed) {
  Trace trace{.name = "bulk",
              .what = "the same, and three trees of 200 to 1,500 files recalled each day",
              .drives = 1,
              .tapes = 8,
              .requests = {}};
  Maker make(seed, trace.tapes, 0.8);
  make.sessions(trace, 1, 5, kHour / 2);
  for (int day = 0; day < 5; ++day) {
    for (int tree = 0; tree < 3; ++tree) {
      const double at = day * kDay + 9 * kHour + static_cast<double>(make.between(0, 8 * 3600));
      make.tree(trace, 1, at, make.between(200, 1500), make.between(2, 5));
    }
  }
  return trace;
}

// The person that the program is made for: a shelf of tapes in a small autoloader, now and then a
// look at old pictures, in the evening a project that is worked on again.
Trace person(std::uint64_t seed) {
  Trace trace{.name = "person",
              .what =
                  "one user, 40 tapes, 1 drive, 14 days, a session every three hours from 9 to 18, "
                  "a tree of 200 to 1,500 files recalled at about 20 o'clock",
              .drives = 1,
              .tapes = 40,
              .requests = {}};
  constexpr int kDays = 14;
  Maker make(seed, trace.tapes, 0.8);
  make.sessions(trace, 1, kDays, 3 * kHour);
  for (int day = 0; day < kDays; ++day) {
    const double at = day * kDay + 20 * kHour + static_cast<double>(make.between(0, 3600));
    make.tree(trace, 1, at, make.between(200, 1500), make.between(1, 3));
  }
  return trace;
}

Trace flood(std::uint64_t seed) {
  Trace trace{.name = "flood",
              .what =
                  "8 users, 20 tapes, 2 drives, a day, a session each every hour and a half; "
                  "one more reads 10,000 files of 6 tapes at once",
              .drives = 2,
              .tapes = 20,
              .requests = {}};
  Maker make(seed, trace.tapes, 0.8);
  for (std::uint32_t user = 1; user <= 8; ++user) {
    make.sessions(trace, user, 1, 1.5 * kHour);
  }
  for (int file = 0; file < 10'000; ++file) {
    trace.requests.push_back({.at_s = 10 * kHour + 0.001 * file,
                              .follows = {},
                              .user = 9,
                              .parked = true,
                              .bound_s = kBulkBound,
                              .tape = static_cast<std::uint32_t>(make.between(0, 5)),
                              .block = make.place(),
                              .blocks = make.size(10)});
  }
  return trace;
}

// Of the mounts of ECMWF's library 23 % came within 300 s of the last one of the same tape, 53 %
// within 900 s, 75 % within an hour: so are the gaps between the uses of a tape.
double gap_until_wanted_again(Maker& make) {
  const std::size_t percent = make.between(1, 100);
  const auto between = [&](std::size_t least, std::size_t most) {
    return static_cast<double>(make.between(least, most));
  };
  return percent <= 23   ? between(30, 300)
         : percent <= 53 ? between(300, 900)
         : percent <= 75 ? between(900, 3600)
                         : 0;  // Not soon.
}

Trace bursts(std::uint64_t seed) {
  Trace trace{.name = "bursts",
              .what =
                  "40 users, 200 tapes (Zipf), 4 drives, 2 days; a tape in use is wanted again "
                  "as soon as ECMWF's were",
              .drives = 4,
              .tapes = 200,
              .requests = {}};
  Maker make(seed, trace.tapes, 0.8);
  for (double begin = 0; begin < 2 * kDay; begin += make.exponential(660)) {
    Maker::Folder folder = make.folder();
    double gap = -1;
    for (double at = begin; gap != 0; at += gap) {
      const auto user = static_cast<std::uint32_t>(make.between(1, 40));
      const bool queued = make.one_in(3);
      folder.block = make.place();
      for (std::size_t file = queued ? make.between(50, 300) : make.between(1, 8); file > 0;
           --file) {
        Request request = make.next_in(folder, user, 100);
        request.at_s = at;
        request.parked = !queued;
        request.bound_s = queued ? kBulkBound : kInteractiveBound;
        trace.requests.push_back(request);
      }
      gap = gap_until_wanted_again(make);
    }
  }
  return trace;
}

}  // namespace

std::vector<Trace> all_traces(std::uint64_t seed) {
  return {browsing(seed), bulk_and_browsing(seed + 1), flood(seed + 2), bursts(seed + 3),
          person(seed + 4)};
}

}  // namespace mixtape::bench
