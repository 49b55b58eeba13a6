// SPDX-License-Identifier: Apache-2.0
#include "engine/service/told_losses.h"

#include "engine/service/time_text.h"
#include "tapeio/library.h"

namespace mixtape::service {
namespace {

std::string number_of(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string named(const catalog::MediumLoss& loss) {
  std::string text;
  for (const std::string& name : loss.names) {
    text += (text.empty() ? " (/" : ", /") + name;
  }
  if (!text.empty() && loss.files > loss.names.size()) {
    text += " and " + std::to_string(loss.files - loss.names.size()) + " more";
  }
  return text.empty() ? "" : text + ")";
}

std::string words_of(const catalog::MediumLoss& loss) {
  std::string text;
  const auto add = [&](const std::string& what) { text += (text.empty() ? "" : "; ") + what; };
  if (loss.files > 0) {
    add(number_of(loss.files, "file is", "files are") + " lost" + named(loss));
  }
  if (loss.gaps > 0) {
    add("at " + number_of(loss.gaps, "place", "places") +
        " nobody can tell which names are missing");
  }
  if (!loss.unopened.empty()) {
    std::string files;
    for (const std::uint64_t file : loss.unopened) {
      files += (files.empty() ? "" : ", ") + std::to_string(file);
    }
    add((loss.unopened.size() == 1 ? "tape file " : "tape files ") + files +
        " could not be opened, whatever stood there");
  }
  if (loss.unread_index) {
    add("tape file " + std::to_string(*loss.unread_index) +
        ", where its newest index must be, cannot be read, so that nothing is appended to it");
  }
  if (loss.unread_from) {
    add("from tape file " + std::to_string(*loss.unread_from) + " on it was not read");
  }
  if (loss.elsewhere > 0) {
    add("of " + number_of(loss.elsewhere, "damaged file", "damaged files") +
        " the catalog has another version or copy");
  }
  return "scanned " + local_time(loss.found_s) + ": " + text;
}

std::string advice_for(const catalog::MediumLoss& loss, const home::Home& home) {
  return "`" + recover_command(home, true) +
         "` reads that again, perhaps with another drive; `mixtape backup` writes what is still "
         "on a disk; when no more can be had, `mixtape media retire " +
         loss.medium + "`";
}

}  // namespace

std::string shell_word(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.:_-+=@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return text + "'";
}

std::vector<ToldLoss> told_losses(Context& context) {
  std::vector<ToldLoss> told;
  for (catalog::MediumLoss& loss : catalog::ScanLosses(context.database).by_medium(context.tree)) {
    std::string words = words_of(loss);
    std::string advice = advice_for(loss, context.workspace.home());
    told.push_back({std::move(loss), std::move(words), std::move(advice)});
  }
  return told;
}

std::string recover_command(const std::string& library, const std::filesystem::path& identity,
                            bool scan) {
  return std::string("mixtape recover") + (scan ? " --scan" : "") + " --library " +
         (library.empty() ? "URL" : shell_word(tapeio::url_for_people(library))) + " --identity " +
         (identity.empty() ? "FILE" : shell_word(identity.string()));
}

std::string recover_command(const home::Home& home, bool scan) {
  const std::vector<std::string> libraries = home.library_urls();
  return recover_command(libraries.size() == 1 ? libraries.front() : "", home.identity_file(),
                         scan);
}

}  // namespace mixtape::service
