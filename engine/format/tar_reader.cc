// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "engine/format/tar_fields.h"
#include "engine/format/tar_pax.h"
#include "tapeio/error.h"

namespace mixtape::format {
namespace {

// Data that nobody reads is passed over in pieces of this size.
constexpr std::size_t kSkipBuffer = 64 * KiB;
constexpr std::int64_t kSecond = 1'000'000'000;

[[noreturn]] void corrupt(const std::string& why) {
  throw Error(ErrorCode::corrupt, why);
}

bool is_zero(const UstarHeader& header) {
  const auto* bytes = reinterpret_cast<const char*>(&header);
  return std::all_of(bytes, bytes + sizeof header, [](char byte) { return byte == '\0'; });
}

void check_header(const UstarHeader& header) {
  const std::string_view magic(header.magic, sizeof header.magic);
  if (magic != kPosixMagic && magic != kGnuMagic) {
    corrupt("tar header has no ustar magic");
  }
  if (get_number(header.checksum) != checksum_of(header)) {
    corrupt("tar header has a wrong checksum");
  }
}

std::uint64_t get_size(const UstarHeader& header) {
  const std::int64_t size = get_number(header.size);
  if (size < 0) {
    corrupt("tar member has a negative size");
  }
  return static_cast<std::uint64_t>(size);
}

std::uint32_t get_u32(std::span<const char> field) {
  const std::int64_t number = get_number(field);
  if (number < 0 || number > std::numeric_limits<std::uint32_t>::max()) {
    corrupt("tar header has an id beyond 32 bits");
  }
  return static_cast<std::uint32_t>(number);
}

std::int64_t get_time_ns(const UstarHeader& header) {
  const std::int64_t seconds = get_number(header.mtime);
  constexpr std::int64_t kMostSeconds = std::numeric_limits<std::int64_t>::max() / kSecond;
  if (seconds > kMostSeconds || seconds < -kMostSeconds) {
    corrupt("tar member is of no year between 1678 and 2262");
  }
  return seconds * kSecond;
}

std::string ustar_name(const UstarHeader& header) {
  const std::string_view name = get_text(header.name);
  const bool posix = std::string_view(header.magic, sizeof header.magic) == kPosixMagic;
  const std::string_view prefix = posix ? get_text(header.prefix) : std::string_view();
  return prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name);
}

// Relative, without empty and "." components; "." for the archive's own root.
std::string clean_name(std::string_view name) {
  if (name.empty() || name.front() == '/') {
    corrupt("tar member has an empty or absolute name");
  }
  std::string clean;
  while (!name.empty()) {
    const std::size_t slash = std::min(name.find('/'), name.size());
    const std::string_view component = name.substr(0, slash);
    if (component == "..") {
      corrupt("name of a tar member leaves the archive");
    }
    if (!component.empty() && component != ".") {
      clean += clean.empty() ? "" : "/";
      clean += component;
    }
    name.remove_prefix(std::min(slash + 1, name.size()));
  }
  return clean.empty() ? "." : clean;
}

MemberType type_of(char flag, bool slash_at_end) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':  // "Contiguous": a file wherever that means nothing.
      // Archives older than the directory flag have only the slash.
      return flag == '\0' && slash_at_end ? MemberType::directory : MemberType::file;
    case '1':
      return MemberType::hardlink;
    case '2':
      return MemberType::symlink;
    case '3':
      return MemberType::character_device;
    case '4':
      return MemberType::block_device;
    case '5':
      return MemberType::directory;
    case '6':
      return MemberType::fifo;
    default:
      throw Error(ErrorCode::unsupported, "tar member is of a type that is none of ours");
  }
}

}  // namespace

// All header blocks of one member.
struct TarReader::Headers {
  bool end = false;  // The end of the archive instead of a member.
  std::uint64_t offset = 0;
  UstarHeader ustar{};
  PaxAttributes pax;
  std::optional<std::string> gnu_name, gnu_link;  // From GNU's 'L' and 'K' members.
  std::size_t extensions = 0;                     // Members in front, of any kind,
  std::uint64_t extension_bytes = 0;              // and what they hold.

  [[nodiscard]] TarMember member() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::string link_target() const;
};

std::string TarReader::Headers::name() const {
  if (pax.sparse_name) {
    return *pax.sparse_name;
  }
  if (pax.path) {
    return *pax.path;
  }
  return gnu_name ? *gnu_name : format::ustar_name(ustar);
}

std::string TarReader::Headers::link_target() const {
  if (pax.link_path) {
    return *pax.link_path;
  }
  return gnu_link ? *gnu_link : std::string(get_text(ustar.link_target));
}

TarMember TarReader::Headers::member() const {
  TarMember member;
  const std::string raw_name = name();
  member.name = clean_name(raw_name);
  member.type = type_of(ustar.type, raw_name.ends_with('/'));
  member.mode = get_u32(ustar.mode) & 07777;
  member.uid = pax.uid ? *pax.uid : get_u32(ustar.uid);
  member.gid = pax.gid ? *pax.gid : get_u32(ustar.gid);
  member.owner = pax.owner.value_or(std::string(get_text(ustar.owner)));
  member.group = pax.group.value_or(std::string(get_text(ustar.group)));
  member.mtime_ns = pax.mtime_ns ? *pax.mtime_ns : get_time_ns(ustar);
  member.xattrs = pax.xattrs;
  if (member.type == MemberType::hardlink) {
    member.link_target = clean_name(link_target());
    member.same_content = pax.same_content;
  } else if (member.type == MemberType::symlink) {
    member.link_target = link_target();
  } else if (member.type == MemberType::character_device ||
             member.type == MemberType::block_device) {
    member.device_major = get_u32(ustar.device_major);
    member.device_minor = get_u32(ustar.device_minor);
  }
  return member;
}

TarReader::TarReader(ByteSource& in) : in_(in) {}

std::optional<TarReader::Found> TarReader::next() {
  if (ended_) {
    return std::nullopt;
  }
  skip(stored_left_);
  skip(padding_);
  stored_left_ = padding_ = size_ = logical_ = 0;
  extents_.clear();
  extent_ = 0;

  const Headers headers = read_headers();
  if (headers.end) {
    return std::nullopt;
  }
  Found found{headers.member(), headers.offset, position_,
              headers.pax.size ? *headers.pax.size : get_size(headers.ustar)};
  TarMember& member = found.member;
  if (member.type != MemberType::file && found.stored_size != 0) {
    corrupt("tar member that is no file has data");
  }
  size_ = found.stored_size;
  stored_left_ = found.stored_size;
  padding_ = round_up(stored_left_, kTarBlock) - stored_left_;
  if (headers.pax.sparse_major || headers.pax.sparse_minor || headers.pax.sparse_size) {
    if (!headers.pax.sparse_major || !headers.pax.sparse_minor || !headers.pax.sparse_size ||
        member.type != MemberType::file) {
      corrupt("sparse tar member lacks a part of its description");
    }
    size_ = *headers.pax.sparse_size;
    read_sparse_map(size_);
    member.sparse = extents_;
  } else if (size_ > 0) {
    extents_ = {{0, size_}};
  }
  std::uint64_t data = 0;
  for (const SparseExtent& extent : extents_) {
    data += extent.size;
  }
  if (data != stored_left_) {
    corrupt("sparse tar member has not the data that its map says");
  }
  member.size = size_;
  return found;
}

TarReader::Headers TarReader::read_headers() {
  Headers headers;
  headers.offset = position_;
  headers.pax.apply(global_pax_);
  bool extended = false;  // Something was said about a member that must follow.
  while (true) {
    const MutableBytes block(reinterpret_cast<std::byte*>(&headers.ustar), kTarBlock);
    read_exactly(block);
    if (is_zero(headers.ustar)) {
      read_exactly(block);
      if (!is_zero(headers.ustar) || extended) {
        corrupt("tar archive has a lone zero block");
      }
      headers.end = ended_ = true;
      return headers;
    }
    check_header(headers.ustar);
    switch (headers.ustar.type) {
      case 'x':
        extended = true;
        headers.pax.apply(read_extension(headers));
        break;
      case 'g': {
        const Bytes records = read_extension(headers);
        if (records.size() + global_pax_.size() > kMaxGlobalPax) {
          corrupt("tar archive has too many global pax records");
        }
        global_pax_.insert(global_pax_.end(), records.begin(), records.end());
        headers.pax.apply(records);
        break;
      }
      case 'L':
      case 'K': {
        const bool link = headers.ustar.type == 'K';
        const Bytes text = read_extension(headers);
        (link ? headers.gnu_link : headers.gnu_name) =
            as_text(text).substr(0, as_text(text).find('\0'));
        extended = true;
        break;
      }
      default:
        return headers;
    }
  }
}

Bytes TarReader::read_extension(Headers& headers) {
  const std::uint64_t size = get_size(headers.ustar);
  if (++headers.extensions > kMaxExtensions || size > kMaxPaxSize - headers.extension_bytes) {
    corrupt("extended headers of a tar member are too large");
  }
  headers.extension_bytes += size;
  Bytes blocks(round_up(size, kTarBlock));
  read_exactly(blocks);
  blocks.resize(size);
  return blocks;
}

void TarReader::read_exactly(MutableBytes into) {
  while (!into.empty()) {
    const std::size_t got = in_.read(into);
    if (got == 0) {
      corrupt("tar archive ends too early, at byte " + std::to_string(position_));
    }
    position_ += got;
    into = into.subspan(got);
  }
}

void TarReader::skip(std::uint64_t size) {
  Bytes passed(std::min<std::uint64_t>(size, kSkipBuffer));
  while (size > 0) {
    const std::uint64_t piece = std::min<std::uint64_t>(size, passed.size());
    read_exactly(MutableBytes(passed).first(piece));
    size -= piece;
  }
}

std::size_t TarReader::read(MutableBytes into) {
  if (into.empty() || logical_ == size_) {
    return 0;
  }
  while (extent_ < extents_.size() &&
         logical_ >= extents_[extent_].offset + extents_[extent_].size) {
    ++extent_;
  }
  const bool more = extent_ < extents_.size();
  if (more && logical_ >= extents_[extent_].offset) {
    const std::uint64_t left = extents_[extent_].offset + extents_[extent_].size - logical_;
    const std::size_t got = in_.read(into.first(std::min<std::uint64_t>(into.size(), left)));
    if (got == 0) {
      corrupt("tar archive ends too early, at byte " + std::to_string(position_));
    }
    position_ += got;
    stored_left_ -= got;
    logical_ += got;
    return got;
  }
  const std::uint64_t hole = (more ? extents_[extent_].offset : size_) - logical_;
  const auto zeros = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), hole));
  std::fill_n(into.begin(), zeros, std::byte{0});
  logical_ += zeros;
  return zeros;
}

}  // namespace mixtape::format
