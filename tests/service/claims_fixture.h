// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/service/recover.h"
#include "tapeio/error.h"
#include "tests/archive/write_world.h"
#include "tests/service/service_fixture.h"
#include "tests/support/witness.h"

// A small world in memory whose media are held against what the catalog claims of them.

namespace mixtape::service {

class ClaimsTest : public ServiceTest {
 protected:
  using Texts = std::map<std::string, std::string>;  // By path in the catalog.

  ClaimsTest() : ServiceTest(test::TempDir::Place::memory) {}

  // What the media hold, and the catalog says so and no more.
  std::vector<std::string> readable(const Texts& texts) {
    EXPECT_EQ(catalog::check_catalog(context().database), "");
    Workspace& workspace = context().workspace;
    std::vector<std::string> paths =
        test::readable_paths(context().database, *workspace.libraries().here().front(),
                             workspace.identities().front(), texts);
    for (const auto& [path, text] : texts) {
      const bool on_medium = std::ranges::find(paths, path) != paths.end();
      const auto shown = latest(path);
      EXPECT_EQ(shown.has_value(), on_medium) << path;
    }
    return paths;
  }
  // Everything is on the media, and was recorded once.
  void expect_all_there(const Texts& texts) {
    EXPECT_EQ(readable(texts).size(), texts.size());
    for (const auto& [path, text] : texts) {
      const auto shown = latest(path);
      ASSERT_TRUE(shown) << path;
      EXPECT_EQ(shown->size, text.size()) << path;
      EXPECT_EQ(context().tree.history(shown->key.path).size(), 1U) << path;
    }
  }

  using LibraryOpener = std::function<std::unique_ptr<tapeio::Library>(const std::string& url)>;

  // What the media alone give, through the catalog that is recovered from them and through
  // unmixtape, is the same. `from` needs no home; the media are directories in `media`.
  void expect_agreement(RecoverRequest from, const std::filesystem::path& media,
                        const Texts& texts) {
    reopen();
    from.home = directory_ / "fresh";
    std::set<std::string> ours, theirs;
    try {
      (void)recover(from, reporter_);
      catalog::Database database = catalog::open_catalog(
          from.home / "catalog.db", from.home / "state.db", catalog::Access::write);
      const auto library = from.open ? from.open(from.library) : tapeio::open_library(from.library);
      const auto paths = test::readable_paths(
          database, *library, format::read_identity_file(from.identity_file).front(), texts);
      ours.insert(paths.begin(), paths.end());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::not_found) << error.what();
    }
    std::filesystem::remove_all(from.home);
    std::string said;
    for (const auto& medium : std::filesystem::directory_iterator(media)) {
      if (!std::filesystem::exists(medium.path() / "0000.archaeology.tar")) {
        continue;  // Nothing was written to it.
      }
      const test::Witnessed found =
          test::witness(from.identity_file, medium.path(), directory_ / "witness");
      said += found.said;
      for (const auto& [path, text] : found.files) {
        ASSERT_TRUE(texts.contains(path)) << path;
        EXPECT_EQ(text, texts.at(path)) << path << " from " << medium.path();
        theirs.insert(path);
      }
    }
    EXPECT_EQ(ours, theirs) << said;
  }

 public:
  // With the times: they say whether a source is what it was.
  static void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::filesystem::create_directory(to);
    std::filesystem::permissions(to, std::filesystem::status(from).permissions());
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      const std::filesystem::path copy = to / entry.path().filename();
      if (entry.is_directory()) {
        copy_tree(entry.path(), copy);
      } else {
        std::filesystem::copy_file(entry.path(), copy);
        std::filesystem::last_write_time(copy, entry.last_write_time());
      }
    }
  }
};

}  // namespace mixtape::service
