// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tapeio/drive_trace.h"
#include "tapeio/library.h"
#include "tapeio/memory_drive.h"

// A library of media in memory, with one trace over all its drives: a robot for tests.
//
// Threads:  internally synchronised; a medium belongs to whoever loaded it.
// Lifetime: must outlive the drives that load() hands over.

namespace mixtape::tapeio {

struct MemoryLibraryOptions {
  std::string url = "memory:";
  std::size_t drive_count = 1;  // Error{locked} from load() when all have a medium.
  std::uint64_t filemark_bytes = 4 * KiB;
  // Put around each drive that is handed over, outside the trace: faults, latency.
  std::function<std::unique_ptr<TapeDrive>(std::unique_ptr<TapeDrive>, MemoryMedium&)> wrap_drive =
      {};
};

class MemoryLibrary final : public Library {
 public:
  explicit MemoryLibrary(MemoryLibraryOptions options = {});

  // The medium itself; Error{not_found} as load(). Only while no drive works on it.
  [[nodiscard]] MemoryMedium& medium(std::string_view label);
  // Takes the medium out of the library, onto a shelf; and puts it back.
  [[nodiscard]] std::unique_ptr<MemoryMedium> take_out(std::string_view label);
  void put_in(std::unique_ptr<MemoryMedium> medium);
  [[nodiscard]] DriveTrace& trace() { return trace_; }

  [[nodiscard]] std::string url() const override;
  [[nodiscard]] std::vector<MediumSlot> media() override;
  void add_medium(std::string_view label, std::uint64_t capacity_bytes) override;
  using Library::load;
  [[nodiscard]] std::unique_ptr<TapeDrive> load(std::string_view label, Access access,
                                                const LoadWatch& watch) override;

 private:
  friend class LoadedMemoryDrive;
  void unload(const std::string& label);
  [[nodiscard]] MemoryMedium& find_locked(const std::string& label);

  MemoryLibraryOptions options_;
  DriveTrace trace_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<MemoryMedium>> media_;  // Guarded by mutex_.
  // Label to used bytes at the time of loading: the medium is its drive's alone meanwhile. Guarded
  // by mutex_.
  std::map<std::string, std::uint64_t> loaded_;
};

}  // namespace mixtape::tapeio
