// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "engine/format/age_tool.h"
#include "tests/format/age_fixture.h"
#include "tests/support/temp_dir.h"

// The public test vectors of age (C2SP/CCTV): lines "key: value", an empty line, the age file. They
// are not part of this project; MIXTAPE_AGE_VECTORS names a directory that has them.

namespace mixtape::format::test {
namespace {

std::filesystem::path vector_directory() {
  if (const char* named = std::getenv("MIXTAPE_AGE_VECTORS")) {
    return named;
  }
  const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
  return std::filesystem::path(source != nullptr ? source : ".") / "../shared/data/age-vectors";
}

std::string sha256(ByteView bytes) {
  std::array<std::byte, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr,
             EVP_sha256(), nullptr);
  return to_hex(digest);
}

Bytes inflated(ByteView packed) {
  z_stream stream{};
  inflateInit(&stream);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  Bytes plain;
  Bytes buffer(64 * KiB);
  int state = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    state = inflate(&stream, Z_NO_FLUSH);
    plain.insert(plain.end(), buffer.begin(),
                 buffer.end() - static_cast<std::ptrdiff_t>(stream.avail_out));
  } while (state == Z_OK);
  inflateEnd(&stream);
  EXPECT_EQ(state, Z_STREAM_END);
  return plain;
}

struct Vector {
  std::string expect;
  std::optional<std::string> payload;
  std::string identities;  // One a line, as in an identity file.
  std::optional<std::string> passphrase;
  Bytes file;
  bool other_keys = false;
};

Vector parse_vector(const std::string& text) {
  Vector vector;
  const std::size_t head = text.find("\n\n");
  bool packed = false;
  for (std::size_t at = 0; at < head;) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::string key = line.substr(0, line.find(": "));
    const std::string value = line.substr(key.size() + 2);
    if (key == "expect") {
      vector.expect = value;
    } else if (key == "payload") {
      vector.payload = value;
    } else if (key == "identity") {
      vector.identities += value + '\n';
    } else if (key == "passphrase") {
      vector.passphrase = value;
    } else if (key == "compressed") {
      packed = true;
    } else if (key != "file key" && key != "armored" && key != "comment") {
      vector.other_keys = true;
    }
  }
  const ByteView file = as_bytes(text).subspan(head + 2);
  vector.file = packed ? inflated(file) : Bytes(file.begin(), file.end());
  return vector;
}

std::string outcome(const std::optional<AgeFailure>& failure) {
  static const std::map<AgeFailure, std::string> kNames = {
      {AgeFailure::header, "header failure"}, {AgeFailure::hmac, "HMAC failure"},
      {AgeFailure::no_match, "no match"},     {AgeFailure::payload, "payload failure"},
      {AgeFailure::armor, "armor failure"},
  };
  return failure ? kNames.at(*failure) : "success";
}

AgeDecryptKeys keys_of(const Vector& vector) {
  const mixtape::test::TempDir home;
  std::vector<std::filesystem::path> identity_files;
  std::vector<std::filesystem::path> passphrase_files;
  if (!vector.identities.empty()) {
    identity_files.push_back(home / "identities");
    mixtape::test::write_text(identity_files.front(), vector.identities);
  }
  if (vector.passphrase) {
    passphrase_files.push_back(home / "passphrase");
    mixtape::test::write_text(passphrase_files.front(), *vector.passphrase + '\n');
  }
  return load_age_keys(identity_files, passphrase_files);
}

TEST(AgeVectors, EndAsExpectedAndReleaseExactlyWhatIsAuthentic) {
  const std::filesystem::path directory = vector_directory();
  if (!std::filesystem::is_directory(directory)) {
    GTEST_SKIP() << "no age test vectors in " << directory << " (set MIXTAPE_AGE_VECTORS)";
  }
  int run = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    SCOPED_TRACE(entry.path().filename().string());
    const Vector vector = parse_vector(mixtape::test::read_text(entry.path()));
    if (vector.other_keys) {
      continue;
    }
    ++run;
    const AgeDecryptKeys keys = keys_of(vector);
    MemorySource source(vector.file, 1000);
    MemorySink sink;
    const auto failure = failure_of([&] { age_decrypt(keys, source, sink); });
    EXPECT_EQ(outcome(failure), vector.expect);
    EXPECT_EQ(sink.finished, !failure);
    if (vector.payload) {
      EXPECT_EQ(sha256(sink.content), *vector.payload);
    }
  }
  EXPECT_GT(run, 0);
}

}  // namespace
}  // namespace mixtape::format::test
