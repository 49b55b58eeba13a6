// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/format/tar.h"

// Archives in memory, for the tests of tar.

namespace mixtape::format::test {

class MemorySource final : public ByteSource {
 public:
  // Gives at most `piece` bytes at once, as pipes and decryptors do.
  explicit MemorySource(ByteView bytes, std::size_t piece = SIZE_MAX)
      : rest_(bytes), piece_(piece) {}
  std::size_t read(MutableBytes into) override {
    const std::size_t size = std::min({into.size(), rest_.size(), piece_});
    std::copy_n(rest_.begin(), size, into.begin());
    rest_ = rest_.subspan(size);
    return size;
  }

 private:
  ByteView rest_;
  std::size_t piece_;
};

inline void append(Bytes& to, ByteView bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// A file as a member and what is in it; of a sparse one the filled extents one after the other.
struct Content {
  TarMember member;
  std::string data;
};

inline void append_member(Bytes& archive, const Content& content) {
  const TarHeader header = encode_header(content.member);
  append(archive, header.blocks);
  append(archive, header.sparse_map);
  append(archive, as_bytes(content.data));
  archive.resize(round_up(archive.size(), kTarBlock));
}

inline Bytes archive_of(const std::vector<Content>& contents) {
  Bytes archive;
  for (const Content& content : contents) {
    append_member(archive, content);
  }
  archive.resize(archive.size() + kTarEnd);
  return archive;
}

inline std::string read_data(TarReader& reader) {
  std::string data;
  Bytes piece(1000);
  while (const std::size_t got = reader.read(piece)) {
    data += as_text(ByteView(piece).first(got));
  }
  return data;
}

inline std::vector<Content> read_archive(ByteView archive) {
  MemorySource source(archive, 700);
  TarReader reader(source);
  std::vector<Content> contents;
  while (auto found = reader.next()) {
    contents.push_back({std::move(found->member), read_data(reader)});
  }
  return contents;
}

inline TarMember file_named(std::string name, std::uint64_t size = 0) {
  TarMember member;
  member.name = std::move(name);
  member.size = size;
  member.mode = 0644;
  member.uid = 1000;
  member.gid = 100;
  member.owner = "anna";
  member.group = "users";
  member.mtime_ns = 1'795'000'000'123'456'789;
  return member;
}

inline Content text_file(std::string name, std::string text) {
  TarMember member = file_named(std::move(name), text.size());
  return {std::move(member), std::move(text)};
}

inline TarMember member_of_type(MemberType type, std::string name) {
  TarMember member = file_named(std::move(name));
  member.type = type;
  member.mode = type == MemberType::directory ? 0755 : member.mode;
  return member;
}

inline TarMember link_to(MemberType type, std::string name, std::string target) {
  TarMember member = member_of_type(type, std::move(name));
  member.link_target = std::move(target);
  return member;
}

// 1 MiB of which two places hold data.
inline Content sparse_file(std::string name) {
  TarMember member = file_named(std::move(name), MiB);
  member.sparse = {{4096, 512}, {700'416, 6}};
  return {std::move(member), std::string(512, 'f') + "second"};
}

// u::rw-, user 1000 r--, g::r--, mask r--, o::--- as the kernel hands it out.
inline std::string posix_acl() {
  const std::string none(4, '\xff');
  const auto entry = [&](char tag, char permissions, const std::string& id) {
    return std::string{tag, 0, permissions, 0} + id;
  };
  return std::string("\2\0\0\0", 4) + entry(0x01, 6, none) +
         entry(0x02, 4, std::string("\xe8\x03\0\0", 4)) + entry(0x04, 4, none) +
         entry(0x10, 4, none) + entry(0x20, 0, none);
}

}  // namespace mixtape::format::test
