// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The one table of what a tape target that others wrote cannot keep of the contract, and why.
// Nothing else is excused, and no test is loosened for all.

namespace mixtape::test {

struct ContractException {
  std::string_view target;  // DriveKind::target.
  std::string_view test;
  std::string_view reason;
};

inline constexpr ContractException kContractExceptions[] = {
    {"tgt", "HardEndWritesNothingAndKeepsWhatIsBefore",
     "tgt 1.0.85 warns at the nominal capacity and has no hard end"},
    {"tgt", "FilemarkFindsRoomBehindTheHardEnd",
     "tgt 1.0.85 warns at the nominal capacity and has no hard end"},
    {"tgt", "OverwritingMakesRoomOnAFullMedium",
     "tgt 1.0.85 warns at the nominal capacity and has no hard end"},
    {"sg", "HardEndWritesNothingAndKeepsWhatIsBefore", "tgt 1.0.85 behind sg has no hard end"},
    {"sg", "FilemarkFindsRoomBehindTheHardEnd", "tgt 1.0.85 behind sg has no hard end"},
    {"sg", "OverwritingMakesRoomOnAFullMedium", "tgt 1.0.85 behind sg has no hard end"},
    {"sg", "BytesBehindTheRecordStayAsTheyWere",
     "Linux' sg copies as much as was asked for, however little came from the tape"},
    {"st", "HardEndWritesNothingAndKeepsWhatIsBefore", "tgt 1.0.85 behind st has no hard end"},
    {"st", "FilemarkFindsRoomBehindTheHardEnd", "tgt 1.0.85 behind st has no hard end"},
    {"st", "OverwritingMakesRoomOnAFullMedium", "tgt 1.0.85 behind st has no hard end"},
    {"st", "RecordsOfAnySizeComeBackWithTheirOwn",
     "tgt 1.0.85 sends only what the buffer has more than the record, when that is less"},
};

}  // namespace mixtape::test
