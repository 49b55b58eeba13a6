// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "engine/catalog/rows.h"
#include "tapeio/error.h"

// One pass over what is below a directory: every name with its versions. Private to this room.
//
// Threads: none; belongs to its connection. One pass at a time per object.

namespace mixtape::catalog {

// As of a job, or of now.
inline constexpr std::int64_t kNow = VersionRow::kOpen;

// What a view shows of a path, given its versions up to the view's job, oldest first: the newest
// that is written, unless it ended before.
[[nodiscard]] inline const VersionRow* shown(const std::vector<VersionRow>& versions,
                                             std::int64_t as_of) {
  for (auto row = versions.rbegin(); row != versions.rend(); ++row) {
    if (row->written) {
      return row->last_job >= as_of ? &*row : nullptr;
    }
  }
  return nullptr;
}

class Children {
 public:
  explicit Children(Database& database)
      : rows_(database,
              sql({"SELECT n.name,", kVersionColumns,
                   "FROM name n CROSS JOIN version v ON v.path = n.path AND v.first_job <= ?2 "
                   "LEFT JOIN content c ON c.id = v.content WHERE n.parent = ?1 "
                   "ORDER BY n.name, v.first_job"})) {}

  // Calls `each(name, versions)` in byte order of names, versions of jobs up to `as_of`, oldest
  // first; names without any are left out. `each` returns false to stop.
  template <typename Each>
  void read(std::int64_t parent, std::int64_t as_of, Each&& each) {
    const Pass pass(*this);
    rows_.bind(1, parent).bind(2, as_of);
    versions_.clear();
    while (rows_.step()) {
      VersionRow row = read_row(rows_, 1);
      if (!versions_.empty() && versions_.back().path != row.path) {
        if (!each(name_, versions_)) {
          return;
        }
        versions_.clear();
      }
      if (versions_.empty()) {
        name_ = as_text(rows_.blob(0));
      }
      versions_.push_back(row);
    }
    if (!versions_.empty()) {
      each(name_, versions_);
    }
  }

 private:
  // Two at a time would take each other's rows away.
  class Pass {
   public:
    explicit Pass(Children& children) : children_(children), running_(children.rows_) {
      MIXTAPE_ASSERT(!children.reading_);
      children.reading_ = true;
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { children_.reading_ = false; }

   private:
    Children& children_;
    const Running running_;
  };

  Statement rows_;
  bool reading_ = false;
  std::string name_;
  std::vector<VersionRow> versions_;
};

}  // namespace mixtape::catalog
