// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/home/home.h"
#include "engine/service/forget.h"
#include "engine/service/media.h"
#include "engine/service/recover.h"
#include "engine/service/restore.h"
#include "tapeio/error.h"
#include "tests/service/model_world.h"
#include "tests/service/service_fixture.h"
#include "tests/service/troubled_process.h"

// Long random lives: files come, change and go, are backed up, staged, flushed, forgotten; the
// process is killed or its disk fails at random places; the home is lost and recovered. What is
// written goes to directories and to simulated tapes. Beside it
// runs a model of names and bytes (model_world.h), and both must always say the same.
//
// MIXTAPE_MODEL_SEED repeats a life; MIXTAPE_MODEL_SECONDS (60) is how long lives are tried.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class ModelTest : public ServiceTest {
 protected:
  static constexpr int kSteps = 60;
  static constexpr std::uint64_t kCapacity = 4 * MiB;

  ModelTest() : ServiceTest(test::TempDir::Place::memory) {}

  // --- One life.

  void live(std::uint64_t seed) {
    random_.seed(seed);
    begin();
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      const std::string did = act();
      SCOPED_TRACE("seed " + std::to_string(seed) + " step " + std::to_string(step) + ": " + did);
      compare();
      told_ += did + "\n";
      for (const std::string& problem : std::exchange(reporter_.problems, {})) {
        told_ += "  said: " + problem + "\n";
      }
    }
    if (!HasFailure()) {
      restore_all_and_compare();
    }
    if (HasFailure()) {
      std::cout << "the life of seed " << seed << ":\n" << told_;
    }
  }

  // Directories, and tapes in a simulated library beside them.
  [[nodiscard]] fs::path tapes() const { return home() / "library" / "tapes"; }
  static std::string tape_url(const fs::path& directory) {
    return "sim:" + directory.string() + ",generation=9,drives=2,slots=200,capacity=4MiB,host=none";
  }
  void configure_libraries() {
    configure("libraries = ['dir:library', '" + tape_url(tapes()) + "']\nrecord_size = '64 KiB'\n");
  }

  void begin() {
    reopen();
    for (const fs::path& old : {home(), source(), shelf_, paper_, restored_}) {
      fs::remove_all(old);
    }
    home::Home::create(home());
    fs::create_directories(source());
    fs::copy_file(home() / "keys/recovery.identity", paper_);
    fs::remove_all(home() / "library");
    fs::create_directory(home() / "library");
    fs::create_directory(tapes());
    configure_libraries();
    model_ = {};
    told_.clear();
    add_one_medium();
  }

  std::string act() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return change_sources();
      case 3:
        return remove_source();
      case 4:
      case 5:
        return back_up_in_trouble();
      case 6:
      case 7:
        return stage_one();
      case 8:
      case 9:
        return flush_in_trouble();
      case 10:
        return forget_one();
      default:
        return lose_home();
    }
  }

  // --- What may happen.

  std::string change_sources() {
    const std::string name = any_name();
    std::string text = any_text();
    write_source(name, text);
    model_.sources[path_of(name)] = std::move(text);
    return "write " + name;
  }
  std::string remove_source() {
    if (model_.sources.empty()) {
      return "nothing to remove";
    }
    const std::string path = any_of(model_.sources);
    fs::remove("/" + path);
    model_.sources.erase(path);
    return "remove " + path;
  }
  std::string stage_one() {
    const std::string path = "staged/" + any_name();
    std::string text = any_text();
    fs::create_directories((staging().tree() / path).parent_path());
    stage(path, text);
    model_.staged[path] = std::move(text);
    return "stage " + path;
  }
  std::string forget_one() {
    if (model_.latest.empty()) {
      return "nothing to forget";
    }
    const std::string path = any_of(model_.latest);
    (void)forget(context(), {path}, "mixtape forget", reporter_);
    model_.forgotten(path, newest_job());
    return "forget " + path;
  }
  std::string back_up_in_trouble() {
    const std::string what = "backup" + trouble([this] { back_up_all(); });
    back_up_all();
    model_.backed_up(newest_job());
    return what;
  }
  std::string flush_in_trouble() {
    const std::string what = "flush" + trouble([this] { flush_all(); });
    flush_all();
    model_.flushed(newest_job());
    return what;
  }
  // Staged files are on the lost disk; what was flushed or backed up is on the media.
  std::string lose_home() {
    if (model_.snapshots.empty()) {
      return "nothing to lose";
    }
    reopen();
    fs::rename(home() / "library", shelf_);
    fs::remove_all(home());
    const std::string what = "lose the home" + trouble([this] { recover_from_shelf(); });
    recover_from_shelf();
    reopen();
    fs::rename(shelf_, home() / "library");
    configure_libraries();
    model_.staged.clear();
    return what;
  }

  // --- How it is done, also when what was before left something half done.

  void back_up_all() {
    while (!back_up().written.no_room.empty()) {
      add_one_medium();
    }
  }
  void flush_all() {
    FlushResult result = flush_now();
    while (result.still_staged || !result.written.no_room.empty()) {
      add_one_medium();
      result = flush_now();
    }
  }
  void recover_from_shelf() {
    reopen();
    std::vector<std::string> urls{"dir:" + shelf_.string(), tape_url(shelf_ / "tapes")};
    if (below(2) == 0) {
      std::swap(urls.front(), urls.back());
    }
    for (const std::string& url : urls) {
      try {
        (void)recover({home(), url, paper_, "mixtape recover"}, reporter_);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) {
          throw;  // Else nothing was ever written to one of its media.
        }
      }
    }
  }
  // Perhaps in a process of its own, to which something happens.
  std::string trouble(const std::function<void()>& work) {
    if (below(3) == 0) {
      return "";
    }
    const test::Fate fate = test::kFates[below(std::size(test::kFates))];
    const std::uint64_t change = below(140);
    reopen();
    const test::Ending ending = test::meets(fate, change, work);
    met_ += ending.met ? 1 : 0;
    now_s_ += 1000;
    return ", " + std::string(test::name_of(fate)) + std::to_string(change) + " " + ending.error;
  }

  void write_source(const std::string& name, const std::string& text) {
    fs::create_directories(source(name).parent_path());
    write(name, text);
  }
  void add_one_medium() {
    (void)add_medium(context(), {},
                     below(2) == 0 ? "dir:" + (home() / "library").string() : tape_url(tapes()),
                     kCapacity);
  }
  std::optional<std::int64_t> newest_job() {
    std::optional<std::int64_t> newest;
    for (const catalog::Job& job : context().tree.snapshots()) {
      newest = std::max(newest, std::optional(job.started_s));
    }
    return newest;
  }

  // --- Chance.

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::string any_name() {
    static constexpr const char* kNames[] = {"a",      "b",         "c d",      "deep/e",
                                             "deep/f", "deep/er/g", "\xff\xfe", "line\nbreak"};
    return kNames[below(std::size(kNames))];
  }
  std::string any_text() {
    static constexpr std::size_t kSizes[] = {0, 1, 700, 700, 65'536, 200'000};
    std::string text(kSizes[below(std::size(kSizes))], 'x');
    // Few different ones, so that contents meet again.
    const std::uint64_t kind = below(5);
    for (std::size_t i = 0; i < text.size(); ++i) {
      text[i] = static_cast<char>('a' + (kind * 7 + i * (kind + 1)) % 26);
    }
    return text;
  }
  std::string any_of(const test::Tree& tree) {
    return std::next(tree.begin(), static_cast<std::ptrdiff_t>(below(tree.size())))->first;
  }

  // --- The comparison.

  test::Tree shown(catalog::View view) {
    test::Tree found;
    context().tree.walk(view, catalog::kRootPath,
                        [&](const std::string& path, const catalog::Version& version) {
                          if (S_ISREG(version.metadata.mode)) {
                            found[path] = std::to_string(version.size);
                          }
                          return true;
                        });
    return found;
  }
  static test::Tree sizes(const test::Tree& tree) {
    test::Tree sizes;
    for (const auto& [path, text] : tree) {
      sizes[path] = std::to_string(text.size());
    }
    return sizes;
  }
  void compare() {
    EXPECT_EQ(catalog::check_catalog(context().database), "");
    EXPECT_EQ(shown({}), sizes(model_.latest));
    for (const catalog::Job& job : context().tree.snapshots()) {
      const auto expected = model_.snapshots.find(job.started_s);
      if (expected != model_.snapshots.end()) {
        EXPECT_EQ(shown({job.id}), sizes(expected->second)) << job.started_s;
      }
    }
  }
  // Every snapshot, byte by byte.
  void restore_all_and_compare() {
    for (const auto& [job_s, tree] : model_.snapshots) {
      fs::remove_all(restored_);
      const RestoreResult result =
          restore(context(), {.paths = {"/"}, .to = restored_.string(), .at_s = job_s}, reporter_);
      EXPECT_EQ(result.trouble_count, 0U);
      for (const auto& [path, text] : tree) {
        EXPECT_EQ(test::read_text(restored_ / path), text) << job_s << " " << path;
      }
    }
  }

  const fs::path shelf_ = directory_ / "shelf", paper_ = directory_ / "paper";
  const fs::path restored_ = directory_ / "restored";
  std::mt19937_64 random_;
  test::ModelWorld model_;
  std::string told_;
  std::uint64_t met_ = 0;
};

TEST_F(ModelTest, LivesOfAnyKindAgreeWithNamesAndBytes) {
  const auto end =
      std::chrono::steady_clock::now() + std::chrono::seconds(setting("MIXTAPE_MODEL_SECONDS", 60));
  const std::uint64_t first = setting("MIXTAPE_MODEL_SEED", 0);
  std::uint64_t lives = 0;
  do {
    live(first + lives++);
  } while (std::chrono::steady_clock::now() < end && !HasFailure());
  std::cout << "random lives: " << lives << " lives of " << kSteps << " steps, " << met_
            << " deaths and failures in them, " << (HasFailure() ? 1 : 0) << " violations\n";
}

}  // namespace
}  // namespace mixtape::service
