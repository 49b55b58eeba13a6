// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/order/models.h"
#include "engine/order/wrap_map.h"
#include "tapeio/tape_drive.h"

// Where the blocks of one medium lie, and how long its drive needs from one to another: what the
// order of recall is judged by.
//
// A serpentine tape is known when the drive says who it is and the cartridge, its barcode or the
// drive says of which LTO generation; where its wraps end is asked of the drive, else taken from
// the capacity. All else (disks, tapes that nothing is known of) is one line that is read forward.
//
// Threads: a const one may be asked by several.
// Errors:  none: what the drive cannot or will not say is not known. A stop that was asked for
//          passes, as Error{cancelled}.
// Cost:    of() a few commands to the drive, none of which moves the tape; at() a few steps.

namespace mixtape::recall {

// Whose times they are: a drive, with tapes of one generation.
struct TimedDrive {
  std::string name;  // Its serial number; its product where it tells none. Empty: not known.
  unsigned generation = 0;
};

class TapeModel {
 public:
  // A line.
  explicit TapeModel(std::uint64_t record_size = MiB);

  // Of the medium in the drive. `record_size`: of the archives on it.
  [[nodiscard]] static TapeModel of(tapeio::TapeDrive& drive, std::string_view label,
                                    std::uint64_t record_size);
  // As far as it is known without a drive: full wraps of a cartridge of that generation.
  [[nodiscard]] static TapeModel of_generation(unsigned generation, std::uint64_t capacity_bytes,
                                               std::uint64_t record_size);

  [[nodiscard]] bool knows_wraps() const { return wraps_.has_value(); }
  [[nodiscard]] const order::Model& times() const { return times_; }
  [[nodiscard]] order::Place at(std::uint64_t block) const;
  // Where a load leaves the head.
  [[nodiscard]] order::Head at_rest() const { return {.place = at(0), .moving = false}; }
  // Whether a head before `from` reads what lies before `to` rather than locate over it.
  [[nodiscard]] bool reads_through(std::uint64_t from, std::uint64_t to) const;
  // What is known of its times from now on is used. Only where wraps are known.
  void learn(const order::LocateFit& fit);
  // A locate, for learn(); `predicted_s` is as published, whatever was learnt.
  [[nodiscard]] order::LocateSample sample(std::uint64_t from, std::uint64_t to,
                                           double took_s) const;
  [[nodiscard]] const TimedDrive& drive() const { return drive_; }
  // "LTO-8"; "a line".
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  TapeModel(unsigned generation, order::WrapMap wraps);
  static TapeModel of_features(tapeio::TapeDrive& drive, const tapeio::DriveFeatures& has,
                               unsigned generation, std::uint64_t record_size);

  order::Model times_;
  std::optional<order::WrapMap> wraps_;
  double seconds_per_block_ = 0;  // Of a line.
  std::uint64_t record_size_ = 0;
  TimedDrive drive_;
  std::string name_;
};

// Of an LTO drive, from what it calls itself: "ULTRIUM-TD8", "ULT3580-HH7", "Ultrium 9-SCSI",
// "simulated LTO-8". Only generations whose figures are known.
[[nodiscard]] std::optional<unsigned> generation_of_product(std::string_view product);

}  // namespace mixtape::recall
