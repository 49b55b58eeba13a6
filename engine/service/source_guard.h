// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "engine/catalog/types.h"
#include "engine/format/digest.h"
#include "engine/progress/reporter.h"
#include "tapeio/unique_fd.h"

// A source file that is about to be deleted, held by descriptors, so that what is checked is what
// is deleted.
//
// It is reached from "/" component by component and no symlink is followed. Nobody may have it open
// for writing, and whoever opens it meanwhile is noticed; where the file system or the file's owner
// does not let that be known (fcntl(2), F_SETLEASE), the file must stay.
//
// Threads: none.
// Errors:  throws Error{cancelled} while it hashes. Why a file must not be deleted is a sentence.

namespace mixtape::service {

class SourceGuard {
 public:
  // `path`: absolute. Nothing is checked but that it is there and a file: see is_absent(), why().
  explicit SourceGuard(const std::string& path);

  [[nodiscard]] bool is_absent() const { return absent_; }
  // Why it must not be deleted; empty: nothing is known against it.
  [[nodiscard]] const std::string& why() const { return why_; }

  // Size, time of change, mode, owner, attributes and, reading it, the hash: are they those of the
  // version? False: see why().
  [[nodiscard]] bool is(const catalog::Version& version, Reporter& reporter);
  // It is still what was hashed, under its name. False: see why().
  [[nodiscard]] bool is_unchanged();
  // Deletes the name. Only after is() and a last is_unchanged(). False: see why().
  [[nodiscard]] bool remove();

  [[nodiscard]] const struct stat& status() const { return status_; }

 private:
  [[nodiscard]] bool refuse(std::string why);
  void open_directory(const std::string& path);
  void open_file();
  // Asks to be told of writers; refuses when there is one, or when that cannot be known.
  void keep_writers_out();
  // Of what a restore would bring back, all but the content.
  [[nodiscard]] bool has_metadata(const catalog::Metadata& metadata);
  // Reads it whole.
  [[nodiscard]] bool has_hash(const catalog::Hash& hash, Reporter& reporter);

  std::string name_;
  tapeio::UniqueFd directory_;  // O_PATH.
  tapeio::UniqueFd file_;
  struct stat status_ {};  // Of the file when it was opened.
  bool hashed_ = false;
  bool absent_ = false;
  std::string why_;
};

}  // namespace mixtape::service
