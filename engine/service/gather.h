// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/types.h"
#include "engine/format/digest.h"
#include "engine/progress/reporter.h"
#include "engine/service/alive.h"
#include "engine/service/context.h"
#include "engine/service/destination.h"
#include "engine/service/verdicts.h"
#include "tapeio/library.h"

// Contents brought from media into files, each proved by its hash: medium by medium, each in the
// order of its blocks, forward.
//
// What is read and what turns out damaged goes into the catalog, as a verification has it. A copy
// that is damaged, or on a medium that fails, costs a look at the next one.
//
// Threads: one; reading has its own, which ends before anything here returns.
// Errors:  throws Error{cancelled, no_space} and what the disk throws. What no copy could be had of
//          is in the result.

namespace mixtape::service {

struct Gathered {
  std::map<catalog::ContentId, std::filesystem::path> files;
  std::map<catalog::ContentId, std::string> lost;  // And why.
};

// What was found of media on the way, from one Gather to the next.
struct FailingMedia {
  std::map<catalog::MediumId, std::string> why;  // They are not tried again.
  // Of copies one behind the other that the drive could not read.
  std::map<catalog::MediumId, std::size_t> failures_in_a_row;
};

class Gather {
 public:
  // Files go into `directory`, which exists. `passed`: called with the bytes that were read. What
  // stands in `failing` is honoured and added to; it outlives this.
  Gather(Context& context, const std::filesystem::path& directory, tapeio::ForPeople for_people,
         Reporter& reporter, FailingMedia& failing,
         std::function<void(std::uint64_t bytes)> passed);

  // Where several media have a good copy, one that is here is read, and of these that on `first`.
  [[nodiscard]] Gathered read(const std::vector<AliveContent>& contents,
                              const catalog::Medium& first);

 private:
  struct Pending {
    catalog::ContentId id{};
    std::uint64_t size = 0;
    std::vector<catalog::CopyPlace> places;  // Not tried yet.
    std::string why;                         // What was wrong with the last one.
  };
  struct Read {
    Pending* pending;
    catalog::CopyPlace place;
  };

  void find_places(const std::vector<AliveContent>& contents, const catalog::Medium& first);
  // The medium to read next; nullopt: no content has a place left.
  [[nodiscard]] std::optional<catalog::Medium> next_medium() const;
  // Takes every place on it, tried or not.
  [[nodiscard]] std::vector<Read> take_reads(const catalog::Medium& medium);
  void read_medium(const catalog::Medium& medium, std::vector<Read> reads);
  // How many of them are done, good or bad; throws when it is the medium that fails.
  void read_stream(const std::vector<Read>& reads, std::unique_ptr<tapeio::TapeDrive> drive,
                   VerifiedMedium& sums, std::size_t& done);
  void finish(const Read& read, VerifiedMedium& sums, const format::Digest& digest);
  void require_going_on() const;

  Context& context_;
  Destination directory_;
  const std::filesystem::path path_;
  const tapeio::ForPeople for_people_;
  Reporter& reporter_;
  FailingMedia& failing_;
  const std::function<void(std::uint64_t bytes)> passed_;
  Verdicts verdicts_;
  std::deque<Pending> pending_;
  std::unique_ptr<Destination::NewFile> file_;
  Gathered result_;
};

}  // namespace mixtape::service
