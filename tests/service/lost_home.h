// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "engine/service/recover.h"
#include "tests/service/service_fixture.h"

// A home that is lost: the media and an identity are left.

namespace mixtape::service {

class LostHomeTest : public ServiceTest {
 protected:
  // The media lie on the shelf, the key in a drawer, and nothing else is left.
  void lose_home() {
    reopen();
    std::filesystem::create_directories(shelf_);
    for (const auto& medium : std::filesystem::directory_iterator(home() / "library")) {
      std::filesystem::rename(medium.path(), shelf_ / medium.path().filename());
    }
    std::filesystem::copy_file(home() / "keys/recovery.identity", paper_,
                               std::filesystem::copy_options::skip_existing);
    std::filesystem::remove_all(home());
  }
  RecoverResult recover_from(const std::string& library_url, bool scan = false) {
    reopen();
    return recover({home(), library_url, paper_, "mixtape recover", scan}, reporter_);
  }

  const std::filesystem::path shelf_ = directory_ / "shelf";
  const std::filesystem::path paper_ = directory_ / "paper";
};

}  // namespace mixtape::service
