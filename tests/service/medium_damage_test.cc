// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>
#include <fstream>
#include <random>

#include "engine/format/age_header.h"
#include "engine/format/age_stream.h"
#include "engine/format/digest.h"
#include "engine/format/tape_file.h"
#include "engine/service/last_index.h"
#include "engine/service/media.h"
#include "engine/service/recover.h"
#include "engine/service/restore.h"
#include "engine/service/verify.h"
#include "tapeio/error.h"
#include "tapeio/records.h"
#include "tests/service/claims_fixture.h"
#include "tests/support/counted_cases.h"
#include "tests/support/patterns.h"

// A small medium with one byte flipped, and cut off at every record: whatever is read of it is
// right, or named as damaged.
//
// Of flips: every byte of the headers, one in each chunk and page, and others by chance for as long
// as there is time: MIXTAPE_FLIP_SECONDS (60) of this process's own. MIXTAPE_FLIPS=all takes every
// byte of the medium. MIXTAPE_FLIP_SEED chooses other places.
//
// Each flip is met by who reads that byte: the reader of labels, that of its index, or a restore.
// Beyond that every sixteenth (MIXTAPE_FLIP_THOROUGH=1: each) is met by all that reads a medium, so
// that what one reader passes over another one may not trip on.

namespace mixtape::service {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kRecord = 64 * KiB;
constexpr char kLabel[] = "MX0001";

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Place {
  fs::path file;
  std::uint64_t byte = 0;
};

class MediumDamageTest : public ClaimsTest {
 protected:
  MediumDamageTest() {
    configure("record_size = '64 KiB'\narchaeology = 'texts'\n");
    for (const char* other : {"MX0002", "MX0003"}) {
      fs::remove_all(home() / "library" / other);
    }
    add("first/a", 20'000);
    add("first/b", 10);
    add("second", 90'000);
    back_up();
    paper_ = directory_ / "paper";
    fs::copy_file(home() / "keys/recovery.identity", paper_);
  }
  void add(std::string_view name, std::size_t size) {
    fs::create_directories(source(name).parent_path());
    const std::string text(as_text(test::pattern(size, name.size())));
    write(name, text);
    texts_[path_of(name)] = text;
  }
  [[nodiscard]] fs::path medium() const { return home() / "library" / kLabel; }
  // In their order on tape.
  [[nodiscard]] std::vector<fs::path> tape_files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(medium())) {
      if (entry.path().filename().string().starts_with("0")) {
        files.push_back(entry.path());
      }
    }
    std::ranges::sort(files);
    return files;
  }
  [[nodiscard]] RecoverRequest request_into(const fs::path& into) const {
    return {into, "dir:" + (home() / "library").string(), paper_, "mixtape recover"};
  }

  Texts texts_;
  fs::path paper_;
};

// --- Flips

class FlipTest : public MediumDamageTest {
 protected:
  FlipTest() {
    files_ = tape_files();
    label_ = read_label(*load()).value();
    index_digests_.insert(outcome());
    for (std::size_t file = 1; file < files_.size(); ++file) {
      whole_.push_back(is_archive(files_[file]) ? "" : digest_of_index(file));
    }
  }

  [[nodiscard]] static bool is_archive(const fs::path& file) {
    return file.filename().string().find("archive.tar") != std::string::npos;
  }
  std::unique_ptr<tapeio::TapeDrive> load() {
    return context().workspace.libraries().here().front()->load(kLabel,
                                                                tapeio::Library::Access::read);
  }
  // Of tape file `file`, or the error.
  std::string digest_of_index(std::size_t file) {
    const fs::path to = directory_ / "index";
    fs::remove(to);
    try {
      const auto drive = load();
      (void)drive->space_filemarks(static_cast<std::int64_t>(file));
      (void)format::read_tape_file(*drive, kRecord, context().workspace.identities(), to, 1 * GiB);
      (void)catalog::inspect_index(to);
      return to_hex(format::digest_of(as_bytes(test::read_text(to))));
    } catch (const Error& error) {
      EXPECT_TRUE(is_damage(error.code()) || error.code() == ErrorCode::not_permitted ||
                  error.code() == ErrorCode::unsupported)
          << error.what();
      return std::string(to_string(error.code()));
    }
  }
  // What recover finds on the medium: its label and index, or the error.
  std::string outcome() {
    try {
      const auto drive = load();
      const auto label = read_label(*drive);
      if (!label) {
        return "blank";
      }
      const fs::path to = directory_ / "index";
      fs::remove(to);
      const auto found = read_last_index(*drive, *label, context().workspace.identities(), to);
      if (!found) {
        return "no index";
      }
      return (label->label == kLabel ? "" : "named otherwise ") +
             to_hex(format::digest_of(as_bytes(test::read_text(to)))) + " of " +
             std::to_string(found->label.tape_file);
    } catch (const Error& error) {
      return std::string(to_string(error.code()));
    }
  }
  // Once for each outcome that differs.
  void expect_recovery_right(const std::string& outcome) {
    if (!index_digests_.insert(outcome).second) {
      return;
    }
    const fs::path fresh = directory_ / "fresh";
    reporter_.problems.clear();
    try {
      const RecoverResult result = recover(request_into(fresh), reporter_);
      catalog::Database database =
          catalog::open_catalog(fresh / "catalog.db", fresh / "state.db", catalog::Access::write);
      const auto library = tapeio::open_library(request_into(fresh).library);
      const auto paths = test::readable_paths(database, *library,
                                              context().workspace.identities().front(), texts_);
      EXPECT_EQ(paths.size(), texts_.size()) << outcome;
    } catch (const Error& error) {
      EXPECT_FALSE(reporter_.problems.empty()) << outcome << ": " << error.what();
    }
    fs::remove_all(fresh);
  }
  // Every file has its bytes, or is named.
  void expect_restored_right() {
    const fs::path to = directory_ / "restored";
    const RestoreResult result =
        restore(context(), {.paths = {"/"}, .to = to.string(), .at_s = std::nullopt}, reporter_);
    std::size_t right = 0;
    for (const auto& [path, text] : texts_) {
      const bool named = std::ranges::any_of(
          result.troubles, [&](const RestoreTrouble& trouble) { return trouble.path == path; });
      if (fs::exists(to / path)) {
        EXPECT_EQ(test::read_text(to / path) == text, true) << "wrong bytes: " << path;
        ++right;
      } else {
        EXPECT_TRUE(named) << path << " is missing without a word";
      }
    }
    missed_ = right < texts_.size();
    times_missed_ += missed_ ? 1 : 0;
    fs::remove_all(to);
  }
  void expect_verification_tells(bool must_tell) {
    VerifyRequest request;
    request.media = {kLabel};
    const VerifyResult result = verify(context(), request, reporter_);
    const VerifiedMedium& medium = result.media.at(0);
    const bool told = result.damaged_count > 0 || !medium.troubles.empty();
    EXPECT_TRUE(told || !must_tell) << "verify found nothing";
    EXPECT_TRUE(told || !missed_) << "restore missed what verify finds good";
  }

  // A label that is read as it was leads to all that it led to before.
  void expect_label_right() {
    try {
      const auto drive = load();
      // read_label() does the same with room for the largest record that there may be.
      tapeio::RecordReader records(*drive, kRecord);
      if (format::parse_archaeology(records) == label_) {
        return;
      }
    } catch (const Error&) {
      // What comes of that is the outcome.
    }
    expect_recovery_right(outcome());
  }
  // Read as it was, or damaged; what recover makes of it where it is the newest.
  void expect_index_right(std::size_t file) {
    const std::string found = digest_of_index(file);
    if (found == whole_[file - 1]) {
      return;
    }
    EXPECT_LT(found.size(), whole_[file - 1].size()) << "an index of other bytes was believed";
    if (file + 1 == files_.size()) {
      expect_recovery_right(outcome());
    }
  }

  // `thorough`: everything that reads the medium reads it; else what must meet this byte.
  void flip(const Place& place, bool thorough) {
    SCOPED_TRACE(place.file.filename().string() + " byte " + std::to_string(place.byte));
    invert(place);
    const auto file =
        static_cast<std::size_t>(std::ranges::find(files_, place.file) - files_.begin());
    missed_ = false;
    reporter_.problems.clear();
    reporter_.notes.clear();
    if (thorough) {
      expect_recovery_right(outcome());
      expect_restored_right();
      expect_verification_tells(file != 0);
    } else if (file == 0) {
      expect_label_right();
    } else if (is_archive(place.file)) {
      expect_restored_right();
    } else {
      expect_index_right(file);
    }
    invert(place);
  }
  static void invert(const Place& place) {
    std::fstream file(place.file, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(place.byte));
    const int value = file.get();
    file.seekp(static_cast<std::streamoff>(place.byte));
    file.put(static_cast<char>(value ^ (1 << place.byte % 8)));
  }

  // --- Which bytes

  // Tar headers of the archaeology up to its description for programs, and that itself.
  static void add_tar_headers(const fs::path& file, std::vector<Place>& places) {
    const std::string tar = test::read_text(file);
    constexpr std::size_t kBlock = 512, kSizeField = 124, kSizeDigits = 11;
    for (std::size_t at = 0; at + kBlock <= tar.size();) {
      const std::size_t size = std::stoul(tar.substr(at + kSizeField, kSizeDigits), nullptr, 8);
      const bool is_json = tar.compare(at, 17, "mixtape-tape.json") == 0;
      for (std::size_t byte = at; byte < at + kBlock + (is_json ? size : 0); ++byte) {
        places.push_back({file, byte});
      }
      if (is_json) {
        return;
      }
      at += kBlock + (size + kBlock - 1) / kBlock * kBlock;
    }
    ADD_FAILURE() << "no description";
  }
  std::vector<Place> headers() {
    std::vector<Place> places;
    add_tar_headers(files_.front(), places);
    for (auto file = std::next(files_.begin()); file != files_.end(); ++file) {
      for (std::uint64_t byte = 0; byte < preamble_of(*file); ++byte) {
        places.push_back({*file, byte});
      }
    }
    return places;
  }
  static std::uint64_t preamble_of(const fs::path& file) {
    return format::header_size(as_bytes(test::read_text(file))).value() + format::kAgeNonceSize;
  }
  // One byte of each of `size` bytes of plaintext, or of its tag.
  void add_one_of_each(const fs::path& file, std::uint64_t size, std::vector<Place>& places) {
    const std::uint64_t begin = preamble_of(file), sealed = fs::file_size(file) - begin;
    for (std::uint64_t plain = 0;; plain += size) {
      const std::uint64_t byte =
          plain / format::kChunk * format::kSealedChunk + plain % format::kChunk + random_() % size;
      if (byte >= sealed) {
        break;
      }
      places.push_back({file, begin + byte});
    }
  }
  std::vector<Place> chunks_and_pages() {
    constexpr std::uint64_t kPage = 4096;
    std::vector<Place> places;
    for (auto file = std::next(files_.begin()); file != files_.end(); ++file) {
      add_one_of_each(*file, format::kChunk, places);
      if (file->filename().string().find("index") != std::string::npos) {
        add_one_of_each(*file, kPage, places);
      }
      places.push_back({*file, fs::file_size(*file) - 1});
    }
    return places;
  }
  // Byte `number` of the medium.
  Place place_of(std::uint64_t number) {
    for (const fs::path& file : files_) {
      const std::uint64_t size = fs::file_size(file);
      if (number < size) {
        return {file, number};
      }
      number -= size;
    }
    return {};
  }
  std::uint64_t bytes() {
    std::uint64_t bytes = 0;
    for (const fs::path& file : files_) {
      bytes += fs::file_size(file);
    }
    return bytes;
  }

  std::mt19937_64 random_{setting("MIXTAPE_FLIP_SEED", 1)};
  std::vector<fs::path> files_;
  format::MediumLabel label_;       // Of the whole medium,
  std::vector<std::string> whole_;  // and digests of its indexes, by tape file from 1.
  std::set<std::string> index_digests_;
  bool missed_ = false;
  std::uint64_t times_missed_ = 0;
};

TEST_F(FlipTest, AnyByteIsReadRightOrNamed) {
  // Readers of archives that the catalog has keep going past what damages a header.
  const std::uint64_t thorough_each =
      std::max<std::uint64_t>(1, setting("MIXTAPE_FLIP_THOROUGH", 16));
  constexpr std::uint64_t kOthers = 10'000;
  test::CountedCases cases("flips through recover, restore and verify");
  if (std::getenv("MIXTAPE_FLIPS") != nullptr) {
    for (std::uint64_t byte = 0; byte < bytes() && !cases.is_hopeless(); ++byte) {
      cases.run([&] { flip(place_of(byte), byte % thorough_each == 0); });
    }
    cases.set_note("every byte; " + std::to_string(index_digests_.size()) +
                   " different outcomes recovered");
    return;
  }
  const std::clock_t end =
      std::clock() +
      static_cast<std::clock_t>(setting("MIXTAPE_FLIP_SECONDS", 60)) * CLOCKS_PER_SEC;
  for (const Place& place : headers()) {
    if (!cases.is_hopeless()) {
      cases.run([&] { flip(place, cases.cases() % thorough_each == 0); });
    }
  }
  const std::uint64_t of_headers = cases.cases();
  for (const Place& place : chunks_and_pages()) {
    if (!cases.is_hopeless()) {
      cases.run([&] { flip(place, true); });
    }
  }
  const std::uint64_t of_chunks = cases.cases() - of_headers;
  std::uint64_t others = 0;
  for (; others < kOthers && std::clock() < end && !cases.is_hopeless(); ++others) {
    cases.run([&] { flip(place_of(random_() % bytes()), others % thorough_each == 0); });
  }
  expect_restored_right();
  EXPECT_FALSE(missed_) << "it is whole again";
  EXPECT_GT(times_missed_, 0U) << "nothing was ever hit";
  cases.set_note(std::to_string(of_headers) + " in headers, " + std::to_string(of_chunks) +
                 " in chunks and pages, " + std::to_string(others) + " others of " +
                 test::CountedCases::with_commas(bytes()) + " bytes; " +
                 std::to_string(index_digests_.size()) + " different outcomes recovered");
}

// --- Truncation

class TruncationTest : public MediumDamageTest {
 protected:
  // As the medium is when what stands from object `block` on is gone. The tape file that is cut has
  // a filemark, as the driver of a tape writes one, or none. False: there is no such object.
  static bool cut(const std::vector<fs::path>& files, std::uint64_t block, bool marked) {
    bool is_cut = false;
    for (const fs::path& file : files) {
      if (is_cut) {
        fs::remove(file);
        continue;
      }
      const std::uint64_t records = (fs::file_size(file) + kRecord - 1) / kRecord;
      if (block > records) {
        block -= records + 1;
        continue;
      }
      is_cut = true;
      fs::resize_file(file, std::min(block * kRecord, fs::file_size(file)));
      if (block == 0) {
        fs::remove(file);
      } else if (!marked) {
        fs::rename(file, file.string() + ".part");
      }
    }
    return is_cut;
  }
  // A medium whose last index nobody can read takes no more: it may know more than the catalog.
  void back_up_somewhere(const std::vector<std::string>& found) {
    try {
      back_up();
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("write to another"), std::string::npos)
          << error.what();
      reopen();
      for (const std::string& path : found) {
        EXPECT_TRUE(latest(path)) << path << " is not shown any more";
      }
      (void)add_medium(context(), "MX0009", {}, 64 * MiB);
      back_up();
    }
  }
  // The home is lost as well: what the medium still has comes back, and a backup makes it whole.
  void expect_goes_on() {
    const fs::path library = directory_ / "shelf";
    reopen();
    fs::rename(home() / "library", library);
    fs::rename(home(), directory_ / "lost");
    try {
      (void)recover({home(), "dir:" + library.string(), paper_, "mixtape recover"}, reporter_);
      fs::remove_all(home() / "library");
      configure("libraries = ['dir:" + library.string() + "']\nrecord_size = '64 KiB'\n" +
                "archaeology = 'texts'\n");
      const std::vector<std::string> found = readable(texts_);
      back_up_somewhere(found);
      EXPECT_EQ(readable(texts_).size(), texts_.size());
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::not_found) << error.what();
    }
    reopen();
    fs::remove_all(home());
    fs::remove_all(library);
    fs::rename(directory_ / "lost", home());
  }
};

TEST_F(TruncationTest, AtAnyRecordTheRestIsRightAndABackupGoesOn) {
  reopen();
  test::CountedCases cases("truncations at every record");
  copy_tree(home() / "library", directory_ / "kept");
  for (const bool marked : {false, true}) {
    bool there = true;
    for (std::uint64_t block = 0; there && !cases.is_hopeless(); ++block) {
      SCOPED_TRACE("cut at object " + std::to_string(block) + (marked ? ", with a filemark" : ""));
      fs::remove_all(home() / "library");
      copy_tree(directory_ / "kept", home() / "library");
      there = cut(tape_files(), block, marked);
      cases.run([&] {
        expect_agreement(request_into({}), home() / "library", texts_);
        expect_goes_on();
      });
    }
  }
}

}  // namespace
}  // namespace mixtape::service
