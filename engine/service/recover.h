// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/catalog/snapshot.h"
#include "engine/progress/reporter.h"
#include "engine/service/scan_medium.h"
#include "tapeio/library.h"

// The catalog, built anew from the media of a library.
//
// Of each medium the newest index that opens is read: the closing index, or, when a job died there,
// the one of its last bundle. The order of media does not matter, any set of them will do, and
// doing it again changes nothing. An existing catalog learns what the media know; what media of
// another catalog know comes under "@NAME" in it.
//
// The home is made when there is none. One that is there keeps what it has, and gets the library
// and the identity where it lacks them; each change is told. Nobody may have it mounted meanwhile.
//
// Copies on media whose own label was not read count for no policy until it is
// (Ledger::label_seen).
//
// Asked to scan, it reads the archives of which no index of any medium tells (scan_medium.h), each
// medium once more and after all indexes: their files, with hashes, come into the catalog as if an
// index had told of them. Not asked, it says which media have such archives. An index that turns up
// later takes the place of what was scanned; scanning again reads nothing again.
//
// What is written from then on can be read with the given identity. Whom else the labels of the
// media name, in plain text that proves nothing, is only told.
//
// Errors: throws Error{not_found} for the library or the identity, Error{not_permitted} when the
//         identity opens none of the media, Error{locked} naming who has the home mounted or
//         writes to it. A single medium that cannot be read is reported and left out.
// Cost:   one index per medium; a scan: all archives of which no index tells.

namespace mixtape::service {

struct RecoverRequest {
  std::filesystem::path home;
  std::string library;  // URL.
  std::filesystem::path identity_file;
  std::string command;
  bool scan = false;
  // What makes a library of the URL; unset: tapeio::open_library.
  std::function<std::unique_ptr<tapeio::Library>(const std::string& url)> open = {};
};

struct RecoverResult {
  catalog::Recovered recovered;
  std::vector<std::string> read;     // Labels.
  std::vector<std::string> skipped;  // Labels of media that are empty.
  std::vector<std::string> scanned;  // Labels of media whose archives were read.
  // Labels of media whose scan ended before their end, or never began: told as a problem.
  std::vector<std::string> unscanned;
  ScanSummary scan;
};

[[nodiscard]] RecoverResult recover(const RecoverRequest& request, Reporter& reporter);

}  // namespace mixtape::service
