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

  // Lists below `parent` what `choose(versions)` chooses, in byte order.
  template <typename Choose>
  void list(PathId parent, std::int64_t as_of, Choose&& choose,
            const std::function<bool(const Entry&)>& each);

  VersionReader reader;
  Children children;
  Statement find_name, parent_of, name_of, names_from, never_written;
  Statement newest, version_at, history, names, versions_of;
  Statement in_bundle, leads_to_bundle, bundle_job;
  Statement find_root, root_path;
  Statement any_name, begin, commit;
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

template <typename Choose>
void Tree::Statements::list(PathId parent, std::int64_t as_of, Choose&& choose,
                            const std::function<bool(const Entry&)>& each) {
  children.read(number(parent), as_of,
                [&](const std::string& name, const std::vector<VersionRow>& versions) {
                  const VersionRow* const row = choose(versions);
                  return row == nullptr || each({name, reader.version(*row)});
                });
}

}  // namespace mixtape::catalog
