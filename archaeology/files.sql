-- SPDX-License-Identifier: Apache-2.0
-- Questions to an index (tape-format.md, "Index"), as views that exist only while it is open:
--
--   sqlite3 -readonly -init files.sql index.sqlite "SELECT path, size FROM latest"
--
--   latest    the tree as it was when the index was written
--   history   every version of every path, oldest first
--   places    where each version's data are: medium, archive (number of the tape file), offset and
--             length of its tar member in the decrypted archive
--   media     which media there are, and where

-- Views and functions of the index itself do not run.
PRAGMA trusted_schema = OFF;

-- Worked out once and looked up by number: as a view it would be walked again for each version.
CREATE TEMP TABLE paths (id INTEGER PRIMARY KEY, path TEXT);
INSERT INTO temp.paths
WITH RECURSIVE tree(id, path) AS (
  SELECT 0, ''
  UNION ALL
  SELECT name.path, CASE tree.id WHEN 0 THEN '' ELSE tree.path || '/' END || CAST(name.name AS TEXT)
  FROM tree JOIN name ON name.parent = tree.id
)
SELECT id, path FROM tree;

-- The bundle whose archive follows this index, which did not know what would become of it: how many
-- bytes the decrypted archive has. NULL: not known. Without a row it was not written to its end.
CREATE TEMP TABLE following AS
SELECT bundle.id, CAST(NULL AS INTEGER) AS bytes
FROM bundle WHERE bundle.uuid = (SELECT bundle FROM tape_file) AND bundle.state <> 1;

-- Written bundles, and that one.
CREATE TEMP VIEW bundles AS
SELECT bundle.id, bundle.index_file + 1 AS archive, medium.label AS medium,
       medium.uuid AS medium_uuid
FROM bundle JOIN medium ON medium.id = bundle.medium
WHERE bundle.state = 1 OR bundle.id IN (SELECT id FROM following);

-- Copies in them. One that was cut at the end of its medium has only what it reaches.
CREATE TEMP VIEW existing_copy AS
SELECT copy.* FROM copy JOIN content ON content.id = copy.content
LEFT JOIN following ON following.id = copy.bundle
WHERE following.bytes IS NULL
   OR (copy.block + copy.headers) * 512 + coalesce(copy.stored, content.size) <= following.bytes;

CREATE TEMP VIEW versions AS
SELECT version.path AS id, version.first_job, version.last_job, version.content, version.mtime,
       attribute.mode, attribute.uid, attribute.gid, attribute.owner, attribute.grp,
       coalesce(content.size, 0) AS size, content.hash, symlink.target
FROM version
JOIN attribute ON attribute.id = version.attribute
LEFT JOIN content ON content.id = version.content
LEFT JOIN symlink ON symlink.path = version.path AND symlink.first_job = version.first_job
WHERE version.content IS NULL OR content.written = 1
   OR EXISTS (SELECT 1 FROM existing_copy JOIN following ON following.id = existing_copy.bundle
              WHERE existing_copy.content = version.content);

CREATE TEMP VIEW history AS
SELECT paths.path, datetime(job.started, 'unixepoch') AS version, versions.size,
       datetime(versions.mtime / 1000000000, 'unixepoch') AS modified,
       printf('%04o', versions.mode & 4095) AS mode, versions.owner, versions.grp,
       lower(hex(versions.hash)) AS hash, versions.last_job IS NULL AS present,
       versions.id AS id, versions.first_job AS first_job
FROM versions JOIN paths ON paths.id = versions.id JOIN job ON job.id = versions.first_job
WHERE paths.path <> ''
ORDER BY versions.id, versions.first_job;

CREATE TEMP VIEW latest AS
SELECT * FROM history
WHERE present
  AND first_job = (SELECT max(first_job) FROM versions WHERE versions.id = history.id);

CREATE TEMP VIEW places AS
SELECT history.path, history.version, bundles.medium, bundles.archive,
       copy.block * 512 AS offset,
       copy.headers * 512 + (coalesce(copy.stored, content.size) + 511) / 512 * 512 AS length,
       history.size, history.hash, history.id, history.first_job, bundles.medium_uuid
FROM history
JOIN version ON version.path = history.id AND version.first_job = history.first_job
JOIN content ON content.id = version.content
JOIN existing_copy AS copy ON copy.content = content.id AND copy.state = 0
JOIN bundles ON bundles.id = copy.bundle
ORDER BY history.id, history.first_job;

CREATE TEMP VIEW media AS
SELECT label, kind, lower(hex(uuid)) AS uuid, location,
       CASE state WHEN 0 THEN 'active' WHEN 1 THEN 'full' WHEN 2 THEN 'retired' ELSE 'lost' END
         AS state
FROM medium ORDER BY label;
