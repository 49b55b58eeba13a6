CREATE INDEX bundle_medium ON bundle(medium, number);
CREATE INDEX content_size_hash ON content(size, substr(hash, 1, 2));
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
CREATE TABLE bundle_directory(
  bundle INTEGER NOT NULL REFERENCES bundle(id),
  path INTEGER NOT NULL,
  PRIMARY KEY (bundle, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE content(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB,
  size INTEGER NOT NULL CHECK (size > 0),
  written INTEGER NOT NULL,
  nodes INTEGER NOT NULL
) STRICT;
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
CREATE TABLE foreign_catalog(
  uuid BLOB PRIMARY KEY,
  directory BLOB NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
CREATE TABLE job(
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 8388607),
  uuid BLOB NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  started INTEGER NOT NULL UNIQUE,
  finished INTEGER,
  command TEXT NOT NULL
) STRICT;
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
CREATE TABLE meta(
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;
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
CREATE TABLE root(
  id INTEGER PRIMARY KEY,
  path BLOB NOT NULL UNIQUE
) STRICT;
CREATE TABLE sqlite_sequence(name,seq);
CREATE TABLE symlink(
  path INTEGER NOT NULL,
  first_job INTEGER NOT NULL,
  target BLOB NOT NULL,
  PRIMARY KEY (path, first_job),
  FOREIGN KEY (path, first_job) REFERENCES version(path, first_job)
) STRICT, WITHOUT ROWID;
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
