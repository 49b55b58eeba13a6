// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// What a drive may offer besides reading and writing, each a small interface of its own.
//
// A drive that has one says so in TapeDrive::features(); whoever has no use for it never sees it.
// None of them moves the head.
//
// Threads:  as the drive.
// Errors:   throw Error as the drive does; what the drive does not know is nullopt, not an Error.
// Lifetime: the pointers live as long as the drive and mean the medium that is in it when asked.

namespace mixtape::tapeio {

// Who we are in a chip (0800).
inline constexpr char kChipVendor[] = "MIXTAPE";

// What is written into the chip of a cartridge (SPC-5 7.4 medium auxiliary memory, host attributes
// of SSC-5), so that a stranger's drive shows whose it is.
struct MediumStory {
  std::string vendor = {};               // 0800 APPLICATION VENDOR.
  std::string application = {};          // 0801 APPLICATION NAME.
  std::string application_version = {};  // 0802 APPLICATION VERSION.
  std::string label = {};                // 0803 USER MEDIUM TEXT LABEL.
  std::string written_on = {};           // 0804 DATE AND TIME LAST WRITTEN, YYYYMMDDHHMM.
  std::string barcode = {};              // 0806 BARCODE.
  std::string pool = {};                 // 0808 MEDIA POOL.
  bool operator==(const MediumStory&) const = default;
};

// The chip's field for each part of the story: what is longer is cut.
struct StoryField {
  std::uint16_t attribute;
  std::size_t size;
  bool is_text;  // Padded with zeros and not with blanks, and of more than ASCII.
  std::string_view name;
  std::string MediumStory::*part;
};
inline constexpr StoryField kStoryFields[] = {
    {0x0800, 8, false, "vendor", &MediumStory::vendor},
    {0x0801, 32, false, "application", &MediumStory::application},
    {0x0802, 8, false, "application_version", &MediumStory::application_version},
    {0x0803, 160, true, "label", &MediumStory::label},
    {0x0804, 12, false, "written_on", &MediumStory::written_on},
    {0x0806, 32, false, "barcode", &MediumStory::barcode},
    {0x0808, 160, true, "pool", &MediumStory::pool},
};

// What the cartridge and its chip tell of themselves.
struct MediumWear {
  std::optional<std::uint64_t> loads;                                        // 0003
  std::optional<std::uint64_t> mebibytes_written_ever, mebibytes_read_ever;  // 0220, 0221
  std::optional<std::uint64_t> mebibytes_remaining, mebibytes_capacity;      // 0000, 0001
  std::vector<std::string> last_drives = {};  // 020A to 020D, the newest first: "IBM YX10000001".
  std::string manufacturer, serial;           // 0400, 0401
  std::optional<std::uint8_t> density;        // 0405, the density the medium was formatted with.
  bool is_cleaning_cartridge = false;         // 0408 medium type 01h.
  bool is_worm = false;                       // 0408 medium type 80h.
};

class MediumMemory {
 public:
  virtual ~MediumMemory() = default;
  [[nodiscard]] virtual MediumStory story() = 0;
  virtual void write_story(const MediumStory& story) = 0;
  [[nodiscard]] virtual MediumWear wear() = 0;
};

// TapeAlert flags (SSC-5 annex, log page 12h or 2Eh), by number 1..64.
struct TapeAlert {
  std::uint8_t flag;
  enum class Severity { information, warning, critical } severity;
  std::string name;    // The standard's: "Cleaning required".
  std::string advice;  // One sentence that says what to do.
};

class TapeAlerts {
 public:
  virtual ~TapeAlerts() = default;
  // Those raised since this drive was opened, in order of number. A flag that the drive forgets
  // when it is read once is kept here.
  [[nodiscard]] virtual std::vector<TapeAlert> raised() = 0;
};

// How the drive gets on with the tape.
struct DriveHealth {
  std::optional<std::uint64_t> corrected_reads, uncorrected_reads;    // Log page 03h.
  std::optional<std::uint64_t> corrected_writes, uncorrected_writes;  // Log page 02h.
  std::optional<std::uint64_t> repositions;  // Since the medium was loaded, where it is counted.
  std::optional<std::uint64_t> underruns;    // The buffer ran empty while writing.
  bool cleaning_requested = false;
};

class DriveGauges {
 public:
  virtual ~DriveGauges() = default;
  [[nodiscard]] virtual DriveHealth health() = 0;
};

// How much is left on the medium, as far as the drive knows.
struct RemainingSpace {
  std::uint64_t capacity_bytes = 0;
  std::uint64_t remaining_bytes = 0;  // Behind the end of data, early-warning zone included.
};

class SpaceGauge {
 public:
  virtual ~SpaceGauge() = default;
  [[nodiscard]] virtual std::optional<RemainingSpace> remaining() = 0;
  // Asks for early warning so many bytes before where the drive itself would give it. False: it
  // cannot; its own warning is all there is.
  [[nodiscard]] virtual bool warn_earlier(std::uint64_t bytes) = 0;
};

// Where the wraps of a serpentine tape end: the block address of the last object of each written
// wrap, in order (READ END OF WRAP POSITION). The last entry is where data ends now.
class WrapMap {
 public:
  virtual ~WrapMap() = default;
  [[nodiscard]] virtual std::vector<std::uint64_t> ends_of_wraps() = 0;
};

// An order for reading, as the drive recommends it (GENERATE and RECEIVE RECOMMENDED ACCESS ORDER).
struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // Inclusive.
  bool operator==(const BlockRange&) const = default;
};

class AccessOrder {
 public:
  virtual ~AccessOrder() = default;
  // The most ranges that one question may hold.
  [[nodiscard]] virtual std::size_t most_ranges() = 0;
  // Indexes into `ranges`, in the order recommended from where the head stands now.
  [[nodiscard]] virtual std::vector<std::size_t> recommend(std::span<const BlockRange> ranges) = 0;
};

// A clock that is not the wall's: what the modelled drive has needed so far.
class ModelledTime {
 public:
  virtual ~ModelledTime() = default;
  [[nodiscard]] virtual std::chrono::nanoseconds elapsed() const = 0;
};

// Who the drive is, and what it can do, for people: "doctor" prints these as they are.
struct DriveIdentity {
  std::string vendor, product, revision, serial;  // INQUIRY and VPD page 80h.
  std::vector<std::string> notes;  // "no LOCATE: positions by rewinding and spacing".
};

struct DriveFeatures {
  std::optional<DriveIdentity> identity;
  MediumMemory* memory = nullptr;
  TapeAlerts* alerts = nullptr;
  DriveGauges* gauges = nullptr;
  SpaceGauge* space = nullptr;
  WrapMap* wraps = nullptr;
  AccessOrder* access_order = nullptr;
  ModelledTime* clock = nullptr;
};

}  // namespace mixtape::tapeio
