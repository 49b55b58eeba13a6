// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/soak_world.h"

#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include "engine/service/backup.h"
#include "engine/service/flush.h"
#include "engine/service/media.h"
#include "engine/service/status.h"
#include "engine/service/verify.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kDirectories = 10, kFilesEach = 20;
constexpr std::size_t kLargestFile = 64 * KiB;
constexpr std::uint64_t kCartridge = 16 * MiB;
constexpr double kQuarter_s = 900;
constexpr double kBegin_s = 4'000'000'000;  // Far ahead of every file: nothing changed "just now".

std::uint64_t size_of(const fs::path& file) {
  std::error_code absent;
  const std::uintmax_t size = fs::file_size(file, absent);
  return absent ? 0 : size;
}

std::uint64_t field_of_status(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) {
      return std::stoull(line.substr(field.size() + 1));
    }
  }
  return 0;
}

std::uint64_t open_descriptors() {
  std::uint64_t count = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    count += entry.path().empty() ? 0 : 1;
  }
  return count - 1;  // The directory itself is open.
}

}  // namespace

class Soak::Listener final : public Reporter {
 public:
  void progress(const Progress&) override {}
  void note(const std::string&) override {}
  void problem(const std::string& line) override { problems.push_back(line); }
  [[nodiscard]] std::stop_token stop() const override { return {}; }
  std::vector<std::string> problems;
};

Soak::Soak(const fs::path& work)
    : work_(work), clock_s_(kBegin_s), listener_(std::make_unique<Listener>()) {
  home::Home::create(work_ / "home");
  fs::create_directory(work_ / "tapes");
  std::ofstream(work_ / "home/mixtape.toml")
      << "libraries = ['sim:" << (work_ / "tapes").string()
      << ",generation=8,drives=2,slots=1000,vary=no,host=none,scale=1,capacity=" << kCartridge
      << "']\nrecord_size = '64 KiB'\narchaeology = 'texts'\ncache_limit = '2 MiB'\n"
         "preview_limit = '1 MiB'\n";
  workspace_ = std::make_unique<service::Workspace>(home::Home(work_ / "home"));
  recalls_ = std::make_unique<service::RecallService>(
      *workspace_, [this](const std::string& line) { listener_->problem(line); },
      service::RecallService::Queue::kept);
  readers_ = std::make_unique<fusefs::Readers>(
      [this] { return workspace_->home().open_catalog(catalog::Access::read); });
  view_ = std::make_unique<fusefs::CatalogFs>(
      *readers_, fusefs::StatusTexts{.status_json = [] { return std::string(); },
                                     .queue_json = [] { return std::string(); },
                                     .status_text = [] { return std::string(); }});
  make_sources();
  add_medium();
}

Soak::~Soak() = default;

const std::vector<std::string>& Soak::problems() const {
  return listener_->problems;
}

template <typename Work>
void Soak::command(Work work) {
  service::Context context(*workspace_, catalog::Access::write,
                           [this] { return static_cast<std::int64_t>(clock_s_++); });
  work(context);
}

tapeio::lto::SimLibrary& Soak::library() {
  return dynamic_cast<tapeio::lto::SimLibrary&>(*workspace_->libraries().here().front());
}

double Soak::busy_s() {
  const tapeio::lto::SimReport report = library().report();
  return report.total_seconds() - report.seconds_of(tapeio::lto::SimKind::waiting);
}

void Soak::quarter() {
  const double busy_before = busy_s();
  const double ends_s = kBegin_s + kQuarter_s * static_cast<double>(rounds_ + 1);
  change_sources();
  back_up();
  browse();
  flush();
  recall_some();
  if (rounds_ % 4 == 3) {
    verify();
  }
  // Two drives at work: their modelled time counts as if one did all of it.
  clock_s_ = std::max(ends_s, clock_s_ + busy_s() - busy_before);
  ++rounds_;
}

// --- The sources

void Soak::write_file(const fs::path& file) {
  std::string bytes(1 + random_() % kLargestFile, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random_());
  }
  std::ofstream(file, std::ios::binary) << bytes;
}

void Soak::make_sources() {
  for (int directory = 0; directory < kDirectories; ++directory) {
    const fs::path place = work_ / "source" / std::to_string(directory);
    fs::create_directories(place);
    for (int file = 0; file < kFilesEach; ++file) {
      write_file(place / std::to_string(files_made_++));
    }
  }
}

// Four files are replaced, one goes, one comes.
void Soak::change_sources() {
  const fs::path place = work_ / "source" / std::to_string(random_() % kDirectories);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(place)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  for (int i = 0; i < 4; ++i) {
    write_file(files[random_() % files.size()]);
  }
  fs::remove(files[random_() % files.size()]);
  write_file(place / std::to_string(files_made_++));
}

// --- What writes

void Soak::add_medium() {
  command([&](service::Context& context) {
    // Nothing more goes to the last one, which recalls may have in their drive.
    if (const auto last = context.ledger.medium(filling_)) {
      context.ledger.set_medium_state(last->id, catalog::MediumState::full,
                                      static_cast<std::int64_t>(clock_s_));
    }
    filling_ = service::add_medium(context, {}, workspace_->home().library_urls().front(),
                                   std::optional(kCartridge));
  });
  ++done_.media;
}

void Soak::back_up() {
  bool no_room = true;
  while (no_room) {
    command([&](service::Context& context) {
      service::BackupRequest request;
      request.roots = {(work_ / "source").string()};
      request.command = "mixtape backup";
      no_room = !service::backup(context, request, *listener_).written.no_room.empty();
    });
    if (no_room) {
      add_medium();
    }
  }
  ++done_.backups;
}

void Soak::flush() {
  const fs::path tree = workspace_->staging().tree() / "staged";
  fs::create_directories(tree);
  for (int file = 0; file < 3; ++file) {
    write_file(tree / std::to_string(file));
  }
  bool left = true;
  while (left) {
    command([&](service::Context& context) {
      left = service::flush(context, "mixtape flush", *listener_).still_staged;
    });
    if (left) {
      add_medium();
    }
  }
  ++done_.flushes;
}

// --- What reads

void Soak::list_below(fusefs::NodeId directory) {
  const fusefs::Rows rows = view_->list(directory);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    ++done_.listed;
    const auto found = view_->lookup(directory, rows.at(row).name);
    if (found && S_ISDIR(found->attributes.mode)) {
      list_below(found->node);
    }
  }
}

// latest and history whole; the jobs by name; what is on the media by bundle.
void Soak::browse() {
  view_->forget_totals();
  (void)view_->totals();
  const fusefs::NodeId root = fusefs::Node::fixed(fusefs::FixedNode::root).id();
  for (const char* top : {"latest", "history"}) {
    if (const auto found = view_->lookup(root, top)) {
      list_below(found->node);
    }
  }
  done_.listed += view_->list(fusefs::Node::fixed(fusefs::FixedNode::snapshots).id()).size();
  done_.listed += view_->list(fusefs::Node::fixed(fusefs::FixedNode::tapes).id()).size();
}

// Three files that are on a cartridge which is not being written to, so that no job waits for its
// drive.
void Soak::recall_some() {
  std::vector<recall::Content> there;
  command([&](service::Context& context) {
    context.tree.walk({}, catalog::kRootPath, [&](const std::string&, const auto& version) {
      if (version.content) {
        const auto places = context.ledger.places(*version.content);
        if (!places.empty() && places.front().medium.label != filling_) {
          there.push_back(service::to_content(version));
        }
      }
      return true;
    });
    if (rounds_ % 4 == 0) {
      (void)service::status_of(context);
    }
  });
  for (int i = 0; i < 3 && !there.empty(); ++i) {
    std::promise<bool> failed;
    (void)recalls_->recall().fetch(
        there[random_() % there.size()], "a file",
        [&](ByteView, const std::exception_ptr& why) { failed.set_value(why != nullptr); });
    if (failed.get_future().get()) {
      listener_->problem("a recall failed");
    }
    ++done_.recalled;
  }
}

void Soak::verify() {
  command([&](service::Context& context) {
    service::VerifyRequest request;
    request.media = {filling_};
    const service::VerifyResult result = service::verify(context, request, *listener_);
    for (const service::VerifiedMedium& medium : result.media) {
      done_.verified += medium.good;
      if (medium.damaged > 0 || !medium.complete) {
        listener_->problem("verify of " + medium.label + ": it is not whole");
      }
    }
  });
}

// --- What it holds

SoakSample Soak::sample() {
  SoakSample sample;
  sample.hours = (clock_s_ - kBegin_s) / 3600;
  sample.resident = field_of_status("VmRSS") * KiB;
  sample.heap = ::mallinfo2().uordblks;
  const fs::path home = work_ / "home";
  sample.log = size_of(home / "catalog.db-wal") + size_of(home / "state.db-wal");
  sample.state = size_of(home / "state.db");
  sample.cache = workspace_->cache().usage().bytes;
  sample.descriptors = open_descriptors();
  sample.threads = field_of_status("Threads");
  command([&](service::Context& context) {
    catalog::Statement count(context.database, "SELECT count(*) FROM version");
    count.step();
    sample.versions = static_cast<std::uint64_t>(count.integer(0));
    // What is not in the file yet stands in the log.
    catalog::Statement size(
        context.database, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
    size.step();
    sample.catalog = static_cast<std::uint64_t>(size.integer(0));
  });
  return sample;
}

Trend trend_of(const std::vector<SoakSample>& samples, std::uint64_t SoakSample::*quantity) {
  double n = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (std::size_t i = samples.size() / 2; i < samples.size(); ++i) {
    const double x = samples[i].hours, y = static_cast<double>(samples[i].*quantity);
    n += 1;
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  const double spread = n * sum_xx - sum_x * sum_x;
  constexpr double kHours = 48;
  return {.per_48_hours = spread > 0 ? kHours * (n * sum_xy - sum_x * sum_y) / spread : 0,
          .mean = n > 0 ? sum_y / n : 0};
}

double bytes_per_version(const std::vector<SoakSample>& samples, std::size_t first,
                         std::size_t last) {
  const SoakSample& from = samples.at(first);
  const SoakSample& to = samples.at(last - 1);
  return (static_cast<double>(to.catalog) - static_cast<double>(from.catalog)) /
         static_cast<double>(to.versions - from.versions);
}

}  // namespace mixtape::bench
