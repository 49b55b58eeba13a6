// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "engine/recall/archive_reader.h"
#include "engine/recall/content_sink.h"
#include "engine/recall/extent.h"

// One content from one of its copies: the stored bytes read, decrypted, and holes put back.
//
// Format:  archaeology/tape-format.md, section "Archive"; sparse maps: archaeology/tar.md
// Threads: as ArchiveReader.
// Errors:  throws what ArchiveReader and the sink throw, and Error{corrupt} when the stored bytes
//          cannot be this content.

namespace mixtape::recall {

// Writes the content's bytes [from, size) to `sink` in order, not finishing it. `go_on` is asked
// after every chunk; when it says no, the rest is not read and false is returned.
bool fetch_extent(ArchiveReader& reader, const Extent& extent, std::uint64_t content_size,
                  std::uint64_t from, ContentSink& sink, const std::function<bool()>& go_on);

}  // namespace mixtape::recall
