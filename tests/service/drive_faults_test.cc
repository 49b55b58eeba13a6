// SPDX-License-Identifier: Apache-2.0
#include "tests/service/command_faults_fixture.h"

// Each operation of the drive fails once: with an I/O error, with an error of the medium, with its
// end warned of or not, with the connection lost. Afterwards nothing is claimed that no medium has,
// what was claimed is there, the media alone say the same to recover and to unmixtape, and the next
// run of the same command completes it.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

TEST_F(CommandFaultsTest, TheFirstBackup) {
  add_new();
  at_every_operation({.name = "first backup",
                      .command = [this] { back_up(); },
                      .check = [this] { expect_old_there(); },
                      .settled = [this] { expect_done(); }},
                     texts_);
}

TEST_F(CommandFaultsTest, ABackupThatAppends) {
  add_old();
  add_new();
  at_every_operation({.name = "append",
                      .command = [this] { back_up(); },
                      .check = [this] { expect_old_there(); },
                      .settled = [this] { expect_done(); }},
                     texts_);
}

TEST_F(CommandFaultsTest, AFlush) {
  const Work work = a_flush();
  at_every_operation(work, texts_);
}

TEST_F(CommandFaultsTest, ALabel) {
  const Work work = a_label();
  at_every_operation(work, texts_);
}

TEST_F(CommandFaultsTest, AVerification) {
  const Work work = a_verification();
  at_every_operation(work, texts_);
}

TEST_F(CommandFaultsTest, ARepack) {
  const Work work = a_repack();
  at_every_operation(work, texts_);
}

TEST_F(CommandFaultsTest, ARecovery) {
  add_old();
  add_new();
  back_up();
  reopen();
  const fs::path shelf = directory_ / "shelf";
  fs::rename(home() / "library", shelf);
  fs::remove_all(home());
  library_ = shelf;
  at_every_operation({.name = "recover",
                      .command =
                          [this] {
                            reopen();
                            recover_into(home());
                          },
                      .check =
                          [this] {
                            if (!fs::exists(home() / "catalog.db")) {
                              return;  // It said why.
                            }
                            const std::size_t found = readable(texts_).size();
                            if (found < texts_.size()) {
                              EXPECT_FALSE(reporter_.problems.empty())
                                  << "an older state was recovered without a word";
                            }
                          },
                      .settled =
                          [this] {
                            expect_all_there(texts_);
                            EXPECT_EQ(context().tree.snapshots().size(), 2U);
                          },
                      .writes = false},
                     texts_);
}

}  // namespace
}  // namespace mixtape::service
