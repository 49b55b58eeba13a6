// SPDX-License-Identifier: Apache-2.0
#include "fusefs/contents.h"

#include <algorithm>

#include "tapeio/error.h"

namespace mixtape::fusefs {

void Contents::queue(const std::vector<catalog::WantedContent>& contents) {
  for (const catalog::WantedContent& wanted : contents) {
    fetch({.number = catalog::number(wanted.content), .size = wanted.size, .hash = wanted.hash},
          wanted.path, {}, {});
  }
}

std::optional<tapeio::UniqueFd> RecalledContents::open(const recall::Content& content) {
  auto fd = cache_.open(content);
  if (fd) {
    recall_.used(content);
  }
  return fd;
}

bool RecalledContents::is_here(const recall::Content& content) {
  return cache_.contains(content);
}

std::size_t RecalledContents::preview(const recall::Content& content, std::uint64_t offset,
                                      MutableBytes into) {
  const MutableBytes wanted =
      into.first(std::min<std::uint64_t>(into.size(), content.size - offset));
  if (cache_.read_part(content, offset, wanted)) {
    return wanted.size();
  }
  const bool may_be_known =
      offset < previews::kMostOfOne || content.size - offset <= previews::kMostOfOne;
  return content.hash && may_be_known ? previews_.read(*content.hash, offset, into) : 0;
}

Contents::Ticket RecalledContents::read(const recall::Content& content, std::uint64_t offset,
                                        std::size_t size, const std::string& what,
                                        recall::Asker asker, Done done) {
  return recall_.read(content, offset, size, what, std::move(done), asker);
}

void RecalledContents::cancel(Ticket ticket) {
  recall_.cancel(ticket);
}

recall::CancelMark RecalledContents::watch_cancel(const recall::Content& content) {
  return recall_.watch_cancel(content);
}

void RecalledContents::fetch(const recall::Content& content, const std::string& what,
                             recall::Asker asker, Done done) {
  recall_.fetch(content, what, std::move(done), asker);
}

void RecalledContents::queue(const std::vector<catalog::WantedContent>& contents) {
  if (keep_) {
    keep_(contents);
  } else {
    Contents::queue(contents);
  }
}

bool RecalledContents::is_queued(const recall::Content& content) {
  const auto queue = recall_.queue();
  return std::any_of(queue.begin(), queue.end(),
                     [&](const auto& entry) { return entry.content.number == content.number; });
}

recall::Content content_of(const catalog::Version& version) {
  MIXTAPE_ASSERT(version.content.has_value());
  return {.number = catalog::number(*version.content), .size = version.size, .hash = version.hash};
}

}  // namespace mixtape::fusefs
