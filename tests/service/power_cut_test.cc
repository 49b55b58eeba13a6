// SPDX-License-Identifier: Apache-2.0
#include "tests/service/command_faults_fixture.h"
#include "tests/support/dying_process.h"

// Power fails, or the process dies, before each operation of a simulated drive and before each
// commit to a database, while a command runs. Afterwards nothing is claimed that no medium has,
// what was claimed is there, the media alone say the same to recover and to unmixtape, and the next
// run of the same command completes it.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class PowerCutTest : public CommandFaultsTest {
 protected:
  void at_every_step(const Work& work) {
    keep();
    // The first step of each is another one, where some are left out.
    at_every_step(
        work, "power cuts before drive operations", 0, work.least_operations,
        [this](std::uint64_t step) { fate_.plan(test::DriveFault::death, step); }, [] {});
    if (work.writes) {
      at_every_step(
          work, "deaths before drive operations, with a driver's filemark", 1,
          work.least_operations,
          [this](std::uint64_t step) { fate_.plan(test::DriveFault::death, step); },
          [this] { end_unfinished_tape_files(); });
    }
    at_every_step(work, "deaths before commits", 0, 1, test::die_before_commit, [] {});
  }

 private:
  void at_every_step(const Work& work, const std::string& what, std::uint64_t first,
                     std::uint64_t least, const std::function<void(std::uint64_t)>& plan,
                     const std::function<void()>& what_the_driver_does) {
    test::CountedCases cases(std::string(work.name) + ", " + what);
    const std::uint64_t step = test::fate_step();
    std::uint64_t at = test::fate_first(step, first);
    for (; !cases.is_hopeless(); at += step) {
      bring_back();
      const bool died = test::dies([&] {
        plan(at);
        work.command();
      });
      if (!died) {
        break;
      }
      what_the_driver_does();
      now_s_ += 1000;
      reporter_.problems.clear();
      SCOPED_TRACE(what + " at " + std::to_string(at));
      cases.run([&] { look_and_complete(work); });
    }
    EXPECT_TRUE(at >= least || cases.is_hopeless()) << "it ended after " << at;
    cases.set_note("at every " + std::to_string(step) + ". of " + std::to_string(at));
  }
  void look_and_complete(const Work& work) {
    work.check();
    if (work.writes) {
      expect_agreement(request({}), library_, texts_);
    }
    EXPECT_NO_THROW(work.command());
    work.settled();
  }
  // As Linux' st does for a program that is gone.
  void end_unfinished_tape_files() const {
    std::vector<fs::path> unfinished;
    for (const auto& file : fs::recursive_directory_iterator(library_)) {
      if (file.path().extension() == ".part" && file.file_size() > 0) {
        unfinished.push_back(file.path());
      }
    }
    for (const fs::path& file : unfinished) {
      fs::path ended = file;
      fs::rename(file, ended.replace_extension());
    }
  }
};

TEST_F(PowerCutTest, AFlush) {
  const Work work = a_flush();
  at_every_step(work);
}

TEST_F(PowerCutTest, ALabel) {
  const Work work = a_label();
  at_every_step(work);
}

TEST_F(PowerCutTest, AVerification) {
  const Work work = a_verification();
  at_every_step(work);
}

TEST_F(PowerCutTest, ARepack) {
  const Work work = a_repack();
  at_every_step(work);
}

}  // namespace
}  // namespace mixtape::service
