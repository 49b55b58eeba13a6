// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include "tapeio/dir_description.h"
#include "tapeio/dir_drive.h"
#include "tapeio/drive_trace.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/memory_drive.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/support/temp_dir.h"

// Every drive that needs no hardware, under the one contract.

namespace mixtape::test {
namespace {

using namespace tapeio;  // NOLINT: the whole file is about it.

class MemoryWorld : public DriveWorld {
 public:
  explicit MemoryWorld(std::uint64_t capacity_bytes)
      : medium_({.label = "MEM001",
                 .space = MediumSpace::with_default_warning(capacity_bytes),
                 .write_protected = false,
                 .keep_bytes = true}) {}

  std::unique_ptr<TapeDrive> load() override { return std::make_unique<MemoryDrive>(medium_); }
  void cut_power() override { medium_.cut_power(); }
  std::unique_ptr<TapeDrive> load_write_protected() override {
    medium_.set_write_protected(true);
    return load();
  }
  std::unique_ptr<TapeDrive> empty_drive() override { return std::make_unique<MemoryDrive>(); }

 private:
  MemoryMedium medium_;
};

// The decorators change nothing as long as no fault is planned.
class DecoratedWorld final : public MemoryWorld {
 public:
  using MemoryWorld::MemoryWorld;
  std::unique_ptr<TapeDrive> load() override { return decorate(MemoryWorld::load()); }
  std::unique_ptr<TapeDrive> empty_drive() override { return decorate(MemoryWorld::empty_drive()); }

 private:
  std::unique_ptr<TapeDrive> decorate(std::unique_ptr<TapeDrive> drive) {
    return std::make_unique<FaultyDrive>(std::make_unique<TracedDrive>(std::move(drive), trace_),
                                         FaultPlan{});
  }
  DriveTrace trace_;
};

class DirWorld final : public DriveWorld {
 public:
  explicit DirWorld(std::uint64_t capacity_bytes) {
    std::filesystem::create_directory(path());
    write_medium_description(path(), {.capacity_bytes = capacity_bytes, .record_size = 0});
  }
  std::unique_ptr<TapeDrive> load() override {
    return std::make_unique<DirDrive>(path(), DirDriveOptions{.writable = true});
  }
  // A drive that is destroyed leaves the directory as a crash does.
  void cut_power() override {}
  std::unique_ptr<TapeDrive> load_write_protected() override {
    std::filesystem::permissions(path(), std::filesystem::perms{0555});
    return load();
  }
  std::unique_ptr<TapeDrive> empty_drive() override {
    std::unique_ptr<TapeDrive> drive = load();
    std::filesystem::remove_all(path());
    return drive;
  }
  ~DirWorld() override {
    std::error_code ignored;
    std::filesystem::permissions(path(), std::filesystem::perms{0755}, ignored);
  }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "DISK01"; }
  TempDir directory_{TempDir::Place::memory};
};

template <typename World>
DriveKind kind(const char* name, bool has_variable_records) {
  return {.name = name,
          .make = [](std::uint64_t capacity) { return std::make_unique<World>(capacity); },
          .has_variable_records = has_variable_records};
}

INSTANTIATE_TEST_SUITE_P(Drives, TapeDriveContract,
                         testing::Values(kind<MemoryWorld>("Memory", true),
                                         kind<DecoratedWorld>("DecoratedMemory", true),
                                         kind<DirWorld>("Directory", false)),
                         name_of);

}  // namespace
}  // namespace mixtape::test
