// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/catalog/scan_losses.h"
#include "engine/home/home.h"
#include "engine/service/context.h"

// For people: what scans of media could not read, in the same words wherever it is told.

namespace mixtape::service {

struct ToldLoss {
  catalog::MediumLoss loss;
  // Of the medium, without its name and without a full stop; names are as they are on the medium.
  std::string words;
  std::string advice;  // Without a full stop.
};
// Of media in use, by label.
[[nodiscard]] std::vector<ToldLoss> told_losses(Context& context);

// In quotes where a shell would not take it for one word as it is.
[[nodiscard]] std::string shell_word(const std::string& word);
// The command that builds the catalog of this home anew, with the options that it needs: the first
// library and the first identity of the home, or a word for what it has not.
[[nodiscard]] std::string recover_command(const home::Home& home, bool scan);
// The same with these, for the usual home.
[[nodiscard]] std::string recover_command(const std::string& library,
                                          const std::filesystem::path& identity, bool scan);

}  // namespace mixtape::service
