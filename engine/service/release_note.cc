// SPDX-License-Identifier: Apache-2.0
#include "engine/service/release_note.h"

#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "engine/service/write_needed.h"
#include "tapeio/files.h"

namespace mixtape::service {
namespace {

constexpr std::uint64_t kMostBytes = 4 * MiB;  // A batch is some dozens of paths.

std::filesystem::path note_of(const home::Home& home) {
  return home.scratch() / "releasing";
}

}  // namespace

void note_releasing(const home::Home& home, const std::vector<ReleasingFile>& batch) {
  std::string text;
  for (const ReleasingFile& file : batch) {
    text += std::to_string(catalog::number(file.origin)) + " " + file.path + '\0';
  }
  tapeio::write_file_durably(note_of(home), as_bytes(text), 0600);
}

void forget_releasing(const home::Home& home) {
  std::error_code stays;
  std::filesystem::remove(note_of(home), stays);
}

void take_back_releasing(Context& context) {
  const home::Home& home = context.workspace.home();
  if (!std::filesystem::exists(note_of(home))) {
    return;
  }
  const Bytes bytes = tapeio::read_file(note_of(home), kMostBytes);
  catalog::Transaction transaction(context.database);
  std::string_view rest = as_text(bytes);
  for (std::size_t end = 0; (end = rest.find('\0')) != rest.npos; rest.remove_prefix(end + 1)) {
    const std::string_view line = rest.substr(0, end);
    std::int64_t origin = 0;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), origin);
    const std::string path(
        line.substr(std::min(line.size(), static_cast<std::size_t>(number.ptr - line.data()) + 1)));
    const auto id = context.tree.find_path(path);
    const auto newest = id ? context.ledger.newest(*id) : std::nullopt;
    if (newest && newest->origin == catalog::kStagingRoot && source_at("/" + path, *newest)) {
      context.ledger.set_origin(newest->key, catalog::RootId{origin});
    }
  }
  transaction.commit();
  forget_releasing(home);
}

}  // namespace mixtape::service
