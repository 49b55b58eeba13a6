// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/service/flush.h"
#include "engine/service/media.h"
#include "engine/service/repack.h"
#include "engine/service/verify.h"
#include "tests/service/drive_faults_fixture.h"

// The commands that meet faults and deaths on simulated cartridges, each with what must be true
// when it was disturbed and when it came through.

namespace mixtape::service {

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

  // --- Each makes its world, once.

  [[nodiscard]] Work a_flush() {
    for (const auto& [path, size] :
         std::map<std::string, std::size_t>{{"x/a", 90'000}, {"y", 12}}) {
      texts_[path] = std::string(size, path[0]);
      stage(path, texts_.at(path));
    }
    return {.name = "flush",
            .command = [this] { (void)flush_now(); },
            .check = [this] { expect_staged_or_there(); },
            .settled =
                [this] {
                  expect_all_there(texts_);
                  EXPECT_TRUE(std::filesystem::is_empty(staging().tree()));
                  EXPECT_FALSE(flush_now().job);
                }};
  }
  [[nodiscard]] Work a_label() {
    add("a", 1000);
    return {.name = "label",
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
            .least_operations = 5};
  }
  [[nodiscard]] Work a_verification() {
    add_old();
    add_new();
    back_up();
    return {.name = "verify",
            .command = [this] { (void)verify_tape(); },
            .check = [this] { expect_no_doubt_without_a_word(); },
            .settled = [this] { expect_verified(); },
            .writes = false};
  }
  // In two batches.
  [[nodiscard]] Work a_repack() {
    add_old();
    add("a", 60'000);
    add("b", 10);
    back_up();
    return {.name = "repack",
            .command =
                [this] {
                  // As the command says it.
                  for (const archive::ItemTrouble& left : repack_first().left) {
                    reporter_.problem("/" + left.path + ": " + left.why);
                  }
                },
            .check = [this] { expect_none_lost_by_repack(); },
            .settled = [this] { expect_repacked(); },
            .doubts = [this] { return damaged_copies() > 0; }};
  }

 private:
  void expect_staged_or_there() {
    const std::vector<std::string> paths = readable(texts_);
    for (const auto& [path, text] : texts_) {
      EXPECT_TRUE(is_staged(path) || std::ranges::find(paths, path) != paths.end()) << path;
    }
  }
  bool is_staged(const std::string& path) {
    const std::filesystem::path top = staging().tree().parent_path();
    std::vector<std::filesystem::path> places{staging().tree()};
    for (const auto& entry : std::filesystem::directory_iterator(top / "flushing")) {
      places.push_back(entry.path());
    }
    return std::ranges::any_of(places, [&](const std::filesystem::path& place) {
      return std::filesystem::exists(place / path) &&
             test::read_text(place / path) == texts_.at(path);
    });
  }
  std::size_t good_copies() { return copies_that_are(catalog::CopyState::good); }
  std::size_t damaged_copies() { return copies_that_are(catalog::CopyState::bad); }
  std::size_t copies_that_are(catalog::CopyState state) {
    std::size_t copies = 0;
    for (const catalog::Bundle& bundle :
         context().ledger.bundles(context().ledger.medium(kLabels[0])->id)) {
      for (const catalog::Copy& copy : context().ledger.copies_in(bundle.id)) {
        copies += copy.state == state ? 1 : 0;
      }
    }
    return copies;
  }
  void expect_no_doubt_without_a_word() {
    EXPECT_EQ(catalog::check_catalog(context().database), "");
    if (good_copies() < texts_.size()) {
      EXPECT_FALSE(reporter_.problems.empty()) << "a copy was doubted without a word";
    }
    reporter_.problems.clear();
  }
  void expect_verified() {
    EXPECT_EQ(good_copies(), texts_.size());
    expect_all_there(texts_);
    const VerifyResult result = verify_tape();
    EXPECT_TRUE(result.media.at(0).complete);
    EXPECT_EQ(result.damaged_count, 0U);
    EXPECT_TRUE(reporter_.problems.empty()) << reporter_.problems.front();
  }
  RepackResult repack_first() {
    RepackRequest request;
    request.label = kLabels[0];
    request.budget_bytes = 80'000;
    request.command = "mixtape repack";
    return repack(context(), request, reporter_);
  }
  bool is_retired() {
    return context().ledger.medium(kLabels[0])->state == catalog::MediumState::retired;
  }
  void expect_none_lost_by_repack() {
    EXPECT_EQ(readable(texts_).size(), texts_.size());
    for (const auto& [path, text] : texts_) {
      const auto shown = latest(path);
      ASSERT_TRUE(shown) << path;
      const auto places = context().ledger.places(shown->content.value());
      EXPECT_TRUE(!is_retired() ||
                  std::ranges::any_of(
                      places, [](const auto& place) { return place.medium.label != kLabels[0]; }))
          << path << " is only on what was retired";
    }
  }
  void expect_repacked() {
    expect_none_lost_by_repack();
    EXPECT_TRUE(is_retired());
    EXPECT_FALSE(std::filesystem::exists(home() / "scratch" / "repack"));
    EXPECT_EQ(repack_first().files, 0U) << "nothing is left to do";
  }

 protected:
  Texts texts_;
  std::vector<std::string> old_;
};

}  // namespace mixtape::service
