// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "engine/archive/metadata.h"
#include "engine/catalog/sources.h"
#include "engine/catalog/types.h"

// What a file's stat says against what the catalog knows of its path.
//
// Threads: none; pure functions.

namespace mixtape::archive {

enum class Verdict {
  same,  // Nothing changed since the last scan, metadata included; whatever the newest version is.
  metadata,  // The content is the known one; whether the metadata are must be read.
  content,   // The content may be another one.
};

// `stamp` is how the file stands now.
//
// Whether the stamps alone say that nothing at all changed. They do so also when the newest version
// came from elsewhere (staging): the file here has nothing newer to say.
[[nodiscard]] bool is_untouched(const std::optional<catalog::SourceStamp>& known,
                                const catalog::SourceStamp& stamp);

[[nodiscard]] Verdict judge(const catalog::Sources::Known& known, const FileStat& stat,
                            const catalog::SourceStamp& stamp);

// Which fields differ, for the log: "size 3 -> 5, mtime".
[[nodiscard]] std::string differences(const catalog::Sources::Known& known, const FileStat& stat,
                                      const catalog::SourceStamp& stamp);

// The stamp of a file. A ctime so near to `now_ns` that the file could change again without another
// one is not kept: the next scan looks again.
[[nodiscard]] catalog::SourceStamp to_stamp(const FileStat& stat, std::uint64_t mounts_crossed,
                                            std::int64_t now_ns);

// As the identity under which an early hash is kept.
[[nodiscard]] catalog::FileIdentity to_identity(const FileStat& stat);

}  // namespace mixtape::archive
