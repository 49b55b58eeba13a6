// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/index_check.h"

#include <span>
#include <string>

#include "engine/catalog/merge.h"
#include "engine/catalog/rows.h"
#include "tapeio/error.h"
#include "tapeio/library.h"

namespace mixtape::catalog {
namespace {

constexpr std::int64_t kMinRecordSize = 64 * 1024;
constexpr std::int64_t kMostRecordSize = 4 * 1024 * 1024;
constexpr std::int64_t kRecordUnit = 512;

// Of numbers that are given out one after the other so many are left, whatever an index says.
constexpr std::int64_t kLastJob = kMaxJobs - (std::int64_t{1} << 20);
constexpr std::int64_t kLastPath = kMaxPaths / 2;
constexpr std::int64_t kLastContent = kInodesWithoutContent / kNodesPerContent / 2;
constexpr std::int64_t kMostBlocks = kMostCounted / 512;

struct Range {
  std::string_view table, column;
  std::int64_t low, high;
};
// The types, and what may not be NULL, are the schema's to check; NULL is in every range.
constexpr Range kRanges[] = {
    {"root", "id", 0, kMostCounted},
    {"job", "id", 1, kLastJob},
    {"job", "kind", 1, 4},
    {"job", "started", 0, kLastSecond},
    {"job", "finished", 0, kLastSecond},
    {"path_run", "first", 0, kLastPath},
    {"path_run", "count", 1, kLastPath},
    {"attribute", "id", 1, kMostCounted},
    {"attribute", "mode", 0, 0177777},
    {"attribute", "uid", 0, UINT32_MAX},
    {"attribute", "gid", 0, UINT32_MAX},
    {"attribute", "nlink", 0, UINT32_MAX},
    {"attribute", "synthetic", 0, 1},
    {"content", "id", 1, kLastContent},
    {"content", "size", 1, kMostCounted},
    {"content", "written", 0, 1},
    {"content", "nodes", 0, kMostCounted},
    {"sqlite_sequence", "seq", 0, kLastContent},
    {"version", "node", 0, INT64_MAX},
    {"medium", "id", 1, kMostCounted},
    {"medium", "record_size", kMinRecordSize, kMostRecordSize},
    {"medium", "capacity", 0, kMostCounted},
    {"medium", "state", 0, 3},
    {"medium", "revision", 0, kMostCounted},
    {"bundle", "id", 1, kMostCounted},
    {"bundle", "number", 1, kMostCounted},
    {"bundle", "index_file", 1, kMostCounted},
    {"bundle", "archive_block", 1, kMostCounted},
    {"bundle", "plain_bytes", 0, kMostCounted},
    {"bundle", "state", 0, 2},
    {"bundle", "written", 0, kLastSecond},
    {"copy", "block", 0, kMostBlocks},
    {"copy", "headers", 0, kMostBlocks},
    {"copy", "stored", 0, kMostCounted},
    {"copy", "state", 0, 1},
    {"copy", "verified", 0, kLastSecond},
    {"bundle_directory", "path", 0, kLastPath},
};

struct Question {
  std::string_view rows, complaint;  // Rows that may not be there: "FROM ... WHERE ...".
};
constexpr Question kQuestions[] = {
    {"FROM job WHERE length(uuid) <> 16", "jobs without a uuid"},
    {"FROM path_run WHERE parent >= first OR (parent < 0) <> (first = 0)",
     "paths that are not below their parent"},
    {"FROM name WHERE length(name) > 255", "names that are too long"},
    {"FROM sqlite_sequence WHERE typeof(seq) <> 'integer'", "counts that are none"},
    {"FROM content WHERE length(hash) <> 32", "hashes of another length"},
    {"FROM medium WHERE length(uuid) <> 16", "media without a uuid"},
    {"FROM medium WHERE record_size % 512 <> 0", "record sizes that no medium has"},
    {"FROM medium WHERE length(kind) NOT BETWEEN 1 AND 16 OR kind GLOB '*[^a-z]*'",
     "media of no kind"},
    {"FROM bundle WHERE length(uuid) <> 16", "bundles without a uuid"},
    {"FROM bundle WHERE length(archive_header) > 1048576", "archive headers that are too long"},
    {"FROM bundle WHERE state = 1 AND archive_block IS NULL", "written bundles without a place"},
    {"FROM foreign_catalog WHERE length(uuid) <> 16 OR length(directory) > 255 OR "
     "substr(directory, 1, 1) <> x'40' OR instr(directory, x'2f') > 0 OR instr(directory, x'00') "
     "> 0",
     "other catalogs without a directory"},
};

std::string outside_ranges(Database& index, std::span<const Range> of_one_table) {
  std::string query = "SELECT ";
  for (const Range& range : of_one_table) {
    query += sql({&range == of_one_table.data() ? "" : ", ", "min(", range.column, "), max(",
                  range.column, ")"});
  }
  Statement limits(index, query + sql({" FROM ", of_one_table.front().table}));
  limits.step();
  int column = 0;
  for (const Range& range : of_one_table) {
    const std::int64_t low = limits.maybe_integer(column).value_or(range.low);
    const std::int64_t high = limits.maybe_integer(column + 1).value_or(range.high);
    if (low < range.low || high > range.high) {
      return sql({range.table, ".", range.column, " is ",
                  std::to_string(low < range.low ? low : high), " somewhere, not from ",
                  std::to_string(range.low), " to ", std::to_string(range.high)});
    }
    column += 2;
  }
  return "";
}

std::string check_ranges(Database& index) {
  std::span<const Range> rest(kRanges);
  while (!rest.empty()) {
    std::size_t same = 1;
    while (same < rest.size() && rest[same].table == rest.front().table) {
      ++same;
    }
    if (const std::string words = outside_ranges(index, rest.first(same)); !words.empty()) {
      return words;
    }
    rest = rest.subspan(same);
  }
  return "";
}

// What the catalog says about itself: three facts, each of its type.
std::string check_facts(Database& index) {
  Statement facts(
      index,
      "SELECT count(*) FROM meta WHERE (key = 'uuid' AND typeof(value) = 'blob' AND length(value) "
      "= 16) OR (key = 'name' AND typeof(value) = 'text' AND length(CAST(value AS BLOB)) < 200) OR "
      "(key = 'sequence' AND typeof(value) = 'integer' AND value BETWEEN 0 AND ?)");
  facts.bind(1, kMostCounted).step();
  return facts.integer(0) == 3 ? "" : "its uuid, name or sequence makes no sense";
}

std::string check_values(Database& index) {
  for (const Question& question : kQuestions) {
    Statement count(index, sql({"SELECT count(*) ", question.rows}));
    count.step();
    if (count.integer(0) != 0) {
      return sql({std::to_string(count.integer(0)), " ", question.complaint});
    }
  }
  Statement media(index, "SELECT label, uuid FROM medium");
  while (media.step()) {
    if (!is_possible_label(media.text(0), uuid_from(media.blob(1)))) {
      return "a medium whose label is none";
    }
  }
  Statement attributes(index, "SELECT xattrs FROM attribute");
  while (attributes.step()) {
    (void)decode_xattrs(attributes.blob(0));
  }
  return "";
}

std::string check_keys(Database& index) {
  Statement keys(index, "PRAGMA main.foreign_key_check");
  return keys.step() ? "table " + keys.text(0) + " refers to a missing row of " + keys.text(2) : "";
}

}  // namespace

bool is_possible_record_size(std::int64_t bytes) {
  return bytes >= kMinRecordSize && bytes <= kMostRecordSize && bytes % kRecordUnit == 0;
}

bool is_possible_label(std::string_view label, const Uuid& medium) {
  return tapeio::is_valid_label(unmarked(std::string(label), medium));
}

void require_sound(Database& index, const std::filesystem::path& file) {
  for (const auto& check : {check_ranges, check_facts, check_values, check_tree, check_keys}) {
    if (const std::string words = check(index); !words.empty()) {
      throw Error(ErrorCode::corrupt, "recover the catalog from " + file.string() + ": " +
                                          words.substr(0, words.find('\n')));
    }
  }
}

}  // namespace mixtape::catalog
