// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/scan_compare.h"

namespace mixtape::archive {
namespace {

// The coarsest time stamps in use (FAT) have two seconds.
constexpr std::int64_t kCoarsestTick = 2'000'000'000;

bool same_type(std::uint32_t mode, std::uint32_t other) {
  return (mode & S_IFMT) == (other & S_IFMT);
}

void add(std::string& list, const std::string& field) {
  list += (list.empty() ? "" : ", ") + field;
}

}  // namespace

// The kernel changes the ctime with everything else.
bool is_untouched(const std::optional<catalog::SourceStamp>& known,
                  const catalog::SourceStamp& stamp) {
  return known && stamp.ctime_ns != 0 && *known == stamp;
}

Verdict judge(const catalog::Sources::Known& known, const FileStat& stat,
              const catalog::SourceStamp& stamp) {
  if (is_untouched(known.stamp, stamp)) {
    return Verdict::same;
  }
  const catalog::Version& version = known.version;
  if (!same_type(version.metadata.mode, stat.mode)) {
    return Verdict::content;
  }
  if (!stat.is_file()) {
    return Verdict::metadata;
  }
  const bool same_content = known.stamp && known.stamp->readable &&
                            known.stamp->inode == stamp.inode &&
                            known.stamp->device == stamp.device && version.size == stat.size &&
                            version.metadata.mtime_ns == stat.mtime_ns;
  return same_content ? Verdict::metadata : Verdict::content;
}

std::string differences(const catalog::Sources::Known& known, const FileStat& stat,
                        const catalog::SourceStamp& stamp) {
  const catalog::Version& version = known.version;
  std::string list;
  if (!same_type(version.metadata.mode, stat.mode)) {
    add(list, "type");
  } else if (version.metadata.mode != stat.mode) {
    add(list, "mode");
  }
  if (stat.is_file() && version.size != stat.size) {
    add(list, "size " + std::to_string(version.size) + " -> " + std::to_string(stat.size));
  }
  if (version.metadata.mtime_ns != stat.mtime_ns) {
    add(list, "mtime");
  }
  if (version.metadata.uid != stat.uid || version.metadata.gid != stat.gid) {
    add(list, "owner");
  }
  if (!known.stamp) {
    add(list, "not seen on this machine before");
    return list;
  }
  if (known.stamp->inode != stamp.inode) {
    add(list, "inode");
  }
  if (known.stamp->device != stamp.device) {
    add(list, "mounts crossed");
  }
  if (!known.stamp->readable) {
    add(list, "was unreadable");
  }
  if (known.stamp->ctime_ns != stamp.ctime_ns) {
    add(list, "ctime");
  }
  return list;
}

catalog::SourceStamp to_stamp(const FileStat& stat, std::uint64_t mounts_crossed,
                              std::int64_t now_ns) {
  const bool settled = stat.ctime_ns < now_ns - kCoarsestTick;
  return {.device = mounts_crossed,
          .inode = stat.inode,
          .ctime_ns = settled ? stat.ctime_ns : 0,
          .readable = true};
}

catalog::FileIdentity to_identity(const FileStat& stat) {
  return {.device = stat.device,
          .inode = stat.inode,
          .size = stat.size,
          .mtime_ns = stat.mtime_ns,
          .ctime_ns = stat.ctime_ns};
}

}  // namespace mixtape::archive
