// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/cartridge_library.h"
#include "tapeio/error.h"
#include "tapeio/lent_drive.h"
#include "tapeio/load_waiter.h"

// One drive and a human. It has what is in the drive; for any other tape load() says which to put
// in, and whoever asks again finds it when it is there.
//
// Whether there is a tape is asked gently; what tape it is, once per insertion: its own label, or
// else the barcode in its chip. A tape without either (blank, or foreign) is no medium of this
// library until it is loaded for writing, and then goes by the label that it was loaded under: its
// user looks at what is on it before writing.

namespace mixtape::tapeio {

class HandFedLibrary final : public Library, public CartridgeMover {
 public:
  HandFedLibrary(std::string url, CartridgeDrive drive, CartridgeLibraryOptions options);

  [[nodiscard]] std::string url() const override { return url_; }
  [[nodiscard]] std::vector<MediumSlot> media() override;
  [[nodiscard]] std::vector<MediumSlot> glance() override;
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override;
  // Also Error{no_medium}, with the sentence for the human who is to put the tape in.
  using Library::load;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                const LoadWatch& watch) override;
  [[nodiscard]] CartridgeMover* mover() override { return this; }
  [[nodiscard]] bool is_fed_by_hand() const override { return true; }

  [[nodiscard]] std::vector<DriveSlot> drives() override;
  void unload(std::string_view label) override;
  std::string export_medium(std::string_view label) override;
  void clean(std::string_view drive_name) override;
  [[nodiscard]] std::vector<MediumReport> take_reports() override;

 private:
  // What is known of the tape that is in.
  struct Inserted {
    std::string label = {};  // Empty: blank or foreign.
    std::string marks = {};  // What the drive can tell without moving it; another tape has others.
    bool unique = false;     // The marks hold for this very cartridge.
    std::optional<std::uint64_t> capacity_bytes = std::nullopt;
    std::string trouble = {};  // Why its label could not be read.
    bool unread = false;  // The label is what its chip says; nobody has looked at the tape itself.
  };
  struct View {
    std::optional<Inserted> inserted;
    std::string not_ready;  // Why the drive cannot say what is in it, which comes to an end.
    bool in_use = false;
  };

  // These want drive_mutex_.
  TapeDrive& open_drive();
  enum class Depth { glance, read };
  void look(std::chrono::milliseconds no_older_than, bool distrust, Depth depth);
  [[nodiscard]] std::optional<Inserted> see(const std::optional<Inserted>& known, bool distrust,
                                            Depth depth);
  [[nodiscard]] static Inserted describe(TapeDrive& drive, const MediumInfo& medium);
  [[nodiscard]] std::optional<Inserted> identify(TapeDrive& drive);
  void unload_drive();

  [[nodiscard]] View view();
  void look_unless_used(Depth depth);
  [[nodiscard]] std::vector<MediumSlot> slots();
  void require_idle();
  // Looks what is in it. Error{busy} when somebody has the drive.
  [[nodiscard]] std::unique_lock<std::mutex> claim_drive(LoadWaiter& waiter,
                                                         std::chrono::milliseconds within);
  // `may_eject`: there is somebody who hears of it.
  [[noreturn]] void ask_for(const std::string& label, const View& now, bool may_eject);
  [[nodiscard]] bool is_stale(std::chrono::milliseconds age) const;
  void come_back(const std::string& label, const LentDrive::Returned& returned, bool had_no_label);

  const std::string url_;
  const CartridgeDrive parts_;
  const CartridgeLibraryOptions options_;

  // Held while the drive is asked or moves its tape; acquired before mutex_. Not held while it is
  // lent: then in_use says so.
  std::mutex drive_mutex_;
  std::unique_ptr<TapeDrive> drive_;   // Of whoever holds drive_mutex_ or has it lent.
  std::set<std::string> ejected_for_;  // Guarded by drive_mutex_.
  LoadWaiter* waiter_ = nullptr;       // Guarded by drive_mutex_; of the load under way.

  std::mutex mutex_;  // Never held while the drive does something.
  View view_;         // Guarded by mutex_, as is all below.
  std::optional<std::chrono::steady_clock::time_point> looked_;
  std::optional<Error> trouble_;  // Why the drive could not be asked last time.
  DriveIdentity identity_;
  KeptReports reports_;
};

}  // namespace mixtape::tapeio
