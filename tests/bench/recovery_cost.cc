// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/recovery_cost.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stop_token>

#include "engine/service/backup.h"
#include "engine/service/context.h"
#include "engine/service/recover.h"
#include "tapeio/error.h"
#include "tapeio/lto/generation.h"
#include "tapeio/lto/sim_library.h"
#include "tests/support/temp_dir.h"

namespace mixtape::bench {
namespace {

namespace fs = std::filesystem;

constexpr char kLabel[] = "MX0001";

class Silent final : public Reporter {
 public:
  void progress(const Progress&) override {}
  void note(const std::string&) override {}
  [[nodiscard]] std::stop_token stop() const override { return {}; }
  void problem(const std::string& line) override { throw Error(ErrorCode::corrupt, line); }
};

std::string url_of(const fs::path& tapes, unsigned generation) {
  return "sim:" + tapes.string() + ",generation=" + std::to_string(generation) +
         ",scale=1,vary=no,host=none";
}

fs::path file_of(const fs::path& medium, const std::string& kind) {
  fs::path last;
  for (const auto& entry : fs::directory_iterator(medium)) {
    if (entry.path().filename().string().find(kind) != std::string::npos) {
      last = std::max(last, entry.path());
    }
  }
  return last;
}

// A job that puts the catalog of the home onto the cartridge.
void write_cartridge(const fs::path& home, const fs::path& work, const std::string& url,
                     std::uint64_t capacity) {
  test::write_text(home / "mixtape.toml", "libraries = ['" + url + "']\narchaeology = 'texts'\n");
  test::write_text(work / "source/file", url);
  service::Workspace workspace{home::Home(home)};
  service::Context context(workspace, catalog::Access::write);
  workspace.libraries().here().front()->add_medium(kLabel, capacity);
  Silent reporter;
  service::BackupRequest request;
  request.roots = {fs::canonical(work / "source").string()};
  (void)service::backup(context, request, reporter);
}

void add_line(const std::string& line, RecoveryCost& cost) {
  std::vector<std::string> fields;
  std::istringstream text(line);
  for (std::string field; std::getline(text, field, '\t');) {
    fields.push_back(field);
  }
  if (fields.size() < 10) {
    return;
  }
  const std::string& operation = fields[3];
  const double seconds = std::stod(fields[8]);
  cost.seconds += seconds;
  if (operation == "robot") {
    cost.robot_s += seconds;
  } else if (operation == "load" || operation == "initialise") {
    cost.load_s += seconds;
  } else if (operation == "unload") {
    cost.unload_s += seconds;
  } else if (operation == "read") {
    cost.read_s += seconds;
    cost.bytes_read += std::stoull(fields[7]);
  } else {
    cost.move_s += seconds;
    cost.moves += std::stoull(fields[4]);
  }
}

}  // namespace

RecoveryCost recover_full_cartridge(const fs::path& home, const fs::path& work, unsigned generation,
                                    Written written) {
  const fs::path tapes = work / "tapes";
  fs::create_directories(tapes);
  const std::uint64_t native = tapeio::lto::figures_of(generation).native_bytes;
  const std::string url = url_of(tapes, generation);
  write_cartridge(home, work, url, native);

  RecoveryCost cost;
  const fs::path medium = tapes / kLabel;
  cost.index_bytes = fs::file_size(file_of(medium, ".index."));
  cost.label_bytes = fs::file_size(file_of(medium, "archaeology"));
  const std::uint64_t record = MiB;
  const std::uint64_t wraps = tapeio::lto::figures_of(generation).wraps();
  const std::uint64_t unwritten = written == Written::full ? 0 : native / wraps;
  fs::resize_file(file_of(medium, ".archive."),
                  (native - unwritten - 2 * cost.index_bytes - cost.label_bytes) / record * record);
  fs::remove(tapes / "places.txt");
  fs::remove(tapes / "trace.txt");

  Silent reporter;
  (void)service::recover({work / "fresh", url, home / "keys/recovery.identity", "mixtape recover"},
                         reporter);
  {
    tapeio::lto::SimLibrary library(
        tapeio::lto::parse_sim_options(url.substr(tapeio::kSimScheme.size())));
    library.unload(kLabel);
  }
  std::ifstream trace(tapes / "trace.txt");
  for (std::string line; std::getline(trace, line);) {
    add_line(line, cost);
  }
  return cost;
}

}  // namespace mixtape::bench
