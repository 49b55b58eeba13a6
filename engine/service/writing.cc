// SPDX-License-Identifier: Apache-2.0
#include "engine/service/writing.h"

#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <vector>

#include "engine/service/copy_policy.h"
#include "tapeio/error.h"

namespace mixtape::service {
namespace {

archive::ContentTap preview_tap(previews::Previews& previews) {
  return {.head = previews.limits().head,
          .tail = previews.limits().tail,
          .seen = [&previews](const archive::ContentEnds& content) {
            previews.keep(content.hash, content.size, content.head, content.tail);
          }};
}

constexpr std::string_view kInstalled = "share/mixtape/archaeology";
constexpr std::string_view kInBuildTree = "archaeology/full";

// Where the files of the full archaeology are: beside the program, installed or as it was built.
std::filesystem::path archaeology_directory() {
  if (const char* named = std::getenv("MIXTAPE_ARCHAEOLOGY")) {
    return named;
  }
  std::error_code trouble;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", trouble);
  const std::filesystem::path prefix = program.parent_path().parent_path();
  const std::filesystem::path installed = prefix / kInstalled;
  return std::filesystem::is_directory(installed, trouble) ? installed : prefix / kInBuildTree;
}

// What was asked for by name must not be missing without a word.
void require_directory(const std::filesystem::path& directory, const char* setting) {
  std::error_code trouble;
  if (!std::filesystem::is_directory(directory, trouble)) {
    throw Error(ErrorCode::not_found, "write with " + std::string(setting) + ": " +
                                          directory.string() +
                                          " is not there; install the program, or change that in "
                                          "mixtape.toml");
  }
}

archive::ArchaeologySet archaeology_of(const home::Config& config) {
  using Extent = archive::ArchaeologySet::Extent;
  std::vector<archive::ArchaeologySet::Source> sources = {
      {.directory = archaeology_directory(), .prefix = ""}};
  if (!config.archaeology_extra.empty()) {
    require_directory(config.archaeology_extra, "archaeology_extra");
    sources.push_back({.directory = config.archaeology_extra, .prefix = "extra/"});
  }
  switch (config.archaeology) {
    case home::ArchaeologyExtent::texts:
      return {};
    case home::ArchaeologyExtent::by_capacity:
      return {Extent::by_capacity, sources};
    case home::ArchaeologyExtent::full:
      require_directory(sources.front().directory, "archaeology = \"full\"");
      return {Extent::full, sources};
  }
  return {};
}

}  // namespace

archive::WriteContext write_context(Context& context, tapeio::ForPeople for_people) {
  Workspace& workspace = context.workspace;
  const home::Config& config = context.config();
  return {
      .database = context.database,
      .recipients = context.recipients(),
      .identities = workspace.identities(),
      .scratch = workspace.home().scratch(),
      .now_s = context.now_s,
      .record_size = config.record_size,
      .archaeology = archaeology_of(config),
      .bundle_bytes = config.bundle_size,
      .domain = copy_domains(context.workspace),
      .place = copy_places(context),
      .leave_alone = {},
      .warning_zone_bytes = {},
      .for_people = for_people,
      .tap = preview_tap(workspace.previews()),
      .robot_away = [&workspace] { return workspace.libraries().robot_away(); },
      .before_commit = {},
  };
}

}  // namespace mixtape::service
