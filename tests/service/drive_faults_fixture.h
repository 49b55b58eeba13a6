// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "engine/service/recover.h"
#include "tapeio/error.h"
#include "tapeio/lto/sim_library.h"
#include "tests/service/claims_fixture.h"
#include "tests/support/counted_cases.h"
#include "tests/support/drive_fate.h"
#include "tests/support/fate_steps.h"

// A small world of simulated cartridges in which each operation of the drive fails once, whatever
// command it belongs to.

namespace mixtape::service {

class DriveFaultsTest : public ClaimsTest {
 protected:
  static constexpr const char* kLabels[] = {"MX0001L9", "MX0002L9", "MX0003L9"};

  // A command that meets faults. `command` runs until it fails; then `check` looks at what is left,
  // the command runs in peace, and `settled` looks.
  struct Work {
    const char* name;
    std::function<void()> command, check, settled;
    bool writes = true;  // Else it meets no fault of writing.
    std::uint64_t least_operations = 10;
    // Whether a copy is noted as damaged now, so that nobody claims it until it is read again.
    // Unset: that never happens to it.
    std::function<bool()> doubts = {};
  };

  DriveFaultsTest() {
    std::filesystem::remove_all(home() / "library");
    use_tape(home() / "library");
    for (const char* label : kLabels) {
      context().workspace.libraries().here().front()->add_medium(label, 64 * MiB);
    }
    paper_ = directory_ / "paper";
    std::filesystem::copy_file(home() / "keys/recovery.identity", paper_);
  }

  void use_tape(const std::filesystem::path& place) {
    std::filesystem::create_directories(place);
    library_ = place;
    configure("libraries = ['" + url() + "']\nrecord_size = '64 KiB'\narchaeology = 'texts'\n");
    libraries_options_.open = opener();
  }
  [[nodiscard]] std::string url() const {
    return "sim:" + library_.string() + ",generation=9,capacity=64MiB,scale=1,vary=no,host=none";
  }
  std::unique_ptr<tapeio::Library> open_library(const std::string& name) {
    auto options = tapeio::lto::parse_sim_options(name.substr(tapeio::kSimScheme.size()));
    options.wrap_medium = [this](std::unique_ptr<tapeio::TapeDrive> drive, std::string_view label) {
      return fate_.wrap(std::move(drive), label);
    };
    return std::make_unique<tapeio::lto::SimLibrary>(std::move(options));
  }

  LibraryOpener opener() {
    return [this](const std::string& name) { return open_library(name); };
  }

  // With every fault, at each operation (or each MIXTAPE_FATE_STEP-th, of which every fault takes
  // others).
  void at_every_operation(const Work& work, const Texts& texts) {
    keep();
    for (const test::DriveFault fault : kFaults) {
      if (work.writes || !test::is_of_writing(fault)) {
        at_every_operation(work, fault, texts);
      }
    }
  }

  // The world as it is now, and back to it.
  void keep() {
    reopen();
    for (const std::filesystem::path& part : parts()) {
      if (std::filesystem::exists(part)) {
        copy_tree(part, part.string() + ".kept");
      }
    }
    kept_now_s_ = now_s_;
  }
  void bring_back() {
    reopen();
    for (const std::filesystem::path& part : parts()) {
      std::filesystem::remove_all(part);
      if (std::filesystem::exists(part.string() + ".kept")) {
        copy_tree(part.string() + ".kept", part);
      }
    }
    fate_.forget_media();
    now_s_ = kept_now_s_;
  }

  [[nodiscard]] RecoverRequest request(const std::filesystem::path& into) {
    return {.home = into,
            .library = url(),
            .identity_file = paper_,
            .command = "mixtape recover",
            .open = opener()};
  }
  void recover_into(const std::filesystem::path& into) { (void)recover(request(into), reporter_); }

  test::DriveFate fate_;
  std::filesystem::path library_, paper_;

 private:
  static constexpr test::DriveFault kFaults[] = {
      test::DriveFault::io, test::DriveFault::bad_medium, test::DriveFault::early_warning,
      test::DriveFault::end_of_medium, test::DriveFault::connection_lost};

  void at_every_operation(const Work& work, test::DriveFault fault, const Texts& texts) {
    test::CountedCases cases(std::string("drive faults, ") + work.name + ", " + name_of(fault));
    const std::uint64_t step = test::fate_step();
    const std::uint64_t first = test::fate_first(step, static_cast<std::uint64_t>(fault));
    std::uint64_t at = first;
    for (bool met = true; met && !cases.is_hopeless(); at += step) {
      bring_back();
      const std::string error = attempt(work.command, fault, at);
      met = fate_.was_met();
      if (!met) {
        break;
      }
      SCOPED_TRACE(std::string(name_of(fault)) + " at operation " + std::to_string(at) + ": " +
                   error);
      cases.run([&] {
        if (work.doubts && work.doubts()) {
          EXPECT_EQ(fault, test::DriveFault::bad_medium) << "of that nothing follows for a copy";
          EXPECT_FALSE(reporter_.problems.empty() && error.empty())
              << "a copy was doubted without a word";
        } else {
          work.check();
          expect_agreement(request({}), library_, texts);
        }
        EXPECT_NO_THROW(work.command());
        work.settled();
      });
    }
    EXPECT_TRUE(at >= work.least_operations || cases.is_hopeless()) << "it ended after " << at;
    cases.set_note("at every " + std::to_string(step) + ". of " + std::to_string(at) +
                   " operations");
  }

  std::string attempt(const std::function<void()>& command, test::DriveFault fault,
                      std::uint64_t at) {
    std::string said;
    reporter_.problems.clear();
    reporter_.notes.clear();
    fate_.plan(fault, at);
    try {
      command();
    } catch (const Error& error) {
      said = error.what();
    }
    fate_.rest();
    now_s_ += 1000;
    reopen();
    return said;
  }

  [[nodiscard]] std::vector<std::filesystem::path> parts() const {
    std::vector<std::filesystem::path> parts{home()};
    if (library_.parent_path() != home()) {
      parts.push_back(library_);
    }
    return parts;
  }

  std::int64_t kept_now_s_ = 0;
};

}  // namespace mixtape::service
