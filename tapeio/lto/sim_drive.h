// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "tapeio/drive_report.h"
#include "tapeio/lto/drive_model.h"
#include "tapeio/tape_drive.h"

// A simulated LTO drive over the medium of any other drive: that one keeps the data, the model says
// what each operation would cost on tape. Results are the other drive's, unchanged, but for an
// early warning that was asked for earlier. A FaultyDrive below makes it fail as planned.
//
// Offers: identity, memory, alerts, gauges, space, wraps, clock (tapeio/drive_features.h), and an
// access order from the generation on that has it; the sizes are the host's, the times modelled.
// What the drive asks for and what went wrong shows as TapeAlerts. A cartridge that is protected by
// its switch, or of a generation that the drive reads only, takes no writing.
//
// Threads:  none; a drive belongs to one thread at a time.
// Lifetime: `model` must outlive it, and has the medium's cartridge loaded.
// Contract: tests/contract/tape_drive_contract.h

namespace mixtape::tapeio::lto {

class SimDrive final : public TapeDrive,
                       private MediumMemory,
                       private TapeAlerts,
                       private DriveGauges,
                       private SpaceGauge,
                       private WrapMap,
                       private AccessOrder {
 public:
  // `on_return` is called when the drive is handed back, that is in its destructor, with what it
  // tells then; it must not throw.
  SimDrive(std::unique_ptr<TapeDrive> medium_drive, DriveModel& model,
           std::function<void(const DriveReport&)> on_return = {});
  ~SimDrive() override;
  SimDrive(const SimDrive&) = delete;
  SimDrive& operator=(const SimDrive&) = delete;

  [[nodiscard]] std::optional<MediumInfo> medium() override;
  [[nodiscard]] ReadResult read_record(MutableBytes buffer) override;
  [[nodiscard]] WriteResult write_record(ByteView record) override;
  [[nodiscard]] WriteResult write_filemark() override;
  void rewind() override;
  void locate(std::uint64_t block) override;
  [[nodiscard]] std::uint64_t space_filemarks(std::int64_t count) override;
  void seek_end_of_data() override;
  [[nodiscard]] Position position() override;
  void name_next_file(std::string_view hint) override;
  [[nodiscard]] DriveFeatures features() override;
  void unload() override;

 private:
  [[nodiscard]] MediumStory story() override;
  void write_story(const MediumStory& story) override;
  [[nodiscard]] MediumWear wear() override;
  [[nodiscard]] DriveHealth health() override;
  [[nodiscard]] std::optional<RemainingSpace> remaining() override;
  [[nodiscard]] bool warn_earlier(std::uint64_t bytes) override;
  [[nodiscard]] std::vector<std::uint64_t> ends_of_wraps() override;
  [[nodiscard]] std::vector<TapeAlert> raised() override;
  [[nodiscard]] std::size_t most_ranges() override;
  [[nodiscard]] std::vector<std::size_t> recommend(std::span<const BlockRange> ranges) override;

  [[nodiscard]] Cartridge& require_cartridge(const char* operation);
  [[nodiscard]] std::uint64_t block_now();
  template <typename Operation, typename Note>
  auto noted(const char* name, Operation operation, Note note);
  // Why the cartridge takes no writing in this drive; empty: it does.
  [[nodiscard]] std::string_view protection(const Cartridge& cartridge) const;
  void require_writable(const char* operation);
  // Counts what the tape did wrong in the operation, and raises the alert for it.
  template <typename Operation>
  auto judged(std::uint8_t alert, std::uint64_t& failures, Operation operation);
  [[nodiscard]] WriteResult with_early_warning(WriteResult result);

  std::unique_ptr<TapeDrive> medium_drive_;
  DriveModel& model_;
  std::function<void(const DriveReport&)> on_return_;
  std::uint64_t warn_earlier_bytes_ = 0;
  bool is_unloaded_ = false;
  std::set<std::uint8_t> raised_;
  std::uint64_t failed_reads_ = 0, failed_writes_ = 0;
};

}  // namespace mixtape::tapeio::lto
