// SPDX-License-Identifier: Apache-2.0
#include <fstream>
#include <random>

#include "engine/format/age_header.h"
#include "engine/format/age_stream.h"
#include "engine/service/restore.h"
#include "engine/service/verify.h"
#include "tests/service/claims_fixture.h"
#include "tests/support/counted_cases.h"
#include "tests/support/patterns.h"

// Three copies of every file on three tapes, two of which are destroyed at random places:
// everything is restored without a word from the user, and all damage is reported.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

class TwoOfThreeTest : public ClaimsTest {
 protected:
  static constexpr int kFiles = 12, kRounds = 12;
  static constexpr const char* kLabels[] = {"MX0001L9", "MX0002L9", "MX0003L9"};

  TwoOfThreeTest() {
    fs::create_directory(tapes());
    configure("libraries = ['sim:" + tapes().string() +
              ",generation=9,drives=3,capacity=64MiB,scale=1,vary=no,host=none']\ncopies = 3\n"
              "record_size = '64 KiB'\narchaeology = 'texts'\n");
    for (const char* label : kLabels) {
      context().workspace.libraries().here().front()->add_medium(label, 64 * MiB);
    }
    for (int file = 0; file < kFiles; ++file) {
      // Large enough that one chunk of each is nobody else's.
      const std::size_t size = 200'000 + 10'000 * static_cast<std::size_t>(file);
      const std::string name = "f" + std::to_string(file);
      const std::string text(as_text(test::pattern(size, static_cast<std::uint64_t>(file))));
      write(name, text);
      texts_[path_of(name)] = text;
    }
    EXPECT_EQ(back_up().written.no_room.size(), 0U);
  }
  [[nodiscard]] fs::path tapes() const { return directory_ / "tapes"; }

  // Damages a byte of a chunk that belongs to this copy alone.
  void destroy(const catalog::CopyPlace& place) {
    const fs::path archive = tapes() / place.medium.label / "0002.archive.tar.age";
    std::fstream file(archive, std::ios::in | std::ios::out | std::ios::binary);
    std::string start(4096, '\0');
    file.read(start.data(), static_cast<std::streamsize>(start.size()));
    const std::uint64_t preamble =
        format::header_size(as_bytes(start)).value() + format::kAgeNonceSize;
    const std::uint64_t first = place.copy.data_offset / format::kChunk + 1;
    const std::uint64_t last =
        (place.copy.data_offset + place.copy.stored_size) / format::kChunk;  // Not this one.
    ASSERT_LT(first, last);
    const std::uint64_t chunk = first + random_() % (last - first);
    const auto at = static_cast<std::streamoff>(preamble + chunk * format::kSealedChunk +
                                                random_() % format::kSealedChunk);
    file.seekg(at);
    const int value = file.get();
    file.seekp(at);
    file.put(static_cast<char>(value ^ 0x55));
    damaged_.emplace(place.medium.label);
    ++destroyed_;
  }
  void destroy_two_of_three() {
    for (const auto& [path, text] : texts_) {
      const std::vector<catalog::CopyPlace> places =
          context().ledger.places(*latest(path)->content);
      ASSERT_EQ(places.size(), 3U) << path;
      const std::size_t kept = random_() % places.size();
      for (std::size_t i = 0; i < places.size(); ++i) {
        if (i != kept) {
          destroy(places[i]);
        }
      }
    }
  }
  void expect_all_restored() {
    const fs::path to = directory_ / "restored";
    const RestoreResult result =
        restore(context(), {.paths = {"/"}, .to = to.string(), .at_s = std::nullopt}, reporter_);
    EXPECT_EQ(result.trouble_count, 0U);
    EXPECT_GT(result.damaged_copies, 0U);
    for (const auto& [path, text] : texts_) {
      EXPECT_EQ(test::read_text(to / path) == text, true) << path;
    }
    fs::remove_all(to);
  }
  void expect_all_damage_reported() {
    VerifyRequest request;
    request.media = {std::begin(kLabels), std::end(kLabels)};
    const VerifyResult result = verify(context(), request, reporter_);
    EXPECT_EQ(result.damaged_count, destroyed_);
    std::map<std::string, int> by_path;
    for (const DamagedFile& damaged : result.damaged) {
      ++by_path[damaged.path];
    }
    for (const auto& [path, text] : texts_) {
      EXPECT_EQ(by_path[path], 2) << path;
    }
  }

  Texts texts_;
  std::mt19937_64 random_;
  std::set<std::string> damaged_;
  std::uint64_t destroyed_ = 0;
};

TEST_F(TwoOfThreeTest, CopiesDestroyedAnywhereCostNothingAndAreNamed) {
  reopen();
  const fs::path home_kept = directory_ / "home.kept", tapes_kept = directory_ / "tapes.kept";
  copy_tree(home(), home_kept);
  copy_tree(tapes(), tapes_kept);
  test::CountedCases cases("two of three copies destroyed");
  std::uint64_t copies = 0;
  for (std::uint64_t seed = 0; seed < kRounds && !cases.is_hopeless(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    reopen();
    fs::remove_all(home());
    fs::remove_all(tapes());
    copy_tree(home_kept, home());
    copy_tree(tapes_kept, tapes());
    random_.seed(seed);
    destroyed_ = 0;
    cases.run([&] {
      destroy_two_of_three();
      expect_all_restored();
      expect_all_damage_reported();
    });
    copies += destroyed_;
  }
  EXPECT_EQ(damaged_.size(), 3U) << "every tape was hit";
  cases.set_note(test::CountedCases::with_commas(copies) + " copies of " + std::to_string(kFiles) +
                 " files");
}

}  // namespace
}  // namespace mixtape::service
