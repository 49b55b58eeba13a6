// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <optional>
#include <random>
#include <set>

#include "tests/catalog/catalog_fixture.h"

// The catalog against a model that does the obvious thing: random jobs that add, change, revert and
// delete files, write some of it, and die now and then.

namespace mixtape::catalog {
namespace {

// All that was ever said of one path, in the order of jobs.
struct ModelVersion {
  std::int64_t job;
  std::string word;
  std::optional<std::int64_t> last_job;
};

class Model {
 public:
  void add(const std::string& path, std::int64_t job, const std::string& word) {
    auto& versions = versions_[path];
    forget_newest_if(versions, job);
    versions.push_back({job, word, std::nullopt});
  }
  void end(const std::string& path, std::int64_t job, std::int64_t job_before) {
    auto& versions = versions_[path];
    forget_newest_if(versions, job);
    bool newest = true;
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      const bool is_written = written.contains(version->word);
      if ((newest || is_written) && !version->last_job) {
        version->last_job = job_before;
      }
      if (is_written) {
        break;
      }
      newest = false;
    }
  }
  [[nodiscard]] std::optional<std::string> newest(const std::string& path) const {
    const auto found = versions_.find(path);
    if (found == versions_.end() || found->second.empty() || found->second.back().last_job) {
      return std::nullopt;
    }
    return found->second.back().word;
  }
  [[nodiscard]] std::map<std::string, std::string> shown(std::optional<std::int64_t> as_of) const {
    std::map<std::string, std::string> files;
    for (const auto& [path, versions] : versions_) {
      for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
        if ((!as_of || version->job <= *as_of) && written.contains(version->word)) {
          if (!version->last_job || (as_of && *version->last_job >= *as_of)) {
            files[path] = version->word;
          }
          break;
        }
      }
    }
    return files;
  }
  [[nodiscard]] std::vector<std::string> history(const std::string& path) const {
    std::vector<std::string> words;
    const auto found = versions_.find(path);
    for (const ModelVersion& version :
         found == versions_.end() ? std::vector<ModelVersion>() : found->second) {
      if (written.contains(version.word)) {
        words.push_back(version.word);
      }
    }
    return words;
  }

  std::set<std::string> written, in_a_bundle;

 private:
  void forget_newest_if(std::vector<ModelVersion>& versions, std::int64_t job) {
    if (!versions.empty() &&
        (versions.back().job == job || (!written.contains(versions.back().word) &&
                                        !in_a_bundle.contains(versions.back().word)))) {
      versions.pop_back();
    }
  }

  std::map<std::string, std::vector<ModelVersion>> versions_;
};

class ModelTest : public testing::TestWithParam<unsigned> {
 protected:
  int pick(int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); }
  std::string random_path() {
    return "d" + std::to_string(pick(3)) + "/" + (pick(2) != 0 ? "sub/" : "") +
           std::to_string(pick(8));
  }
  std::string random_word() { return "w" + std::to_string(100 + pick(30)); }

  void check(const std::string& path, View view, std::map<std::string, std::string>& files) {
    std::vector<std::string> below;
    machine.tree.list(
        view, path.empty() ? kRootPath : *machine.tree.find_path(path), [&](const Entry& entry) {
          const std::string whole = path.empty() ? entry.name : path + "/" + entry.name;
          if (S_ISDIR(entry.version.metadata.mode)) {
            below.push_back(whole);
          } else {
            files[whole] = words.at(*entry.version.hash);
          }
          return true;
        });
    for (const std::string& deeper : below) {
      check(deeper, view, files);
    }
  }

  std::mt19937 random{GetParam()};
  test::TempDir directory;
  Machine machine{directory.path()};
  Model model;
  std::map<Hash, std::string> words;
};

TEST_P(ModelTest, ViewsAndHistoriesAreThoseOfTheModel) {
  const MediumId medium = machine.add_medium("MX1");
  for (int i = 100; i < 130; ++i) {
    const std::string word = "w" + std::to_string(i);
    words[hash_of(word)] = word;
  }
  std::vector<std::int64_t> jobs{0};
  for (int round = 0; round < 25; ++round) {
    const Job job = machine.begin();
    const std::int64_t id = number(job.id);
    std::set<std::string> unwritten;
    for (int change = pick(8); change >= 0; --change) {
      const std::string path = random_path();
      if (pick(3) == 0 && model.newest(path)) {
        machine.end(job, path);
        model.end(path, id, jobs.back());
      } else {
        const std::string word = random_word();
        machine.add_file(job, path, word);
        model.add(path, id, word);
        unwritten.insert(word);
      }
    }
    std::vector<ContentId> contents;
    std::set<std::string> chosen;
    for (const std::string& word : unwritten) {
      if (pick(4) != 0 && !model.in_a_bundle.contains(word)) {
        contents.push_back(machine.content(word));
        chosen.insert(word);
      }
    }
    const BundleId bundle = machine.plan(job, medium, contents);
    const bool dies = pick(4) == 0;
    if (dies) {
      machine.ledger.settle_unfinished();
      // A job that left nothing has no number any more.
      if (!machine.tree.snapshot_at(job.started_s)) {
        continue;
      }
    } else {
      machine.ledger.commit_bundle(bundle, machine.outcome(contents.size()));
      model.written.insert(chosen.begin(), chosen.end());
      model.in_a_bundle.insert(chosen.begin(), chosen.end());
      machine.ledger.finish_job(job.id, ++machine.now);
    }
    jobs.push_back(id);
  }
  for (const std::int64_t job : jobs) {
    std::map<std::string, std::string> files;
    check("", job == 0 ? View{} : View{JobId{job}}, files);
    EXPECT_EQ(files, model.shown(job == 0 ? std::nullopt : std::optional(job)))
        << "as of job " << job;
  }
  for (int i = 0; i < 200; ++i) {
    const std::string path = random_path();
    std::vector<std::string> history;
    if (const auto id = machine.tree.find_path(path)) {
      for (const Version& version : machine.tree.history(*id)) {
        history.push_back(words.at(*version.hash));
      }
    }
    EXPECT_EQ(history, model.history(path)) << path;
  }
  EXPECT_EQ(check_catalog(machine.database), "");
}

INSTANTIATE_TEST_SUITE_P(Seeds, ModelTest, testing::Range(1u, 13u));

}  // namespace
}  // namespace mixtape::catalog
