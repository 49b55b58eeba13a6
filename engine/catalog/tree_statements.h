// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/catalog/children.h"
#include "engine/catalog/tree.h"

// What a Tree holds between calls. Private to tree*.cc.

namespace mixtape::catalog {

struct Tree::Statements {
  explicit Statements(Database& db);

  // The newest written version up to a job, ended or not.
  [[nodiscard]] std::optional<VersionRow> newest_written(PathId path, std::int64_t as_of);
  // What a bundle shows of a path, given its versions up to the bundle's job.
  [[nodiscard]] const VersionRow* held_by(BundleId bundle, const std::vector<VersionRow>& versions);
  // One pass over the versions.
  [[nodiscard]] Totals count_totals(Database& database);
  // The job that wrote a bundle: names that came later are not in it.
  [[nodiscard]] std::int64_t job_of(BundleId bundle);

  // Throw Error{not_found}.
  [[nodiscard]] std::int64_t parent(std::int64_t path);
  [[nodiscard]] std::string name(std::int64_t parent, std::int64_t path);
  // The name of a path in its directory; nullopt when it has none.
  [[nodiscard]] std::optional<std::string> name_in(std::int64_t parent, std::int64_t path);
  void read_names_ahead(std::int64_t parent, std::string_view from);

  // Lists below `parent` what `choose(versions)` chooses, by inode number.
  template <typename Choose>
  void list(PathId parent, std::int64_t as_of, Choose&& choose,
            const std::function<bool(const Entry&)>& each);

  VersionReader reader;
  Children children;
  Statement find_name, parent_of, name_of, names_from, never_written;
  Statement newest, version_at, history, names, versions_of;
  Statement in_bundle, leads_to_bundle, bundle_job;
  Statement find_root, root_path;
  Statement data_version, total_changes;

  // No index leads from a path to its name. Who asks for one mostly asks for the next ones too;
  // what is found here is asked of the catalog again before it is believed.
  std::unordered_map<std::int64_t, std::string> names_ahead;

  // Of the catalog after `totals_changes`, the changes of others and of this connection.
  std::optional<Totals> totals;
  std::pair<std::int64_t, std::int64_t> totals_changes;
};

[[nodiscard]] inline std::int64_t as_of(View view) {
  return view.as_of ? number(*view.as_of) : kNow;
}

// The children of one directory by inode number. Up to kWholeRows of them are kept whole; of more
// only what sorts them and finds them again, a third of that, so that a directory of a million
// files does not weigh.
class Listing {
 public:
  void add(const std::string& name, const VersionRow& row);

  // `fetch(path, first_job)` gives the rows that were not kept.
  template <typename Fetch, typename Each>
  void emit(Fetch&& fetch, Each&& each) {
    sort();
    for (const Key& key : keys_) {
      const std::string_view name(names_.data() + key.name, key.length);
      if (!each(name, kept_whole() ? std::optional(rows_[key.position])
                                   : fetch(key.path, key.first_job))) {
        return;
      }
    }
  }

 private:
  static constexpr std::size_t kWholeRows = 64 * 1024;
  struct Key {
    std::uint64_t inode;
    std::int64_t path;
    std::uint64_t name;
    std::uint32_t first_job, length, position;
  };
  void sort();
  [[nodiscard]] bool kept_whole() const { return keys_.size() <= kWholeRows; }

  std::vector<VersionRow> rows_;
  std::vector<Key> keys_;
  std::string names_;
};

template <typename Choose>
void Tree::Statements::list(PathId parent, std::int64_t as_of, Choose&& choose,
                            const std::function<bool(const Entry&)>& each) {
  Listing listing;
  children.read(number(parent), as_of,
                [&](const std::string& name, const std::vector<VersionRow>& versions) {
                  if (const VersionRow* const row = choose(versions)) {
                    listing.add(name, *row);
                  }
                  return true;
                });
  const auto fetch = [&](std::int64_t path, std::int64_t first_job) {
    Running running(version_at);
    // A commit may have replaced the version since it was chosen: then it is left out.
    return version_at.bind(1, path).bind(2, first_job).step()
               ? std::optional(read_row(version_at, 0))
               : std::nullopt;
  };
  listing.emit(fetch, [&](std::string_view name, const std::optional<VersionRow>& row) {
    return !row || each({std::string(name), reader.version(*row)});
  });
}

}  // namespace mixtape::catalog
