// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/catalog/types.h"
#include "tapeio/library.h"

// The libraries of the configuration and the media in them, as they come and go.
//
// A disk is attached or taken away while the daemon runs: whoever asks gets what is there now. A
// library that was away is opened when it is there again; one that went away is absent, with the
// reason, until it is back.
//
// Threads:  internally synchronised.
// Lifetime: a library stays, once opened, as long as this object.

namespace mixtape::service {

class Libraries {
 public:
  // Error{invalid} for a URL that no library can have.
  explicit Libraries(std::vector<std::string> urls);
  // The configuration changed.
  void use(std::vector<std::string> urls);

  [[nodiscard]] std::vector<std::string> urls();
  [[nodiscard]] std::vector<tapeio::Library*> here();
  // Those that were opened so far, here or not. Asks nobody anything.
  [[nodiscard]] std::vector<tapeio::Library*> opened();
  // Why the others are not.
  [[nodiscard]] std::vector<std::string> absent();

  // Every medium within reach, library by library. Costs no drive operation.
  struct Slot {
    tapeio::Library* library;
    tapeio::MediumSlot medium;
  };
  [[nodiscard]] std::vector<Slot> slots();
  [[nodiscard]] std::optional<tapeio::PlacedMedium> find(std::string_view label);

  // The very medium: its own label was read and says so. Labels repeat between libraries, and
  // directories are swapped; a medium that only has the name must never be taken for a damaged one.
  // Cost: the first record of each medium of that label. Cartridges are not moved for that: their
  // label is taken as it is, and the medium is checked when it is loaded.
  struct Lookup {
    std::optional<tapeio::PlacedMedium> medium;
    // False where it is damaged, because then its archives must prove it, and of cartridges.
    bool label_read = false;
    std::string why_not;  // What a medium of that label, if one is here, is instead.
  };
  [[nodiscard]] Lookup find(const catalog::Medium& medium);

 private:
  struct Known {
    std::string url;
    std::unique_ptr<tapeio::Library> library;  // Null until it was there once.
    bool in_use = true;                        // The configuration names it.
  };
  struct Here {
    tapeio::Library* library;
    std::vector<tapeio::MediumSlot> media;
  };
  struct View {
    std::vector<Here> here;
    std::vector<std::string> absent;
  };
  [[nodiscard]] View look();
  std::vector<Known>::iterator find_known(const std::string& url);

  std::mutex mutex_;
  std::vector<Known> known_;  // Guarded by mutex_; the configuration's order.
};

// Whether a library's label may be that of this medium: where catalogs were merged, the catalog's
// own label for it may carry a mark ("MX0001~3fa94c1b").
[[nodiscard]] bool may_be(std::string_view slot_label, const catalog::Medium& medium);

}  // namespace mixtape::service
