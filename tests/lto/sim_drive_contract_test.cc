// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <memory>

#include "tapeio/dir_description.h"
#include "tapeio/dir_drive.h"
#include "tapeio/faulty_drive.h"
#include "tapeio/lto/sim_drive.h"
#include "tapeio/lto/sim_library.h"
#include "tapeio/memory_drive.h"
#include "tests/contract/tape_drive_contract.h"
#include "tests/support/temp_dir.h"

// The simulated drive under the contract of all drives, over each kind of medium that it may have.

namespace mixtape::test {
namespace {

using namespace tapeio;  // NOLINT: the whole file is about it.

// A drive model of its own for every load, as a new process would have it.
class SimWorld : public DriveWorld {
 public:
  std::unique_ptr<TapeDrive> load() override { return simulate(medium_drive()); }
  std::unique_ptr<TapeDrive> load_write_protected() override {
    protect();
    return load();
  }

 protected:
  [[nodiscard]] virtual std::unique_ptr<TapeDrive> medium_drive() = 0;
  virtual void protect() = 0;
  std::unique_ptr<TapeDrive> simulate(std::unique_ptr<TapeDrive> drive) {
    cartridge_ = std::make_unique<lto::Cartridge>(lto::Cartridge{
        "SIM001", lto::TapeMap::of(*drive), lto::CartridgeGeometry(lto::figures_of(9), 64 * MiB)});
    model_ = std::make_unique<lto::DriveModel>(
        lto::DriveModelOptions{.generation = 9, .scale = 1000, .host_time = &host_time_});
    model_->load(*cartridge_);
    return std::make_unique<lto::SimDrive>(
        std::make_unique<FaultyDrive>(std::move(drive), FaultPlan{}), *model_);
  }

 private:
  lto::RealHostTime host_time_;
  std::unique_ptr<lto::Cartridge> cartridge_;
  std::unique_ptr<lto::DriveModel> model_;
};

class SimMemoryWorld final : public SimWorld {
 public:
  explicit SimMemoryWorld(std::uint64_t capacity_bytes)
      : medium_({.label = "MEM001", .space = MediumSpace::with_default_warning(capacity_bytes)}) {}
  void cut_power() override { medium_.cut_power(); }
  std::unique_ptr<TapeDrive> empty_drive() override {
    return simulate(std::make_unique<MemoryDrive>());
  }

 protected:
  std::unique_ptr<TapeDrive> medium_drive() override {
    return std::make_unique<MemoryDrive>(medium_);
  }
  void protect() override { medium_.set_write_protected(true); }

 private:
  MemoryMedium medium_;
};

class SimDirWorld final : public SimWorld {
 public:
  explicit SimDirWorld(std::uint64_t capacity_bytes) {
    std::filesystem::create_directory(path());
    write_medium_description(path(), {.capacity_bytes = capacity_bytes, .record_size = 0});
  }
  ~SimDirWorld() override {
    std::error_code ignored;
    std::filesystem::permissions(path(), std::filesystem::perms{0755}, ignored);
  }
  // A drive that is destroyed leaves the directory as a crash does.
  void cut_power() override {}
  std::unique_ptr<TapeDrive> empty_drive() override {
    std::unique_ptr<TapeDrive> drive = load();
    drive->unload();
    return drive;
  }

 protected:
  std::unique_ptr<TapeDrive> medium_drive() override {
    return std::make_unique<DirDrive>(path(), DirDriveOptions{.writable = true});
  }
  void protect() override { std::filesystem::permissions(path(), std::filesystem::perms{0555}); }

 private:
  [[nodiscard]] std::string path() const { return directory_ / "SIM001"; }
  TempDir directory_{TempDir::Place::memory};
};

// As the library hands drives over: the same model in every load, which takes no cartridge out.
class SimLibraryWorld final : public DriveWorld {
 public:
  explicit SimLibraryWorld(std::uint64_t capacity_bytes)
      : library_(lto::parse_sim_options(directory_.path().string() + ",generation=7,vary=no")) {
    library_.add_medium("SIM001", capacity_bytes);
  }
  ~SimLibraryWorld() override {
    std::error_code ignored;
    std::filesystem::permissions(directory_ / "SIM001", std::filesystem::perms{0755}, ignored);
  }
  std::unique_ptr<TapeDrive> load() override {
    return library_.load("SIM001", Library::Access::write);
  }
  void cut_power() override {}
  std::unique_ptr<TapeDrive> load_write_protected() override {
    std::filesystem::permissions(directory_ / "SIM001", std::filesystem::perms{0555});
    return load();
  }
  std::unique_ptr<TapeDrive> empty_drive() override {
    std::unique_ptr<TapeDrive> drive = load();
    drive->unload();
    return drive;
  }

 private:
  TempDir directory_{TempDir::Place::memory};
  lto::SimLibrary library_;
};

template <typename World>
DriveKind kind(const char* name, bool has_variable_records) {
  return {.name = name,
          .make = [](std::uint64_t capacity) { return std::make_unique<World>(capacity); },
          .has_variable_records = has_variable_records};
}

INSTANTIATE_TEST_SUITE_P(SimDrives, TapeDriveContract,
                         testing::Values(kind<SimMemoryWorld>("SimulatedOverMemory", true),
                                         kind<SimDirWorld>("SimulatedOverDirectory", false),
                                         kind<SimLibraryWorld>("SimulatedLibrary", false)),
                         name_of);

}  // namespace
}  // namespace mixtape::test
