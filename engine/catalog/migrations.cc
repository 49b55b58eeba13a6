// SPDX-License-Identifier: Apache-2.0
#include "engine/catalog/migrations.h"

#include <array>

#include "tapeio/error.h"

namespace mixtape::catalog {
namespace {

// Rows are kept small because the whole catalog travels on every medium (docs/catalog.md, "Size"):
// small numbers as keys, sets of attributes shared, hashes stored once with two bytes of them in
// the index.
constexpr std::string_view kCatalog1 = R"sql(
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE root(
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE
) STRICT;

CREATE TABLE job(
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 8388607),
  uuid BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  started INTEGER NOT NULL UNIQUE,
  finished INTEGER,
  command TEXT NOT NULL
) STRICT;

CREATE TABLE name(
  parent INTEGER NOT NULL,
  name BLOB NOT NULL,
  path INTEGER NOT NULL CHECK (path > parent),
  PRIMARY KEY (parent, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE path_run(
  first INTEGER PRIMARY KEY,
  parent INTEGER NOT NULL,
  count INTEGER NOT NULL
) STRICT;
CREATE INDEX path_run_parent ON path_run(parent);

CREATE TABLE attribute(
  id INTEGER PRIMARY KEY,
  mode INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  gid INTEGER NOT NULL,
  owner TEXT NOT NULL,
  grp TEXT NOT NULL,
  xattrs BLOB NOT NULL,
  root INTEGER NOT NULL REFERENCES root(id),
  nlink INTEGER NOT NULL,
  device INTEGER NOT NULL,
  synthetic INTEGER NOT NULL,
  UNIQUE (mode, uid, gid, root, nlink, device, synthetic, owner, grp, xattrs)
) STRICT;

CREATE TABLE content(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB,
  size INTEGER NOT NULL CHECK (size > 0),
  written INTEGER NOT NULL,
  nodes INTEGER NOT NULL
) STRICT;
CREATE INDEX content_size_hash ON content(size, substr(hash, 1, 2));

CREATE TABLE version(
  path INTEGER NOT NULL,
  first_job INTEGER NOT NULL REFERENCES job(id),
  last_job INTEGER REFERENCES job(id),
  content INTEGER,
  node INTEGER NOT NULL,
  attribute INTEGER NOT NULL REFERENCES attribute(id),
  mtime INTEGER NOT NULL,
  PRIMARY KEY (path, first_job)
) STRICT, WITHOUT ROWID;

CREATE TABLE symlink(
  path INTEGER NOT NULL,
  first_job INTEGER NOT NULL,
  target BLOB NOT NULL,
  PRIMARY KEY (path, first_job),
  FOREIGN KEY (path, first_job) REFERENCES version(path, first_job)
) STRICT, WITHOUT ROWID;

CREATE TABLE medium(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  label TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  record_size INTEGER NOT NULL,
  capacity INTEGER,
  state INTEGER NOT NULL,
  location TEXT NOT NULL,
  revision INTEGER NOT NULL
) STRICT;

CREATE TABLE bundle(
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  medium INTEGER NOT NULL REFERENCES medium(id),
  job INTEGER NOT NULL REFERENCES job(id),
  number INTEGER NOT NULL,
  index_file INTEGER NOT NULL,
  archive_block INTEGER,
  archive_header BLOB NOT NULL,
  plain_bytes INTEGER NOT NULL,
  state INTEGER NOT NULL,
  written INTEGER,
  first_content INTEGER NOT NULL,
  last_content INTEGER NOT NULL
) STRICT;
CREATE INDEX bundle_medium ON bundle(medium, number);

CREATE TABLE copy(
  content INTEGER NOT NULL REFERENCES content(id),
  bundle INTEGER NOT NULL REFERENCES bundle(id),
  block INTEGER NOT NULL,
  headers INTEGER NOT NULL,
  stored INTEGER,
  state INTEGER NOT NULL,
  verified INTEGER,
  PRIMARY KEY (content, bundle)
) STRICT, WITHOUT ROWID;

CREATE TABLE bundle_directory(
  bundle INTEGER NOT NULL REFERENCES bundle(id),
  path INTEGER NOT NULL,
  PRIMARY KEY (bundle, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE foreign_catalog(
  uuid BLOB PRIMARY KEY,
  directory BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

INSERT INTO root VALUES (0, x'');
INSERT INTO path_run VALUES (0, -1, 1);
PRAGMA application_id = 1297634384;
)sql";

constexpr std::string_view kState1 = R"sql(
CREATE TABLE state.source(
  path INTEGER PRIMARY KEY,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  ctime INTEGER NOT NULL,
  readable INTEGER NOT NULL
) STRICT;

CREATE TABLE state.early_hash(
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime INTEGER NOT NULL,
  ctime INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (device, inode, size, mtime, ctime)
) STRICT, WITHOUT ROWID;
)sql";

// Media that a recovery told of, and whose own label this machine has not read since.
constexpr std::string_view kState2 = R"sql(
CREATE TABLE state.unseen(
  medium BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
)sql";

// What drives told of themselves and of the media in them when a job was done with them.
constexpr std::string_view kState3 = R"sql(
CREATE TABLE state.health(
  medium BLOB NOT NULL,
  serial TEXT NOT NULL,
  taken INTEGER NOT NULL,
  drive TEXT NOT NULL,
  alerts TEXT NOT NULL,
  cleaning INTEGER,
  corrected_reads INTEGER,
  uncorrected_reads INTEGER,
  corrected_writes INTEGER,
  uncorrected_writes INTEGER,
  repositions INTEGER,
  underruns INTEGER,
  loads INTEGER,
  mebibytes_written INTEGER,
  mebibytes_read INTEGER,
  last_drives TEXT NOT NULL,
  capacity INTEGER,
  remaining INTEGER,
  PRIMARY KEY (medium, serial, taken)
) STRICT, WITHOUT ROWID;
)sql";

// What was found wrong with a copy, and when: of the member at this block of the bundle's archive.
constexpr std::string_view kState4 = R"sql(
CREATE TABLE state.damage(
  bundle BLOB NOT NULL,
  block INTEGER NOT NULL,
  found INTEGER NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (bundle, block)
) STRICT, WITHOUT ROWID;
)sql";

// How long a drive took to position tapes of a generation, beside what its model says; in
// milliseconds.
constexpr std::string_view kState5 = R"sql(
CREATE TABLE state.locate(
  drive TEXT NOT NULL,
  generation INTEGER NOT NULL,
  way INTEGER NOT NULL,
  number INTEGER NOT NULL,
  predicted INTEGER NOT NULL,
  actual INTEGER NOT NULL,
  PRIMARY KEY (drive, generation, number)
) STRICT, WITHOUT ROWID;
)sql";

// What was read again of a medium, when and with which drive.
constexpr std::string_view kState6 = R"sql(
CREATE TABLE state.verification(
  medium BLOB NOT NULL,
  taken INTEGER NOT NULL,
  drive TEXT NOT NULL,
  scope INTEGER NOT NULL,
  complete INTEGER NOT NULL,
  copies INTEGER NOT NULL,
  damaged INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  PRIMARY KEY (medium, taken)
) STRICT, WITHOUT ROWID;
)sql";

// What is to be brought into the cache; numbers are never given twice.
constexpr std::string_view kState7 = R"sql(
CREATE TABLE state.wanted(
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  content INTEGER NOT NULL,
  size INTEGER NOT NULL,
  hash BLOB,
  path BLOB NOT NULL
) STRICT;
)sql";

// What was counted over the whole catalog, and of which state of it.
constexpr std::string_view kState8 = R"sql(
CREATE TABLE state.counted(
  what TEXT PRIMARY KEY,
  as_of TEXT NOT NULL,
  counts TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// What scans of archives could not read of a medium, by tape file, and the names that were told.
constexpr std::string_view kState9 = R"sql(
CREATE TABLE state.scan_loss(
  medium BLOB NOT NULL,
  file INTEGER NOT NULL,
  what INTEGER NOT NULL,
  found INTEGER NOT NULL,
  files INTEGER NOT NULL,
  gaps INTEGER NOT NULL,
  PRIMARY KEY (medium, file)
) STRICT, WITHOUT ROWID;

CREATE TABLE state.lost_name(
  medium BLOB NOT NULL,
  file INTEGER NOT NULL,
  name BLOB NOT NULL,
  PRIMARY KEY (medium, file, name)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array kCatalogSteps{kCatalog1};
constexpr std::array kStateSteps{kState1, kState2, kState3, kState4, kState5,
                                 kState6, kState7, kState8, kState9};
static_assert(kCatalogApplicationId == 1297634384, "the number in the text of step 1");

}  // namespace

std::span<const std::string_view> catalog_steps() {
  return kCatalogSteps;
}
std::span<const std::string_view> state_steps() {
  return kStateSteps;
}

std::size_t schema_version(Database& database, std::string_view schema) {
  Statement query(database, "PRAGMA " + std::string(schema) + ".user_version");
  query.step();
  const std::int64_t version = query.integer(0);
  if (version < 0) {
    throw Error(ErrorCode::corrupt,
                "read the schema version of the database: " + std::to_string(version));
  }
  return static_cast<std::size_t>(version);
}

void refuse_newer(Database& database, std::string_view schema,
                  std::span<const std::string_view> steps, std::string_view what) {
  const std::size_t version = schema_version(database, schema);
  if (version > steps.size()) {
    throw Error(ErrorCode::unsupported, "open " + std::string(what) + ": its schema is version " +
                                            std::to_string(version) +
                                            ", this program knows up to " +
                                            std::to_string(steps.size()) + "; use a newer program");
  }
}

void migrate(Database& database, std::string_view schema, std::span<const std::string_view> steps,
             std::string_view what) {
  refuse_newer(database, schema, steps, what);
  if (schema_version(database, schema) == steps.size()) {
    return;
  }
  Transaction transaction(database);
  // Another process may have migrated while this one waited for the lock.
  refuse_newer(database, schema, steps, what);
  for (std::size_t step = schema_version(database, schema); step < steps.size(); ++step) {
    database.execute(std::string(steps[step]));
  }
  database.execute("PRAGMA " + std::string(schema) +
                   ".user_version = " + std::to_string(steps.size()));
  transaction.commit();
}

std::string schema_text(Database& database) {
  Statement query(database,
                  "SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name");
  std::string text;
  while (query.step()) {
    text += query.text(0) + ";\n";
  }
  return text;
}

}  // namespace mixtape::catalog
