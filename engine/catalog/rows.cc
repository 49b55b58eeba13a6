// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/rows.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::catalog {
namespace {

// Attribute sets kept in memory; a tree with an xattr of its own on every file has as many as
// files.
constexpr std::size_t kRememberedAttributes = 8192;

template <std::size_t Size>
std::array<std::byte, Size> fixed(ByteView bytes, std::string_view what) {
  if (bytes.size() != Size) {
    throw Error(ErrorCode::corrupt, "read the catalog: a " + std::string(what) + " of " +
                                        std::to_string(bytes.size()) + " bytes");
  }
  std::array<std::byte, Size> value;
  std::copy(bytes.begin(), bytes.end(), value.begin());
  return value;
}

// Takes a length and as many bytes off the front of `rest`.
template <typename Length>
std::string take_counted(ByteView& rest) {
  if (rest.size() < sizeof(Length)) {
    throw Error(ErrorCode::corrupt, "read the catalog: extended attributes end too early");
  }
  const std::size_t length = load_big_endian<Length>(rest.data());
  rest = rest.subspan(sizeof(Length));
  if (rest.size() < length) {
    throw Error(ErrorCode::corrupt, "read the catalog: extended attributes end too early");
  }
  std::string value(as_text(rest.first(length)));
  rest = rest.subspan(length);
  return value;
}

template <typename Length>
void append_counted(std::string& to, std::string_view value) {
  if (value.size() > std::numeric_limits<Length>::max()) {
    throw Error(ErrorCode::invalid, "store an extended attribute of " +
                                        std::to_string(value.size()) + " bytes: too long");
  }
  std::array<std::byte, sizeof(Length)> length;
  store_big_endian(length.data(), static_cast<Length>(value.size()));
  to += as_text(length);
  to += value;
}

}  // namespace

Uuid new_uuid() {
  Uuid uuid;
  if (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size())) {
    throw_errno("get random bytes");
  }
  // RFC 9562: version 4, variant 10.
  uuid[6] = (uuid[6] & std::byte{0x0f}) | std::byte{0x40};
  uuid[8] = (uuid[8] & std::byte{0x3f}) | std::byte{0x80};
  return uuid;
}

Uuid uuid_from(ByteView bytes) {
  return fixed<16>(bytes, "uuid");
}

Hash hash_from(ByteView bytes) {
  return fixed<32>(bytes, "hash");
}

std::string encode_xattrs(const decltype(Metadata::xattrs)& xattrs) {
  std::string encoded;
  for (const auto& [name, value] : xattrs) {
    append_counted<std::uint16_t>(encoded, name);
    append_counted<std::uint32_t>(encoded, value);
  }
  return encoded;
}

decltype(Metadata::xattrs) decode_xattrs(ByteView bytes) {
  decltype(Metadata::xattrs) xattrs;
  while (!bytes.empty()) {
    std::string name = take_counted<std::uint16_t>(bytes);
    std::string value = take_counted<std::uint32_t>(bytes);
    xattrs.emplace_back(std::move(name), std::move(value));
  }
  return xattrs;
}

std::uint64_t inode_without_content(std::int64_t path, std::int64_t first_job) {
  return kInodesWithoutContent | (static_cast<std::uint64_t>(path & (kMaxPaths - 1)) << kJobBits) |
         static_cast<std::uint64_t>(first_job & kMaxJobs);
}

std::uint64_t VersionRow::inode() const {
  if (static_cast<std::uint64_t>(node) >= kNodesPerContent) {
    return static_cast<std::uint64_t>(node);
  }
  return content == 0 ? inode_without_content(path, first_job)
                      : static_cast<std::uint64_t>(content) * kNodesPerContent +
                            static_cast<std::uint64_t>(node);
}

VersionRow read_row(const Statement& statement, int first_column) {
  const int at = first_column;
  VersionRow row;
  row.path = statement.integer(at);
  row.first_job = statement.integer(at + 1);
  row.last_job = statement.maybe_integer(at + 2).value_or(VersionRow::kOpen);
  row.content = statement.integer(at + 3);
  row.node = statement.integer(at + 4);
  row.attribute = statement.integer(at + 5);
  row.mtime = statement.integer(at + 6);
  if (row.content != 0) {
    row.size = statement.integer(at + 7);
    row.hashed = !statement.is_null(at + 8);
    if (row.hashed) {
      row.hash = hash_from(statement.blob(at + 8));
    }
    row.written = statement.integer(at + 9) != 0;
  }
  return row;
}

VersionReader::VersionReader(Database& database)
    : database_(database),
      attribute_(database,
                 "SELECT mode, uid, gid, owner, grp, xattrs, root, nlink, device, synthetic "
                 "FROM attribute WHERE id = ?"),
      symlink_(database, "SELECT target FROM symlink WHERE path = ? AND first_job = ?") {}

const VersionReader::Attribute& VersionReader::attribute(const VersionRow& row) {
  if (rollbacks_ != database_.rollbacks()) {
    attributes_.clear();
    rollbacks_ = database_.rollbacks();
  }
  const auto known = attributes_.find(row.attribute);
  if (known != attributes_.end()) {
    return known->second;
  }
  Running running(attribute_);
  attribute_.bind(1, row.attribute);
  if (!attribute_.step()) {
    throw Error(ErrorCode::corrupt, "read the catalog: no attributes " +
                                        std::to_string(row.attribute) + " of path " +
                                        std::to_string(row.path));
  }
  Attribute found;
  found.metadata.mode = static_cast<std::uint32_t>(attribute_.integer(0));
  found.metadata.uid = static_cast<std::uint32_t>(attribute_.integer(1));
  found.metadata.gid = static_cast<std::uint32_t>(attribute_.integer(2));
  found.metadata.owner = attribute_.text(3);
  found.metadata.group = attribute_.text(4);
  found.metadata.xattrs = decode_xattrs(attribute_.blob(5));
  found.origin = RootId{attribute_.integer(6)};
  found.metadata.nlink = static_cast<std::uint32_t>(attribute_.integer(7));
  found.metadata.device = static_cast<std::uint64_t>(attribute_.integer(8));
  found.synthetic = attribute_.integer(9) != 0;
  if (attributes_.size() >= kRememberedAttributes) {
    attributes_.clear();
  }
  return attributes_.emplace(row.attribute, std::move(found)).first->second;
}

bool VersionReader::is_directory(const VersionRow& row) {
  return catalog::is_directory(mode(row));
}

Version VersionReader::version(const VersionRow& row) {
  const Attribute& shared = attribute(row);
  Version version;
  version.key = {PathId{row.path}, JobId{row.first_job}};
  if (!row.open()) {
    version.last_job = JobId{row.last_job};
  }
  if (row.content != 0) {
    version.content = ContentId{row.content};
    version.size = static_cast<std::uint64_t>(row.size);
  }
  if (row.hashed) {
    version.hash = row.hash;
  }
  version.written = row.written;
  version.inode = row.inode();
  version.origin = shared.origin;
  version.metadata = shared.metadata;
  version.metadata.mtime_ns = row.mtime;
  if (is_symlink(shared.metadata.mode)) {
    Running running(symlink_);
    symlink_.bind(1, row.path).bind(2, row.first_job);
    if (symlink_.step()) {
      version.metadata.symlink_target = symlink_.text(0);
    }
  }
  return version;
}

bool is_directory(std::uint32_t mode) {
  return S_ISDIR(mode);
}

bool is_symlink(std::uint32_t mode) {
  return S_ISLNK(mode);
}

std::string check_tree(Database& database) {
  struct Question {
    const char* query;
    const char* complaint;
  };
  constexpr Question kQuestions[] = {
      // Directory by directory, since one set of all paths would be kept in memory; names in two
      // directories are found by the next question.
      {"SELECT coalesce(sum(more), 0) FROM (SELECT count(*) - count(DISTINCT path) AS more FROM "
       "name GROUP BY parent)",
       "paths with more than one name"},
      {"SELECT count(*) FROM name n WHERE n.parent IS NOT (SELECT r.parent FROM path_run r "
       "WHERE r.first <= n.path ORDER BY r.first DESC LIMIT 1)",
       "names below another parent than their path's"},
      {"SELECT count(*) FROM name WHERE name IN (x'', x'2e', x'2e2e') OR instr(name, x'2f') > 0 OR "
       "instr(name, x'00') > 0",
       "names that cannot be names"},
      {"SELECT count(*) FROM name n JOIN path_run r ON r.first = (SELECT max(first) FROM path_run) "
       "WHERE n.path >= r.first + r.count",
       "names of paths that were never given out"},
      {"SELECT count(*) FROM (SELECT r.first + r.count AS next, "
       "lead(r.first) OVER (ORDER BY r.first) AS follower FROM path_run r) "
       "WHERE follower IS NOT NULL AND next <> follower",
       "gaps between runs of paths"},
      {"SELECT count(*) FROM version v LEFT JOIN content c ON c.id = v.content "
       "WHERE v.content IS NOT NULL AND c.id IS NULL",
       "versions without their content"},
      {"SELECT count(*) FROM version v WHERE v.path < 0 OR v.path >= "
       "(SELECT max(first + count) FROM path_run)",
       "versions of paths that were never given out"},
      {"SELECT count(*) FROM version v JOIN attribute a ON a.id = v.attribute "
       "WHERE v.path = 0 AND a.mode & 61440 <> 16384",
       "versions of the root that are no directory"},
  };
  std::string words;
  for (const Question& question : kQuestions) {
    Statement statement(database, question.query);
    statement.step();
    if (const std::int64_t count = statement.integer(0); count != 0) {
      words += std::to_string(count) + " " + question.complaint + "\n";
    }
  }
  return words;
}

std::string sql(std::initializer_list<std::string_view> pieces) {
  std::string text;
  for (const std::string_view piece : pieces) {
    text += piece;
  }
  return text;
}

}  // namespace mixtape::catalog
