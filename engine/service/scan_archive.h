// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/catalog/scanned.h"
#include "engine/format/tar.h"
#include "engine/progress/reporter.h"
#include "engine/service/archive_pass.h"

// What an archive holds, learnt from its tar members alone.
//
// Of what is damaged nothing is taken: a member whose data are damaged is named, and reading goes
// on with the member behind it, whose place its header told. Where a header itself is damaged, what
// follows is passed over up to the next header that this program writes (format::begins_member),
// or to a plain one that may stand behind what was read before, and that is told too.
//
// Everything read is untrusted: a member that no catalog can hold (a name that is too long, a size
// beyond every medium) is told and left out. A hole costs no byte of the archive, and still its
// zeros are hashed: of one archive that is done for 16 TiB of holes, which takes some hours;
// members with more than is left of that are told and left out.
//
// Threads: none.
// Errors:  throws what ArchivePass throws when it is the drive that fails, what the draft throws,
//          and Error{cancelled}.

namespace mixtape::service {

struct ScannedArchive {
  std::uint64_t members = 0;       // Taken: files, directories and all else.
  std::uint64_t damaged = 0;       // Named as damaged.
  std::uint64_t gaps = 0;          // Places where nobody knows what stood there.
  std::vector<std::string> names;  // Of the first of the damaged.
};

class ArchiveScan {
 public:
  // `name` for people: "medium MX0001, tape file 4".
  ArchiveScan(ArchivePass& pass, catalog::ScannedMedium& into, Reporter& reporter,
              std::string name);
  // `start`: what was read of the archive already, whole blocks. Where not one member can be told,
  // nothing is said.
  [[nodiscard]] ScannedArchive run(Bytes start);

 private:
  struct Blocks;  // A source that gives the blocks that were read already first.
  // A file whose data are being read, and where the member behind it begins.
  struct UnderWay {
    std::string name;
    std::uint64_t next;
  };

  [[nodiscard]] bool walk(Bytes start);
  void take(format::TarReader& tar, const format::TarReader::Found& found, std::uint64_t begin);
  [[nodiscard]] std::optional<catalog::ScannedMedium::Content> read(
      format::TarReader& tar, const format::TarReader::Found& found, std::uint64_t begin);
  // The next block with which a member begins; empty at the end of the archive.
  [[nodiscard]] Bytes search();
  [[nodiscard]] bool follows(ByteView block) const;
  // Counts the holes of a member; false: it was one too many, and is told.
  [[nodiscard]] bool has_room_for_holes(const format::TarMember& member);
  void tell_damaged(const std::string& name, const std::string& why);
  void tell(const std::string& line);

  ArchivePass& pass_;
  catalog::ScannedMedium& into_;
  Reporter& reporter_;
  const std::string name_;
  ScannedArchive result_;
  std::optional<UnderWay> under_way_;
  std::string last_;  // The last member whose header was read.
  bool last_is_directory_ = false;
  Bytes buffer_;
  std::uint64_t told_ = 0;
  std::uint64_t hole_bytes_ = 0;  // Of the members so far.
};

}  // namespace mixtape::service
