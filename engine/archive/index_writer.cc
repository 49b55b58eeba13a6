// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/index_writer.h"

#include <fcntl.h>

#include <algorithm>

#include "engine/archive/medium_writer.h"
#include "engine/format/age_stream.h"
#include "engine/format/tape_file.h"
#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/records.h"

namespace mixtape::archive {
namespace {

constexpr std::size_t kPiece = 16 * format::kChunk;

// Passes bytes on and remembers what they were.
class DigestingSink final : public ByteSink {
 public:
  explicit DigestingSink(ByteSink& out) : out_(out) {}
  void write(ByteView bytes) override {
    hasher_.update(bytes);
    out_.write(bytes);
  }
  void finish() override { out_.finish(); }
  format::Digest digest() { return hasher_.finish(); }

 private:
  ByteSink& out_;
  format::Hasher hasher_;
};

// Calls `each` with the pieces of the file and the zeros that pad it to `size`.
template <typename Each>
void for_each_piece(const std::filesystem::path& path, std::uint64_t size, Each each) {
  const tapeio::UniqueFd fd = tapeio::open_file(path, O_RDONLY);
  Bytes piece(kPiece);
  for (std::uint64_t done = 0; done < size;) {
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size - done));
    const MutableBytes into = MutableBytes(piece).first(count);
    const std::size_t got = tapeio::read_full(fd.get(), into, path);
    std::ranges::fill(into.subspan(got), std::byte{});
    each(ByteView(into));
    done += count;
  }
}

}  // namespace

IndexWriter::IndexWriter(const WriteContext& context, const catalog::IndexLabel& label)
    : context_(context), label_(label), file_(context.scratch / "next-index.sqlite") {
  catalog::export_index(context.database, label, file_.path());
  file_bytes_ = std::filesystem::file_size(file_.path());
  preamble_bytes_ = preamble_size(context);
  sealed_bytes_ = format::cipher_size(
      preamble_bytes_, format::padded_plain_size(preamble_bytes_, file_bytes_, label.record_size));
}

IndexWriter::Written IndexWriter::write(tapeio::TapeDrive& drive) {
  const format::AgePreamble preamble = format::make_preamble(context_.recipients);
  MIXTAPE_ASSERT(preamble.bytes.size() == preamble_bytes_);
  drive.name_next_file("index.sqlite.age");
  tapeio::RecordWriter records(drive, label_.record_size);
  DigestingSink digesting(records);
  format::AgeEncryptor age(preamble, digesting);
  for_each_piece(file_.path(),
                 format::padded_plain_size(preamble_bytes_, file_bytes_, label_.record_size),
                 [&](ByteView piece) { age.write(piece); });
  age.finish();
  if (!records.reached_end()) {
    records.finish();  // What was cut off gets no filemark: a tape file that has one exists.
  }
  sealed_digest_ = digesting.digest();
  return {.exists = records.has_filemark() && !records.reached_end(),
          .early_warning = records.early_warning() || records.reached_end()};
}

void IndexWriter::read_back(tapeio::TapeDrive& drive, std::uint64_t block) const {
  const auto differs = [&] {
    throw Error(ErrorCode::corrupt, "read the index back from medium " + label_.medium_label +
                                        ": it is not what was written");
  };
  drive.locate(block);
  if (context_.identities.empty()) {
    tapeio::RecordReader records(drive, label_.record_size);
    format::Hasher hasher;
    Bytes piece(kPiece);
    while (const std::size_t got = records.read(piece)) {
      hasher.update(ByteView(piece).first(got));
    }
    if (hasher.finish() != sealed_digest_) {
      differs();
    }
    return;
  }
  const std::uint64_t plain =
      format::padded_plain_size(preamble_bytes_, file_bytes_, label_.record_size);
  const ScratchFile back(context_.scratch / "index-read-back.sqlite");
  const format::TapeFile found =
      format::read_tape_file(drive, label_.record_size, context_.identities, back.path(), plain);
  const tapeio::UniqueFd fd = tapeio::open_file(back.path(), O_RDONLY);
  Bytes read(kPiece);
  for_each_piece(file_.path(), plain, [&](ByteView piece) {
    const MutableBytes into = MutableBytes(read).first(piece.size());
    if (tapeio::read_full(fd.get(), into, back.path()) != piece.size() ||
        !std::ranges::equal(piece, into)) {
      differs();
    }
  });
  if (found.plain_bytes != plain ||
      catalog::label_of_index(back.path()).sequence != label_.sequence) {
    differs();
  }
}

}  // namespace mixtape::archive
