// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>

#include "engine/service/passing_directory.h"

// A medium that no catalog here knows, to be looked at and read straight away: a home of its own,
// in a directory that is gone with the object, with the catalog that the medium's last index has.
// The user's own home is only asked for keys and libraries, and not changed. No key is copied: that
// home refers to the files in which they are.
//
// Threads: none.
// Errors:  the constructor throws Error{not_found, no_medium} when no library has the medium,
//          Error{not_permitted} when no key opens it, Error{corrupt} when no index of it can be
//          read; each says what to do. Error{cancelled} soon after `stop` was requested: what the
//          drive is told to do at that moment it finishes.
// Cost:    loads the medium and reads one index. What is read of it later is cached in that
//          directory.

namespace mixtape::service {

struct LoneMediumRequest {
  std::string medium;                   // A label, or with a slash the directory of a disk medium.
  std::filesystem::path home;           // For what is not given below; need not exist then.
  std::string library;                  // URL; empty: the libraries of the home.
  std::filesystem::path identity_file;  // Empty: all keys of the home.
};

class LoneMedium {
 public:
  explicit LoneMedium(const LoneMediumRequest& request, const std::stop_token& stop = {});

  [[nodiscard]] const std::filesystem::path& home() const { return directory_.path(); }

 private:
  void fill(const LoneMediumRequest& request, const std::stop_token& stop) const;

  PassingDirectory directory_;
};

}  // namespace mixtape::service
