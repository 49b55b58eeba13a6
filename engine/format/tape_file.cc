// SPDX-License-Identifier: Apache-2.0
#include "engine/format/tape_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/records.h"

namespace mixtape::format {

namespace {

// Plaintext handed from the decryptor to the disk at once: whole chunks, few system calls.
constexpr std::size_t kCopyBuffer = 16 * kChunk;

// A file that disappears unless it is kept.
class NewFile {
 public:
  explicit NewFile(const std::filesystem::path& path)
      : path_(path), fd_(tapeio::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600)) {}
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!kept_) {
      ::unlink(path_.c_str());
    }
  }

  void write(ByteView bytes) { tapeio::write_full(fd_.get(), bytes, path_); }
  void keep() { kept_ = true; }

 private:
  std::filesystem::path path_;
  tapeio::UniqueFd fd_;
  bool kept_ = false;
};

}  // namespace

TapeFile read_tape_file(tapeio::TapeDrive& drive, std::size_t record_size,
                        std::span<const Identity> identities, const std::filesystem::path& to,
                        std::uint64_t limit) {
  NewFile file(to);
  tapeio::RecordReader records(drive, record_size);
  AgeDecryptor plain(records,
                     [&](ByteView preamble) { return open_preamble(preamble, identities); });
  TapeFile found;
  Bytes buffer(kCopyBuffer);
  while (const std::size_t size = plain.read(buffer)) {
    found.plain_bytes += size;
    if (found.plain_bytes > limit) {
      throw Error(ErrorCode::corrupt, "read tape file into " + to.string() + ": longer than " +
                                          std::to_string(limit) + " bytes");
    }
    file.write(ByteView(buffer).first(size));
  }
  found.sealed_bytes = records.offset();
  file.keep();
  return found;
}

}  // namespace mixtape::format
