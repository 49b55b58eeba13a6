// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/medium_check.h"

#include <algorithm>
#include <optional>

#include "engine/archive/scratch_file.h"
#include "engine/catalog/snapshot.h"
#include "engine/format/age_stream.h"
#include "engine/format/archaeology.h"
#include "engine/format/tape_file.h"
#include "tapeio/error.h"
#include "tapeio/records.h"

namespace mixtape::archive {
namespace {

// An index is read into the scratch directory before it is believed: more than any catalog of ours
// has.
constexpr std::uint64_t kMostIndexBytes = 64 * GiB;

// More than any archaeology has, at 64 KiB a record.
constexpr std::uint64_t kMostArchaeologyRecords = 16 * KiB;

// What a tape file looks like from outside.
struct Shape {
  std::uint64_t records = 0;
  bool whole = false;  // A filemark ends it.
  bool last = false;   // Nothing stands behind that.
};

Shape shape_at_head(tapeio::TapeDrive& drive, std::uint64_t most_records = UINT64_MAX) {
  Bytes buffer(tapeio::kMaxRecordSize);
  Shape shape;
  while (shape.records < most_records) {
    switch (drive.read_record(buffer).kind) {
      case tapeio::ReadResult::Kind::record:
        ++shape.records;
        break;
      case tapeio::ReadResult::Kind::filemark:
        shape.whole = true;
        shape.last = drive.read_record(buffer).kind == tapeio::ReadResult::Kind::end_of_data;
        return shape;
      case tapeio::ReadResult::Kind::end_of_data:
        shape.last = true;
        return shape;
    }
  }
  return shape;
}

class MediumCheck {
 public:
  MediumCheck(const WriteContext& context, catalog::Ledger& ledger, const catalog::Medium& medium,
              tapeio::TapeDrive& drive, Reporter& reporter)
      : context_(context), ledger_(ledger), medium_(medium), drive_(drive), reporter_(reporter) {}

  AppendPoint run() {
    const std::vector<catalog::Bundle> bundles = ledger_.bundles(medium_.id);
    require_data(bundles.size());
    require_label();
    const catalog::Bundle* last = bundles.empty() ? nullptr : &bundles.back();
    if (last != nullptr) {
      require_bundle(*last);
    }
    const tapeio::Position position = drive_.position();
    const AppendPoint append{.block = position.block, .file = position.file};
    require_nothing_newer(append, last == nullptr ? 0 : last->number);
    return append;
  }

 private:
  [[noreturn]] void fail(ErrorCode code, const std::string& why) const {
    throw Error(code, "append to medium " + medium_.label + ": " + why);
  }

  [[noreturn]] void knows_more(const std::string& what) const {
    fail(ErrorCode::conflict,
         "it knows more than this catalog (" + what +
             "): nothing was written; run `mixtape recover --library URL --identity FILE`");
  }

  [[nodiscard]] std::string retire() const {
    return "run `mixtape media retire " + medium_.label + "` and write to another";
  }

  // What `read` throws, as a refusal of this medium.
  template <typename Read>
  auto readable(const std::string& what, Read read) const {
    try {
      return read();
    } catch (const Error& error) {
      const bool damaged = error.code() == ErrorCode::corrupt;
      fail(error.code(),
           what + " cannot be read (" + error.what() + ")" + (damaged ? "; " + retire() : ""));
    }
  }

  void require_data(std::size_t bundles) {
    if (bundles > 0 && is_blank(drive_, /*begun=*/false)) {
      fail(ErrorCode::conflict, "it is blank though the catalog has " + std::to_string(bundles) +
                                    (bundles == 1 ? " bundle" : " bundles") +
                                    " on it: put the right one back, or run `mixtape media "
                                    "retire " +
                                    medium_.label + "`");
    }
  }

  // Leaves the head at the beginning of tape file 1.
  void require_label() {
    drive_.rewind();
    {
      tapeio::RecordReader records(drive_, tapeio::kMaxRecordSize);
      const format::MediumLabel found =
          readable("its label", [&] { return format::parse_archaeology(records); });
      if (found.medium != medium_.uuid || found.catalog != ledger_.catalog_uuid()) {
        fail(ErrorCode::wrong_medium, "what is in the drive says that it is \"" + found.label +
                                          "\" (" + to_hex(found.medium) + "), not \"" +
                                          medium_.label + "\" (" + to_hex(medium_.uuid) +
                                          "): put the right one in");
      }
    }
    drive_.rewind();
    go_over(1, "its archaeology has no end; " + retire());
  }

  // Passes filemarks that must be there.
  void go_over(std::uint64_t filemarks, const std::string& otherwise) {
    if (drive_.space_filemarks(static_cast<std::int64_t>(filemarks)) != filemarks) {
      fail(ErrorCode::conflict, otherwise);
    }
  }

  // Leaves the head behind the filemark that ends the bundle's archive. The age header of the
  // archive, which nobody can guess, proves that it is the one that the catalog means.
  void require_bundle(const catalog::Bundle& bundle) {
    const std::string name = "bundle " + std::to_string(bundle.number);
    const std::string gone = name + " is not on it though the catalog says so; " + retire();
    go_over(bundle.index_file + 1 - drive_.position().file, gone);
    if (drive_.position().block != bundle.archive_block) {
      fail(ErrorCode::conflict, gone);
    }
    Bytes record(tapeio::kMaxRecordSize);
    const tapeio::ReadResult first = drive_.read_record(record);
    const ByteView header = bundle.archive_header;
    if (first.kind != tapeio::ReadResult::Kind::record || first.size < header.size() ||
        !std::equal(header.begin(), header.end(), record.begin())) {
      fail(ErrorCode::conflict, gone);
    }
    go_over(1, name + " has no end; " + retire());
    const std::uint64_t records =
        format::cipher_size(header.size(), bundle.plain_bytes) / medium_.record_size;
    if (drive_.position().block != *bundle.archive_block + records + 1) {
      fail(ErrorCode::conflict, name + " has another length than the catalog says; " + retire());
    }
  }

  void require_nothing_newer(const AppendPoint& append, std::uint64_t last_bundle) {
    const Shape shape = shape_at_head(drive_);
    if (!shape.whole) {
      return;  // Nothing, or what a power failure left of an index: nobody can read it.
    }
    if (context_.identities.empty()) {
      if (!shape.last && !ledger_.begun_at(medium_.id, append.file)) {
        knows_more("tape file " + std::to_string(append.file) + " is not its last");
      }
      reporter_.note("medium " + medium_.label +
                     ": checked by its label and shape only, no identity opens its last index");
      return;
    }
    const auto found = last_index(append, shape);
    if (!found) {
      return;
    }
    const catalog::IndexLabel& label = *found;
    if (label.catalog != ledger_.catalog_uuid() || label.medium != medium_.uuid) {
      fail(ErrorCode::wrong_medium, "its last index belongs to medium \"" + label.medium_label +
                                        "\" of another catalog: "
                                        "put the right one in");
    }
    if (label.sequence > ledger_.last_sequence()) {
      knows_more("its index " + std::to_string(label.sequence) + ", the catalog's " +
                 std::to_string(ledger_.last_sequence()));
    }
    if (label.role == catalog::IndexRole::bundle) {
      if (!label.bundle || !ledger_.bundle(*label.bundle)) {
        knows_more("a bundle behind number " + std::to_string(last_bundle));
      }
    } else if (label.last_bundle != last_bundle || !shape.last) {
      knows_more("bundle " + std::to_string(label.last_bundle));
    } else if (!ledger_.may_be_own_closing_index(medium_.id, label.sequence)) {
      knows_more("its closing index " + std::to_string(label.sequence) +
                 " was written by another copy of this catalog");
    }
  }

  // nullopt: our own, which was begun and is not whole. A program that was killed leaves one, which
  // Linux' st ends with a filemark: its shape shows nothing then.
  std::optional<catalog::IndexLabel> last_index(const AppendPoint& append, const Shape& shape) {
    try {
      return readable("its last index", [&] { return read_label_of_index(append); });
    } catch (const Error& error) {
      const bool is_unfinished =
          error.code() == ErrorCode::corrupt && shape.last &&
          (ledger_.begun_at(medium_.id, append.file) || ledger_.is_closing_index_begun(medium_.id));
      if (!is_unfinished) {
        throw;
      }
      return std::nullopt;
    }
  }

  catalog::IndexLabel read_label_of_index(const AppendPoint& append) {
    const ScratchFile file(context_.scratch / "last-index.sqlite");
    drive_.locate(append.block);
    (void)format::read_tape_file(drive_, medium_.record_size, context_.identities, file.path(),
                                 kMostIndexBytes);
    return catalog::label_of_index(file.path());
  }

  const WriteContext& context_;
  catalog::Ledger& ledger_;
  const catalog::Medium& medium_;
  tapeio::TapeDrive& drive_;
  Reporter& reporter_;
};

}  // namespace

bool is_blank(tapeio::TapeDrive& drive, bool begun) {
  drive.rewind();
  const Shape shape = shape_at_head(drive, begun ? kMostArchaeologyRecords : 1);
  return !shape.whole && shape.last && (begun || shape.records == 0);
}

AppendPoint check_medium(const WriteContext& context, catalog::Ledger& ledger,
                         const catalog::Medium& medium, tapeio::TapeDrive& drive,
                         Reporter& reporter) {
  return MediumCheck(context, ledger, medium, drive, reporter).run();
}

}  // namespace mixtape::archive
