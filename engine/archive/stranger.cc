// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/stranger.h"

#include <array>
#include <optional>
#include <string_view>

#include "engine/format/archaeology.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::archive {
namespace {

constexpr std::string_view kUnknown = "data of a kind that Mixtape does not know";

// What stands at a fixed place of the first record.
struct Mark {
  std::size_t offset;
  std::string_view text;
  std::string_view what;
};

// The first that fits decides. An LTFS volume begins with an ANSI volume label whose implementation
// identifier says so; other systems have the same label without it.
constexpr std::array kMarks{
    Mark{24, "LTFS", "an LTFS volume"},
    Mark{0, "VOL1", "a volume with an ANSI label (CTA, Bareos or a mainframe)"},
    Mark{0, "AMANDA: TAPESTART", "a tape of Amanda's"},
    Mark{12, "BB02", "a volume of Bacula's or Bareos's"},
    Mark{12, "BB01", "a volume of Bacula's or Bareos's"},
    Mark{257, "ustar", "a tar archive"},
    Mark{0, "070701", "a cpio archive"},
    Mark{0, "070707", "a cpio archive"},
    Mark{0, "age-encryption.org/v1", "something encrypted with age"},
    Mark{0, "TAPE", "a tape of Windows NT Backup's"},
    Mark{0, "\x1f\x8b", "something compressed with gzip"},
    Mark{0, "\x28\xb5\x2f\xfd", "something compressed with zstd"},
};

// Nullopt when the medium does not begin as one of ours.
std::optional<std::string> name_of_mixtape_medium(tapeio::TapeDrive& drive) {
  drive.rewind();
  tapeio::RecordReader records(drive, tapeio::kMaxRecordSize);
  try {
    return "medium " + format::parse_archaeology(records).label + " of another Mixtape catalog";
  } catch (const Error& error) {
    return error.code() == ErrorCode::unsupported
               ? std::optional<std::string>("a medium of a newer Mixtape")
               : std::nullopt;
  }
}

}  // namespace

std::string describe_stranger(tapeio::TapeDrive& drive) {
  if (auto name = name_of_mixtape_medium(drive)) {
    return *name;
  }
  drive.rewind();
  Bytes record(tapeio::kMaxRecordSize);
  std::size_t size = 0;
  try {
    const tapeio::ReadResult first = drive.read_record(record);
    if (first.kind == tapeio::ReadResult::Kind::end_of_data) {
      return "nothing";
    }
    size = first.size;
  } catch (const Error&) {
    return "something that cannot be read";
  }
  const std::string_view text = as_text(ByteView(record).first(size));
  for (const Mark& mark : kMarks) {
    if (text.size() > mark.offset && text.substr(mark.offset).starts_with(mark.text)) {
      return std::string(mark.what);
    }
  }
  return std::string(kUnknown);
}

}  // namespace mixtape::archive
