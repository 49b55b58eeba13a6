// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/medium_use.h"

#include <algorithm>
#include <utility>

namespace mixtape::archive {
namespace {

std::optional<Streaming> sum_of(const std::optional<Streaming>& first,
                                const std::optional<Streaming>& second) {
  if (!first || !second) {
    return first ? first : second;
  }
  Streaming sum{.underruns = first->underruns + second->underruns,
                .bytes = first->bytes + second->bytes,
                .taking_s = first->taking_s + second->taking_s};
  if (first->repositions && second->repositions) {
    sum.repositions = *first->repositions + *second->repositions;
  }
  return sum;
}

}  // namespace

void enter(MediumUse use, const MediumWriter& writer, std::uint64_t closing,
           std::vector<MediumUse>& media) {
  if (closing == 0 && use.bundles == 0) {
    return;
  }
  use.index_bytes += closing;
  use.full = writer.full();
  use.used_bytes = writer.written_bytes();
  use.streaming = writer.streaming();
  add_use(std::move(use), media);
}

void add_use(MediumUse use, std::vector<MediumUse>& media) {
  const auto before = std::ranges::find(media, use.label, &MediumUse::label);
  if (before == media.end()) {
    media.push_back(std::move(use));
    return;
  }
  use.bundles += before->bundles;
  use.archive_bytes += before->archive_bytes;
  use.index_bytes += before->index_bytes;
  use.labelled_now = use.labelled_now || before->labelled_now;
  use.streaming = sum_of(before->streaming, use.streaming);
  *before = std::move(use);
}

}  // namespace mixtape::archive
