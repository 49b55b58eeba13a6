// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>

#include "engine/format/age_armor.h"
#include "engine/format/age_stream.h"
#include "tapeio/error.h"

namespace mixtape::format {

namespace {

constexpr std::size_t kHeaderStep = 4 * KiB;
constexpr std::size_t kTag = kSealedChunk - kChunk;

[[noreturn]] void refuse(const std::string& why) {
  throw AgeError(AgeFailure::payload, "decrypt age payload: " + why);
}

// A source whose next bytes can be looked at before they are taken.
class Lookahead final : public ByteSource {
 public:
  explicit Lookahead(ByteSource& in) : in_(in) {}

  [[nodiscard]] ByteView ahead() const { return ByteView(bytes_).subspan(taken_); }

  // Some more bytes behind ahead(); false at the end of the input.
  bool look_further() {
    const std::size_t before = bytes_.size();
    bytes_.resize(before + kHeaderStep);
    const std::size_t got = in_.read(MutableBytes(bytes_).subspan(before));
    bytes_.resize(before + got);
    return got > 0;
  }

  std::size_t read(MutableBytes into) override {
    if (ahead().empty()) {
      return in_.read(into);
    }
    const std::size_t size = std::min(into.size(), ahead().size());
    std::copy_n(ahead().begin(), size, into.begin());
    taken_ += size;
    return size;
  }

 private:
  ByteSource& in_;
  Bytes bytes_;
  std::size_t taken_ = 0;
};

// Fills `into` unless the input ends first.
std::size_t read_full(ByteSource& from, MutableBytes into) {
  std::size_t size = 0;
  while (size < into.size()) {
    const std::size_t got = from.read(into.subspan(size));
    if (got == 0) {
      break;
    }
    size += got;
  }
  return size;
}

}  // namespace

struct AgeDecryptor::Impl {
  enum class Place { at_header, in_payload, after_last_chunk, at_end };

  Lookahead raw;
  std::optional<ArmorReader> armor;    // Over `raw`.
  std::optional<Lookahead> unarmored;  // Over `armor`.
  Lookahead* age = &raw;               // The age file proper.

  OpenPreamble open;
  const bool allow_armor;
  Place place = Place::at_header;
  bool failed = false;

  std::optional<Secret> payload_key;
  std::uint64_t index = 0;
  Bytes sealed = Bytes(kSealedChunk);
  Bytes plain;      // For readers who ask for less than a chunk.
  ByteView unread;  // Of `plain`.

  Impl(ByteSource& in, OpenPreamble opener, bool armor_allowed)
      : raw(in), open(std::move(opener)), allow_armor(armor_allowed) {}

  void choose_armor();
  void read_header();
  std::size_t next_chunk(MutableBytes into);
  void open_next(ByteView box, MutableBytes into);
  std::size_t read_some(MutableBytes into);
};

void AgeDecryptor::Impl::choose_armor() {
  while (raw.ahead().size() < kArmorProbe && raw.look_further()) {
  }
  if (looks_armored(raw.ahead())) {
    armor.emplace(raw);
    unarmored.emplace(*armor);
    age = &*unarmored;
  }
}

void AgeDecryptor::Impl::read_header() {
  if (allow_armor) {
    choose_armor();
  }
  std::optional<std::size_t> header;
  while (!(header = header_size(age->ahead()))) {
    if (!age->look_further()) {
      throw AgeError(AgeFailure::header, "read age header: the file ends inside it");
    }
  }
  const std::size_t wanted = *header + kAgeNonceSize;
  while (age->ahead().size() < wanted && age->look_further()) {
  }
  // A nonce cut short goes to `open` all the same: that the file is for somebody else, or that its
  // header was changed, comes first.
  Bytes preamble(std::min(wanted, age->ahead().size()));
  (void)read_full(*age, preamble);
  payload_key = open(preamble).payload_key;
  if (preamble.size() < wanted) {
    throw AgeError(AgeFailure::header, "read age header: the file ends before the payload nonce");
  }
}

// A short chunk can only be the last. A full one is, in all files but one of 65,536, not the last.
void AgeDecryptor::Impl::open_next(ByteView box, MutableBytes into) {
  if (box.size() == kSealedChunk && try_open_chunk(*payload_key, index, false, box, into)) {
    return;
  }
  open_chunk(*payload_key, index, true, box, into);
  place = Place::after_last_chunk;
}

std::size_t AgeDecryptor::Impl::next_chunk(MutableBytes into) {
  const std::size_t size = read_full(*age, sealed);
  if (size == 0) {
    refuse("the file ends without a final chunk");
  }
  if (size < kTag || (size == kTag && index > 0)) {
    refuse("the file ends inside a chunk, or in an empty one");
  }
  const std::size_t plain_size = size - kTag;
  const ByteView box = ByteView(sealed).first(size);
  if (into.size() >= plain_size) {
    open_next(box, into.first(plain_size));
    ++index;
    return plain_size;
  }
  plain.resize(kChunk);
  open_next(box, MutableBytes(plain).first(plain_size));
  ++index;
  unread = ByteView(plain).first(plain_size);
  return 0;
}

std::size_t AgeDecryptor::Impl::read_some(MutableBytes into) {
  while (true) {
    if (!unread.empty()) {
      const std::size_t size = std::min(into.size(), unread.size());
      std::copy_n(unread.begin(), size, into.begin());
      unread = unread.subspan(size);
      return size;
    }
    switch (place) {
      case Place::at_header:
        read_header();
        place = Place::in_payload;
        break;
      case Place::in_payload:
        if (const std::size_t size = next_chunk(into); size > 0) {
          return size;
        }
        break;
      case Place::after_last_chunk:
        if (std::byte more{}; age->read({&more, 1}) > 0) {
          refuse("bytes follow the final chunk");
        }
        place = Place::at_end;
        break;
      case Place::at_end:
        return 0;
    }
  }
}

AgeDecryptor::AgeDecryptor(ByteSource& in, OpenPreamble open, bool allow_armor)
    : impl_(std::make_unique<Impl>(in, std::move(open), allow_armor)) {}

AgeDecryptor::~AgeDecryptor() = default;

std::size_t AgeDecryptor::read(MutableBytes into) {
  if (into.empty()) {
    return 0;
  }
  if (impl_->failed) {
    refuse("it failed before");
  }
  // Part of a chunk may be lost when anything throws below, so nobody may go on from there.
  impl_->failed = true;
  const std::size_t size = impl_->read_some(into);
  impl_->failed = false;
  return size;
}

}  // namespace mixtape::format
