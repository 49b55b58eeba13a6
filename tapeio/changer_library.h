// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tapeio/cartridge_library.h"
#include "tapeio/changer.h"
#include "tapeio/error.h"
#include "tapeio/lent_drive.h"
#include "tapeio/load_waiter.h"

// Drives fed by a robot. A barcode is a label; cartridges without a readable one and cleaning
// cartridges are no media.
//
// A drive is lent to one user at a time and keeps its cartridge until another is wanted in it. One
// cartridge moves at a time, while other drives go on; media() meanwhile shows what was last known.
// After a move that failed the changer is asked again: what is shown is what it says, not what was
// meant to happen.

namespace mixtape::tapeio {

class ChangerLibrary final : public Library, public CartridgeMover {
 public:
  // Asks the changer what is where, and which of the drives are in it: by serial number, or by
  // order where the changer tells none.
  ChangerLibrary(std::string url, std::unique_ptr<Changer> changer,
                 std::vector<CartridgeDrive> drives, CartridgeLibraryOptions options);

  [[nodiscard]] std::string url() const override { return url_; }
  [[nodiscard]] std::vector<MediumSlot> media() override;
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override;
  // Also Error{wrong_medium} when the cartridge is not what the changer says that it is.
  using Library::load;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                const LoadWatch& watch) override;
  [[nodiscard]] CartridgeMover* mover() override { return this; }

  [[nodiscard]] std::vector<DriveSlot> drives() override;
  [[nodiscard]] std::vector<CleaningCartridge> cleaning_cartridges() override;
  // Those that are empty; to open another would rewind its tape.
  void meet_drives() override;
  void unload(std::string_view label) override;
  std::string export_medium(std::string_view label) override;
  void clean(std::string_view drive_name) override;
  [[nodiscard]] std::vector<MediumReport> take_reports() override;

 private:
  struct Bay {
    CartridgeDrive parts;                                 // `serial` guarded by changer_mutex_.
    std::optional<std::uint16_t> element = std::nullopt;  // Guarded by mutex_, once set for good.
    bool in_use = false;                                  // Guarded by mutex_.
    std::uint64_t last_used = 0;                          // Guarded by mutex_.
    DriveIdentity identity = {};                          // Guarded by mutex_, once it is open.
    std::string serial = {};                              // The same as in parts; by mutex_.
    std::unique_ptr<TapeDrive> drive = nullptr;           // Of whoever has claimed the bay.
    LoadWaiter* waiter = nullptr;  // The same; null: nobody may be kept waiting.
  };
  // A cartridge, and a bay for it, that nobody else touches meanwhile.
  class Claim {
   public:
    Claim(ChangerLibrary& library, Bay* its_bay, std::string its_label);
    Claim(Claim&& other) noexcept;
    ~Claim();
    Claim& operator=(Claim&&) = delete;

    ChangerLibrary* library;
    Bay* bay;  // Null: the cartridge is in no drive of ours.
    std::string label;
  };
  using Elements = std::vector<Element>;
  // Picks where a cartridge goes; throws when there is no room.
  using Choice = std::function<std::uint16_t(const Elements&)>;

  // What is where. These want changer_mutex_.
  void look();
  void learn_serials();
  void move_locked(std::uint16_t from, std::uint16_t to);
  // These want mutex_.
  void match_bays(bool guess);
  void match_by_serial(const std::vector<const Element*>& drives);
  void match_the_last(const std::vector<const Element*>& drives);
  [[nodiscard]] const Element* find_label(std::string_view label) const;
  [[nodiscard]] const Element* element_at(std::uint16_t address) const;
  [[nodiscard]] Bay* bay_at(std::uint16_t address);
  [[nodiscard]] Bay& pick_idle_bay(const std::string& label);
  [[nodiscard]] const Element& require_known(const std::string& label) const;
  void require_idle(const std::string& label, const Bay* bay) const;

  void look_gently();
  [[nodiscard]] Claim claim_for_loading(const std::string& label);
  [[nodiscard]] Claim claim_where_it_is(const std::string& label);
  [[nodiscard]] Claim claim_for_cleaning(std::string_view drive_name);
  [[nodiscard]] std::optional<Element> where_is(std::string_view label);
  [[nodiscard]] Element place_of(const Bay& bay);

  TapeDrive& open_drive(Bay& bay);
  void carry(std::uint16_t from, const Choice& choose);
  [[nodiscard]] std::uint16_t choose_home(const Elements& elements, std::uint16_t from) const;
  [[nodiscard]] std::uint16_t choose_export(const Elements& elements) const;
  void bring(const Claim& claim, std::chrono::milliseconds ready_within);
  [[nodiscard]] std::unique_ptr<TapeDrive> load_into(const std::shared_ptr<Claim>& claim,
                                                     Access access, const LoadWatch& watch);
  void come_back(const Claim& claim, const LentDrive::Returned& returned);
  void empty(Bay& bay);
  void send_home(std::uint16_t from);
  // Only while a load waits in this bay. Nullopt when it is not ready even then.
  [[nodiscard]] std::optional<MediumInfo> wait_for_medium(Bay& bay,
                                                          std::chrono::milliseconds within);
  void require_right_cartridge(const Claim& claim) const;
  void wait_until_clean(const Claim& claim);

  const std::string url_;
  const CartridgeLibraryOptions options_;

  std::mutex changer_mutex_;  // Held while the changer is asked or moves; acquired before mutex_.
  const std::unique_ptr<Changer> changer_;

  std::mutex mutex_;  // Never held while a device does something.
  std::vector<std::unique_ptr<Bay>> bays_;
  Elements picture_;               // Guarded by mutex_, as is all below.
  std::set<std::string> claimed_;  // Labels in use or being moved.
  std::chrono::steady_clock::time_point looked_;
  std::optional<Error> trouble_;  // Why the changer could not be asked last time.
  std::uint64_t uses_ = 0;
  KeptReports reports_;
};

}  // namespace mixtape::tapeio
