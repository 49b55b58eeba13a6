// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/catalog/ledger.h"
#include "engine/catalog/types.h"
#include "tapeio/error.h"
#include "tapeio/library.h"

// The libraries of the configuration and the media in them, as they come and go.
//
// A disk is attached or taken away while the daemon runs: whoever asks gets what is there now. A
// library that was away is opened when it is there again; one that went away is absent, with the
// reason, until it is back.
//
// Threads:  internally synchronised. Whoever asks waits for libraries, for a while also for one
//           that another thread is just opening; who only glances does not: it is absent for him.
// Lifetime: a library stays, once opened, as long as this object.

namespace mixtape::service {

struct LibrariesOptions {
  // What makes a library of a URL; unset: tapeio::open_library.
  std::function<std::unique_ptr<tapeio::Library>(const std::string& url)> open = {};
  // A device that could not be opened is left alone for so long, since to ask a host that is not
  // there takes its time. A directory is looked for each time.
  std::chrono::milliseconds open_again = std::chrono::seconds(30);
  // How long one that somebody else is just opening is waited for; then it is absent.
  std::chrono::milliseconds open_within = std::chrono::seconds(30);
};

class Libraries {
 public:
  // Error{invalid} for a URL that no library can have.
  explicit Libraries(std::vector<std::string> urls, LibrariesOptions options = {});
  // The configuration changed.
  void use(std::vector<std::string> urls);

  [[nodiscard]] std::vector<std::string> urls();
  // Error{cancelled} when it is stopped while it waits, as below.
  [[nodiscard]] std::vector<tapeio::Library*> here(const std::stop_token& stop = {});
  // Those that were opened so far, here or not. Asks nobody anything.
  [[nodiscard]] std::vector<tapeio::Library*> opened();
  // Why the others are not.
  [[nodiscard]] std::vector<std::string> absent();
  // Whether one of these has a robot: the cartridges in it are where nobody can take them from.
  [[nodiscard]] bool robot_away();

  // Every medium within reach, library by library. Moves no cartridge.
  struct Slot {
    tapeio::Library* library;
    tapeio::MediumSlot medium;
  };
  // For who only shows them a glance is enough: it reads no tape to know its label.
  enum class Look { glance, read };
  [[nodiscard]] std::vector<Slot> slots(Look look = Look::read, const std::stop_token& stop = {});
  [[nodiscard]] std::optional<tapeio::PlacedMedium> find(std::string_view label);

  // The very medium: its own label was read and says so. Labels repeat between libraries, and
  // directories are swapped; a medium that only has the name must never be taken for a damaged one.
  // Cost: the first record of each medium of that label. Cartridges are not moved for that: their
  // label is taken as it is, and the medium is checked when it is loaded. One with a damaged label
  // is the right one when an archive stands on it that `ledger` knows, which is asked at once.
  struct Lookup {
    std::optional<tapeio::PlacedMedium> medium;
    // False where it is damaged, because then its archives must prove it, and of cartridges.
    bool label_read = false;
    std::string why_not;  // What a medium of that label, if one is here, is instead.
  };
  [[nodiscard]] Lookup find(const catalog::Medium& medium, catalog::Ledger& ledger,
                            Look look = Look::read);

  // For a cartridge that is not here: the drive that somebody can put it into; nullopt where every
  // drive has a robot, or it belongs to a robot that is away. Loading asks for it
  // (Library::is_fed_by_hand).
  [[nodiscard]] std::optional<tapeio::PlacedMedium> drive_for(const catalog::Medium& medium,
                                                              catalog::Ledger& ledger);

 private:
  struct Known {
    explicit Known(std::string its_url) : url(std::move(its_url)) {}

    const std::string url;
    std::mutex opening;  // Held while it is opened.
    // Guarded by Libraries::mutex_, as is all below. Null until it was there once, then for good.
    std::unique_ptr<tapeio::Library> library;
    bool in_use = false;                                 // The configuration names it.
    std::optional<Error> trouble;                        // Why it could not be opened last time.
    std::chrono::steady_clock::time_point open_again{};  // Not before.
  };
  struct Here {
    tapeio::Library* library;
    std::vector<tapeio::MediumSlot> media;
  };
  struct View {
    std::vector<Here> here;
    std::vector<std::string> absent;
    bool robot_away = false;
  };
  // For whom one that is just being opened is absent; others wait until they are stopped.
  struct Patience {
    bool waits = false;
    std::stop_token stop = {};
  };
  [[nodiscard]] View view(Look look, const Patience& patience);
  // Opens it unless it is open; throws why that cannot be, at once when it was tried a moment ago.
  tapeio::Library& open(Known& known, const Patience& patience);
  [[nodiscard]] bool lock_opening(Known& known, const Patience& patience) const;
  // These want mutex_.
  std::vector<std::unique_ptr<Known>>::iterator find_known(const std::string& url);

  const LibrariesOptions options_;
  std::mutex mutex_;  // Never held while a library is asked or opened.
  // Guarded by mutex_; the configuration's order. What is in it stays.
  std::vector<std::unique_ptr<Known>> known_;
};

// Whether a library's label may be that of this medium: where catalogs were merged, the catalog's
// own label for it may carry a mark ("MX0001~3fa94c1b").
[[nodiscard]] bool may_be(std::string_view slot_label, const catalog::Medium& medium);

}  // namespace mixtape::service
