// SPDX-License-Identifier: Apache-2.0
#include "engine/service/flush.h"
#include "engine/service/media.h"
#include "engine/service/verify.h"
#include "tests/service/drive_faults_fixture.h"

// Each operation of the drive fails once: with an I/O error, with an error of the medium, with its
// end warned of or not, with the connection lost. Afterwards nothing is claimed that no medium has,
// what was claimed is there, the media alone say the same to recover and to unmixtape, and the next
// run of the same command completes it.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class CommandFaultsTest : public DriveFaultsTest {
 protected:
  void add(std::string_view name, std::size_t size) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) {
      text[i] =
          static_cast<char>('a' + (i * 7 + name.size() + static_cast<unsigned char>(name[0])) % 26);
    }
    write(name, text);
    texts_[path_of(name)] = text;
  }
  void add_old() {
    add("old", 70'000);
    back_up();
    old_ = {path_of("old")};
  }
  void add_new() {
    add("a", 150'000);
    add("b", 10);
    add("c", 70'001);
  }
  // The catalog claims what there is, and no less than before.
  void expect_old_there() {
    const std::vector<std::string> paths = readable(texts_);
    for (const std::string& path : old_) {
      EXPECT_TRUE(std::ranges::find(paths, path) != paths.end()) << path;
    }
  }
  void expect_done() {
    expect_all_there(texts_);
    EXPECT_FALSE(back_up().job) << "there was something left to do";
  }
  VerifyResult verify_tape() {
    VerifyRequest request;
    request.media = {kLabels[0]};
    return verify(context(), request, reporter_);
  }

  Texts texts_;
  std::vector<std::string> old_;
};

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
  for (const auto& [path, size] : std::map<std::string, std::size_t>{{"x/a", 90'000}, {"y", 12}}) {
    texts_[path] = std::string(size, path[0]);
    stage(path, texts_.at(path));
  }
  const auto is_staged = [this](const std::string& path) {
    const fs::path top = staging().tree().parent_path();
    std::vector<fs::path> places{staging().tree()};
    for (const auto& entry : fs::directory_iterator(top / "flushing")) {
      places.push_back(entry.path());
    }
    return std::ranges::any_of(places, [&](const fs::path& place) {
      return fs::exists(place / path) && test::read_text(place / path) == texts_.at(path);
    });
  };
  at_every_operation(
      {.name = "flush",
       .command = [this] { (void)flush_now(); },
       .check =
           [&] {
             const std::vector<std::string> paths = readable(texts_);
             for (const auto& [path, text] : texts_) {
               EXPECT_TRUE(is_staged(path) || std::ranges::find(paths, path) != paths.end())
                   << path;
             }
           },
       .settled =
           [this] {
             expect_all_there(texts_);
             EXPECT_TRUE(fs::is_empty(staging().tree()));
             EXPECT_FALSE(flush_now().job);
           }},
      texts_);
}

TEST_F(CommandFaultsTest, ALabel) {
  add("a", 1000);
  at_every_operation({.name = "label",
                      .command =
                          [this] {
                            if (!context().ledger.medium(kLabels[0])) {
                              label_medium(context(), kLabels[0], false, reporter_);
                            }
                          },
                      .check = [this] { EXPECT_TRUE(readable(texts_).empty()); },
                      .settled =
                          [this] {
                            ASSERT_TRUE(back_up().job);
                            expect_all_there(texts_);
                          },
                      .least_operations = 5},
                     texts_);
}

TEST_F(CommandFaultsTest, AVerification) {
  add_old();
  add_new();
  back_up();
  const auto count_state = [this](catalog::CopyState state) {
    std::size_t copies = 0;
    for (const catalog::Bundle& bundle :
         context().ledger.bundles(context().ledger.medium(kLabels[0])->id)) {
      for (const catalog::Copy& copy : context().ledger.copies_in(bundle.id)) {
        copies += copy.state == state ? 1 : 0;
      }
    }
    return copies;
  };
  at_every_operation({.name = "verify",
                      .command = [this] { (void)verify_tape(); },
                      .check =
                          [&] {
                            EXPECT_EQ(catalog::check_catalog(context().database), "");
                            if (count_state(catalog::CopyState::good) < texts_.size()) {
                              EXPECT_FALSE(reporter_.problems.empty())
                                  << "a copy was doubted without a word";
                            }
                            reporter_.problems.clear();
                          },
                      .settled =
                          [&] {
                            EXPECT_EQ(count_state(catalog::CopyState::good), texts_.size());
                            expect_all_there(texts_);
                            const VerifyResult result = verify_tape();
                            EXPECT_TRUE(result.media.at(0).complete);
                            EXPECT_EQ(result.damaged_count, 0U);
                            EXPECT_TRUE(reporter_.problems.empty()) << reporter_.problems.front();
                          },
                      .writes = false},
                     texts_);
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
