// SPDX-License-Identifier: Apache-2.0
#include "engine/home/home.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tapeio/error.h"
#include "tapeio/files.h"
#include "tapeio/library.h"

namespace mixtape::home {
namespace fs = std::filesystem;
namespace {

constexpr std::uint64_t kMaxRecipientsFile = MiB;
constexpr std::uint64_t kMaxIdentityFile = MiB;
constexpr int kFirstMedia = 3;

constexpr std::string_view kDailyKey = "daily.identity";
constexpr std::string_view kRecoveryKey = "recovery.identity";
constexpr std::string_view kRecoveredKey = "recovered.identity";
constexpr std::string_view kIdentityExtension = ".identity";
constexpr std::string_view kKeptElsewhere = "recovery-kept-elsewhere";

constexpr std::array<std::string_view, 6> kParts = {"keys",    "cache",   "previews",
                                                    "staging", "library", "scratch"};
// What else may stand in a home, each with what is written beside it; and in an empty file system.
constexpr std::array<std::string_view, 8> kFiles = {"mixtape.toml", "catalog.db",   "state.db",
                                                    "mount.",       "control.sock", "writer.lock",
                                                    "daemon.lock",  "lost+found"};

void make_private_directory(const fs::path& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw_errno("make directory " + directory.string());
  }
}

std::string machine_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "mixtape";
}

void write_text(const fs::path& file, const std::string& text, mode_t mode) {
  tapeio::write_file_durably(file, as_bytes(text), mode);
}

// Removes what a failed creation made, so that the next try starts clean.
class HalfMade {
 public:
  void add(const fs::path& path) { made_.push_back(path); }
  void keep() { made_.clear(); }
  ~HalfMade() {
    std::error_code ignored;
    for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
      fs::remove_all(*path, ignored);
    }
  }

 private:
  std::vector<fs::path> made_;
};

// Of two who make one home the second waits here, and finds what the first made.
tapeio::UniqueFd hold_alone(const fs::path& home) {
  tapeio::UniqueFd fd = tapeio::open_file(home.string(), O_RDONLY | O_DIRECTORY);
  struct stat held {};
  struct stat named {};
  if (::flock(fd.get(), LOCK_EX) < 0 || ::fstat(fd.get(), &held) < 0) {
    throw_errno("lock " + home.string());
  }
  if (::stat(home.c_str(), &named) < 0 || held.st_ino != named.st_ino) {
    throw Error(ErrorCode::conflict,
                "init " + home.string() + ": another one gave up there just now; try again");
  }
  return fd;
}

// Of the identity in that file, or of a new one that it gets.
format::Recipient kept_or_new(const fs::path& file, std::string_view comment, HalfMade& half_made) {
  if (fs::exists(file)) {
    return format::read_identity_file(file).front().recipient();
  }
  const format::Identity identity = format::Identity::generate();
  half_made.add(file);
  format::write_identity_file(file, identity, comment);
  return identity.recipient();
}

// Where an earlier try died the keys that it made are taken.
void create_keys(const fs::path& keys, HalfMade& half_made) {
  const format::Recipient daily =
      kept_or_new(keys / kDailyKey, "Mixtape: daily identity", half_made);
  const format::Recipient recovery = kept_or_new(
      keys / kRecoveryKey, "Mixtape: recovery identity; keep a copy elsewhere", half_made);
  half_made.add(keys / "recipients");
  write_text(keys / "recipients",
             "# Who can read what Mixtape writes: one age recipient a line.\n# daily\n" +
                 daily.text() + "\n# recovery\n" + recovery.text() + "\n",
             0600);
}

bool is_same_library(const fs::path& home, const std::string& one, const std::string& other) {
  const auto plain = [&](const std::string& url) {
    const std::string full = absolute_library_url(url, home);
    const auto named = tapeio::directory_of_library(full);
    if (!named) {
      return fs::path(full);
    }
    const fs::path directory = *named;
    std::error_code unreadable;
    const fs::path real = fs::weakly_canonical(directory, unreadable);
    return ((unreadable ? directory : real) / "").lexically_normal();
  };
  return plain(one) == plain(other);
}

std::vector<format::Recipient> read_recipients(const fs::path& file) {
  const Bytes bytes = tapeio::read_file(file, kMaxRecipientsFile);
  std::vector<format::Recipient> found;
  std::string_view rest = as_text(bytes);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (!line.empty() && line.front() != '#') {
      found.push_back(format::Recipient::parse(line));
    }
  }
  return found;
}

void append_recipient(const fs::path& file, const format::Recipient& recipient,
                      std::string_view comment) {
  std::string text(as_text(tapeio::read_file(file, kMaxRecipientsFile)));
  if (!text.empty() && text.back() != '\n') {
    text += '\n';
  }
  std::string remark(comment);
  std::replace(remark.begin(), remark.end(), '\n', ' ');
  write_text(file, text + "# " + remark + "\n" + recipient.text() + "\n", 0600);
}

// --- What prepare does; each says what it added to a file that was there.

using Additions = std::vector<std::string>;

void prepare_config(const fs::path& home, const std::string& library, Additions& added) {
  const fs::path file = home / "mixtape.toml";
  if (!fs::exists(file)) {
    const bool own = is_same_library(home, library, Config().libraries.front());
    const std::string line = "libraries = [" + toml_text(library) + "]\n";
    write_text(file, config_template() + (own ? "" : line), 0600);
    return;
  }
  const std::vector<std::string> known = Config::read(file).libraries;
  if (std::any_of(known.begin(), known.end(),
                  [&](const auto& url) { return is_same_library(home, url, library); })) {
    return;
  }
  const auto text = with_library(as_text(tapeio::read_file(file, kMaxConfigFile)), library);
  if (!text) {
    added.push_back("the library is not in " + file.string() + " yet: add " +
                    toml_text(tapeio::url_for_people(library)) + " to the list `libraries` there");
    return;
  }
  const auto mode = static_cast<mode_t>(fs::status(file).permissions());
  write_text(file, *text, mode);
  added.push_back("added the library " + tapeio::url_for_people(library) + " to " + file.string());
}

void prepare_recipients(const fs::path& file, const std::vector<format::Recipient>& recipients,
                        Additions& added) {
  if (!fs::exists(file)) {
    std::string text = "# Who can read what Mixtape writes: one age recipient a line.\n";
    for (const format::Recipient& recipient : recipients) {
      text += recipient.text() + "\n";
    }
    write_text(file, text, 0600);
    return;
  }
  const std::vector<format::Recipient> known = read_recipients(file);
  for (const format::Recipient& recipient : recipients) {
    if (std::find(known.begin(), known.end(), recipient) == known.end()) {
      append_recipient(file, recipient, "of the identity that the catalog was recovered with");
      added.push_back("added " + recipient.text() +
                      ", whose identity this is, to those who can read what is written");
    }
  }
}

// A copy among the keys, unless one of them is the same.
void prepare_identity(const fs::path& keys, const fs::path& identity_file) {
  const Bytes bytes = tapeio::read_file(identity_file, kMaxIdentityFile);
  for (const auto& entry : fs::directory_iterator(keys)) {
    if (entry.path().extension() == kIdentityExtension &&
        tapeio::read_file(entry.path(), kMaxIdentityFile) == bytes) {
      return;
    }
  }
  fs::path copy = keys / kRecoveredKey;
  for (int number = 2; fs::exists(copy); ++number) {
    copy = keys / ("recovered-" + std::to_string(number) + std::string(kIdentityExtension));
  }
  tapeio::write_file_durably(copy, bytes, 0600);
}

std::vector<fs::path> identity_files(const fs::path& keys) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(keys, ignored)) {
    if (entry.path().extension() == kIdentityExtension) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

void require_no_strangers(const fs::path& home, const std::string& command) {
  for (const auto& entry : fs::directory_iterator(home)) {
    const std::string name = entry.path().filename().string();
    const bool known =
        std::ranges::find(kParts, name) != kParts.end() ||
        std::ranges::any_of(kFiles, [&](std::string_view file) { return name.starts_with(file); });
    if (!known) {
      throw Error(ErrorCode::conflict, command + " " + home.string() +
                                           ": it is no home, since it holds " + name +
                                           "; name a new or an empty directory");
    }
  }
}

fs::path default_home() {
  if (const char* home = std::getenv("MIXTAPE_HOME"); home != nullptr && *home != '\0') {
    return fs::absolute(home);
  }
  if (::geteuid() == 0) {
    return "/var/lib/mixtape";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return fs::path(home) / ".local/share/mixtape";
  }
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr) {
    throw Error(ErrorCode::not_found, "find a home directory: set HOME, MIXTAPE_HOME or --home");
  }
  return fs::path(user->pw_dir) / ".local/share/mixtape";
}

Home::Home(fs::path directory) : directory_(fs::absolute(std::move(directory))) {
  if (!fs::exists(catalog_db())) {
    throw Error(ErrorCode::not_found,
                "open " + directory_.string() + ": no catalog there; run `mixtape init`" +
                    (directory_ == default_home() ? "" : " --home " + directory_.string()) +
                    ", or `mixtape recover --library URL --identity FILE` when media exist");
  }
  directory_ = fs::canonical(directory_);
  const fs::path file = directory_ / "mixtape.toml";
  if (fs::exists(file)) {
    config_ = Config::read(file);
  }
  make_private_directory(scratch());
  make_private_directory(previews());  // Homes of earlier versions lack it.
}

void Home::create(const fs::path& directory) {
  const fs::path home = fs::absolute(directory);
  const bool is_new = !fs::exists(home);
  tapeio::make_directories(home.parent_path());
  make_private_directory(home);
  const tapeio::UniqueFd alone = hold_alone(home);
  if (fs::exists(home / "catalog.db")) {
    throw Error(ErrorCode::conflict, "init " + home.string() + ": there is a catalog already");
  }
  require_no_strangers(home, "init");
  HalfMade half_made;
  if (is_new) {
    half_made.add(home);
  }
  for (const std::string_view part : kParts) {
    if (!fs::exists(home / part)) {
      half_made.add(home / part);
    }
    make_private_directory(home / part);
  }
  if (!fs::exists(home / "mixtape.toml")) {
    half_made.add(home / "mixtape.toml");
    write_text(home / "mixtape.toml", config_template(), 0600);
  }
  if (!fs::exists(home / "keys/recipients")) {
    create_keys(home / "keys", half_made);
  }
  const auto library = tapeio::open_library("dir:" + (home / "library").string());
  if (library->media().empty()) {
    for (int i = 1; i <= kFirstMedia; ++i) {
      const std::string label = "MX000" + std::to_string(i);
      if (!fs::exists(home / "library" / label)) {
        half_made.add(home / "library" / label);
      }
      library->add_medium(label, Config().medium_capacity);
    }
  }
  half_made.add(home / "catalog.db");
  catalog::create_catalog(home / "catalog.db", machine_name());
  half_made.keep();
}

std::vector<std::string> Home::prepare(const fs::path& directory, const fs::path& identity_file,
                                       const std::vector<format::Recipient>& recipients,
                                       const std::string& library) {
  const fs::path home = fs::absolute(directory);
  tapeio::make_directories(home.parent_path());
  make_private_directory(home);
  for (const char* part : {"keys", "cache", "previews", "staging", "library", "scratch"}) {
    make_private_directory(home / part);
  }
  Additions added;
  prepare_config(home, library, added);
  prepare_recipients(home / "keys/recipients", recipients, added);
  prepare_identity(home / "keys", identity_file);
  return added;
}

catalog::Database Home::open_catalog(catalog::Access access) const {
  return catalog::open_catalog(catalog_db(), state_db(), access);
}

std::vector<format::Identity> Home::identities() const {
  std::vector<format::Identity> found;
  for (const fs::path& file : identity_files(keys())) {
    for (format::Identity& identity : format::read_identity_file(file)) {
      found.push_back(std::move(identity));
    }
  }
  return found;
}

fs::path Home::identity_file() const {
  const std::vector<fs::path> files = identity_files(keys());
  return files.empty() ? fs::path() : files.front();
}

std::vector<format::Recipient> Home::recipients() const {
  std::vector<format::Recipient> found = read_recipients(keys() / "recipients");
  if (found.empty()) {
    throw Error(ErrorCode::invalid, "read " + (keys() / "recipients").string() +
                                        ": no recipient in it; nobody could read what is written");
  }
  return found;
}

void Home::add_recipient(const format::Recipient& recipient, std::string_view comment) const {
  const std::vector<format::Recipient> known = recipients();
  if (std::find(known.begin(), known.end(), recipient) != known.end()) {
    throw Error(ErrorCode::conflict, "add recipient " + recipient.text() + ": it is there already");
  }
  append_recipient(keys() / "recipients", recipient, comment);
}

bool Home::recovery_kept_elsewhere() const {
  return fs::exists(keys() / kKeptElsewhere);
}

void Home::set_recovery_kept_elsewhere() const {
  write_text(keys() / kKeptElsewhere, "The recovery identity lies in a drawer.\n", 0600);
}

std::vector<std::string> Home::library_urls() const {
  std::vector<std::string> urls;
  for (const std::string& url : config_.libraries) {
    urls.push_back(absolute_library_url(url, directory_));
  }
  return urls;
}

}  // namespace mixtape::home
