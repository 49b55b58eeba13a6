// SPDX-License-Identifier: Apache-2.0
#include "tapeio/tape_alerts.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace mixtape::tapeio {
namespace {

using Severity = TapeAlert::Severity;

struct AlertRow {
  std::uint8_t flag;
  Severity severity;
  std::string_view name, advice;
};

constexpr std::string_view kCopyTape = "Copy what is on this cartridge and take it out of use.";
constexpr std::string_view kCleanAndWatch =
    "Clean the drive; if it comes again with this cartridge only, take the cartridge out of use.";
constexpr std::string_view kService = "Have the drive looked at.";
constexpr std::string_view kNothing = "Nothing has to be done.";

constexpr AlertRow kAlerts[] = {
    {1, Severity::warning, "Read warning", kCleanAndWatch},
    {2, Severity::warning, "Write warning", kCleanAndWatch},
    {3, Severity::warning, "Hard error", kCleanAndWatch},
    {4, Severity::critical, "Media", kCopyTape},
    {5, Severity::critical, "Read failure", kCleanAndWatch},
    {6, Severity::critical, "Write failure", kCleanAndWatch},
    {7, Severity::warning, "Media life", kCopyTape},
    {8, Severity::warning, "Not data grade", "Use a cartridge that is made for data."},
    {9, Severity::critical, "Write protect", "Move the cartridge's switch, or take another."},
    {10, Severity::information, "No removal", "Wait until the drive is done with the cartridge."},
    {11, Severity::information, "Cleaning media", "Take the cleaning cartridge out afterwards."},
    {12, Severity::information, "Unsupported format",
     "Put in a cartridge of a generation that this drive can use."},
    {13, Severity::critical, "Recoverable mechanical cartridge failure", kCopyTape},
    {14, Severity::critical, "Unrecoverable mechanical cartridge failure",
     "Do not force the cartridge out: have the drive serviced."},
    {15, Severity::warning, "Memory chip in cartridge failure", kCopyTape},
    {16, Severity::critical, "Forced eject", "Load the cartridge and check what was written last."},
    {17, Severity::warning, "Read only format",
     "This drive reads such cartridges only: write to a newer one."},
    {18, Severity::warning, "Tape directory corrupted on load",
     "Read to the end of data once; the drive mends it."},
    {19, Severity::information, "Nearing media life", kCopyTape},
    {20, Severity::critical, "Cleaning required", "Put the cleaning cartridge in now."},
    {21, Severity::warning, "Cleaning requested", "Put the cleaning cartridge in soon."},
    {22, Severity::critical, "Expired cleaning media", "Use a new cleaning cartridge."},
    {23, Severity::critical, "Invalid cleaning tape",
     "Use a cleaning cartridge that is made for this drive."},
    {24, Severity::warning, "Retension requested", "Have the tape wound through once."},
    {25, Severity::warning, "Multi-port interface error on a primary port",
     "Look at the drive's cables."},
    {26, Severity::warning, "Cooling fan failure", kService},
    {27, Severity::warning, "Power supply failure", kService},
    {28, Severity::warning, "Power consumption", kService},
    {29, Severity::warning, "Drive preventive maintenance required", kService},
    {30, Severity::critical, "Hardware A", "Switch the drive off and on; then have it repaired."},
    {31, Severity::critical, "Hardware B", "The drive failed its self-test: have it repaired."},
    {32, Severity::warning, "Primary interface", "Look at the drive's cables and adapter."},
    {33, Severity::critical, "Eject media", "Take the cartridge out and put it in again."},
    {34, Severity::warning, "Microcode update fail", "Load the drive's firmware again."},
    {35, Severity::warning, "Drive humidity", "Bring the room's humidity into the drive's range."},
    {36, Severity::warning, "Drive temperature", "Cool the room or look at the fans."},
    {37, Severity::warning, "Drive voltage", "Look at the power supply."},
    {38, Severity::critical, "Predictive failure", "Have the drive repaired before it fails."},
    {39, Severity::warning, "Diagnostics required", kService},
    {49, Severity::information, "Diminished native capacity", kNothing},
    {50, Severity::warning, "Lost statistics", kNothing},
    {51, Severity::warning, "Tape directory invalid at unload",
     "Load the cartridge and read to the end of data once."},
    {52, Severity::critical, "Tape system area write failure", kCopyTape},
    {53, Severity::critical, "Tape system area read failure", kCopyTape},
    {54, Severity::critical, "No start of data",
     "The cartridge was erased by a magnet or is of another kind: take another."},
    {55, Severity::critical, "Loading or threading failure",
     "Take the cartridge out and put it in again; look at its leader pin."},
    {56, Severity::critical, "Unrecoverable unload failure",
     "Do not force the cartridge out: have the drive serviced."},
    {57, Severity::critical, "Automation interface failure", "Look at the library's cables."},
    {58, Severity::warning, "Microcode failure", "Load newer firmware into the drive."},
    {59, Severity::warning, "WORM medium - integrity check failed", kCopyTape},
    {60, Severity::warning, "WORM medium - overwrite attempted",
     "Use a cartridge that can be written more than once."},
    {61, Severity::warning, "Encryption policy violation",
     "Look at the encryption settings of the drive or library."},
};

}  // namespace

TapeAlert tape_alert(std::uint8_t flag) {
  const auto* const found = std::find_if(std::begin(kAlerts), std::end(kAlerts),
                                         [&](const AlertRow& row) { return row.flag == flag; });
  if (found == std::end(kAlerts)) {
    return {.flag = flag,
            .severity = Severity::information,
            .name = "TapeAlert " + std::to_string(flag),
            .advice = "Look it up in the drive's manual."};
  }
  return {.flag = flag,
          .severity = found->severity,
          .name = std::string(found->name),
          .advice = std::string(found->advice)};
}

bool concerns_medium(std::uint8_t flag) {
  constexpr std::uint8_t kNoRemoval = 10, kCleaningMedia = 11, kLastOfMedium = 19;
  const bool is_of_data = flag >= 1 && flag <= kLastOfMedium;
  const bool is_of_directory = flag >= 49 && flag <= 54;
  const bool is_of_worm = flag == 59 || flag == 60;
  return (is_of_data && flag != kNoRemoval && flag != kCleaningMedia) || is_of_directory ||
         is_of_worm;
}

bool concerns_drive(std::uint8_t flag) {
  const bool is_of_either = flag == 1 || flag == 2 || flag == 3 || flag == 5 || flag == 6;
  return is_of_either || !concerns_medium(flag);
}

}  // namespace mixtape::tapeio
