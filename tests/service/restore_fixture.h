// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine/service/restore.h"
#include "tests/service/service_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/patterns.h"

// Sources that are backed up, and a place that they are restored to.

namespace mixtape::service {

class RestoreTest : public ServiceTest {
 protected:
  // Everything, without trouble.
  void back_up() {
    const BackupResult result = ServiceTest::back_up();
    ASSERT_TRUE(result.job.has_value());
    ASSERT_EQ(result.trouble_count, 0u);
    ASSERT_TRUE(result.written.no_room.empty());
  }
  RestoreRequest everything() {
    RestoreRequest request;
    request.paths = {source().string()};
    request.to = out_.string();
    return request;
  }
  RestoreResult bring_back(const RestoreRequest& request) {
    return restore(context(), request, reporter_);
  }
  RestoreResult restore_all(Conflict conflict = Conflict::refuse, bool dry_run = false) {
    RestoreRequest request = everything();
    request.conflict = conflict;
    request.dry_run = dry_run;
    return bring_back(request);
  }

  [[nodiscard]] std::filesystem::path restored(std::string_view name = "") const {
    return out_ / path_of(name);
  }
  [[nodiscard]] std::filesystem::path medium(std::string_view label = "MX0001") const {
    return home() / "library" / label;
  }
  // What `latest` shows, which must be there.
  catalog::Version version_of(std::string_view name) { return latest(path_of(name)).value(); }

  const std::filesystem::path out_ = directory_ / "out";
};

}  // namespace mixtape::service
