// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_writer.h"

#include <sys/stat.h>
#include <algorithm>
#include <numeric>
#include <utility>
#include "engine/service/locate_times.h"
#include "engine/service/part_file.h"
#include "engine/service/verdicts.h"
#include "engine/service/zero_runs.h"
#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {

namespace {

constexpr std::size_t kCopyBuffer = 1 * MiB;
// From so many on it is worth to ask first whether the cache has anything at all.
constexpr std::size_t kManyContents = 1000;
// Damaged copies that are told one by one.
constexpr std::size_t kMostDamageTold = 20;
constexpr std::chrono::milliseconds kProgressInterval{100};

// Codes that concern one copy: its bytes, or the archive it is in, which no key opens. All others
// are about the medium.
bool concerns_copy(ErrorCode code) {
  return is_damage(code) || code == ErrorCode::io || code == ErrorCode::not_permitted;
}

}  // namespace

template <typename Make>
bool RestoreWriter::attempt(std::size_t item, Make make) {
  try {
    make();
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled) {
      throw;
    }
    add_trouble(result_, plan_.items[item].target, error.what());
    return false;
  }
}

void RestoreWriter::progress(const std::string& phase, bool last) {
  if (reporter_.stop().stop_requested()) {
    throw Error(ErrorCode::cancelled, "restore: cancelled");
  }
  const auto now = std::chrono::steady_clock::now();
  if (last || phase != shown_.phase || now >= next_progress_) {
    shown_.phase = phase;
    shown_.total_bytes = plan_.needed_bytes;
    shown_.total_files = plan_.items.size();
    reporter_.progress(shown_);
    next_progress_ = now + kProgressInterval;
  }
}

void RestoreWriter::make_what_has_no_content() {
  std::vector<bool> comes_later(plan_.items.size());
  for (const RestoreContent& content : plan_.contents) {
    for (const std::size_t item : content.items) {
      comes_later[item] = true;
    }
  }
  for (std::size_t number = 0; number < plan_.items.size(); ++number) {
    const RestoreItem& item = plan_.items[number];
    if (comes_later[number]) {
      continue;
    }
    progress("restore", false);
    attempt(number, [&] {
      if (S_ISDIR(item.mode)) {
        destination_.make_directory(item.target);
        ++result_.directories;
        return;
      }
      const catalog::Metadata metadata = plan_.metadata_of(item);
      if (S_ISLNK(item.mode)) {
        destination_.make_symlink(item.target, metadata, item.existing);
        ++result_.symlinks;
      } else if (S_ISREG(item.mode)) {
        if (!link_to_first_name(item)) {
          destination_.create(item.target)->finish(metadata, item.existing);
        }
        note_made(item);
      } else {
        destination_.make_special(item.target, metadata, item.existing);
        ++result_.specials;
      }
    });
    ++shown_.done_files;
  }
}

// --- Names of files

bool RestoreWriter::link_to_first_name(const RestoreItem& item) {
  const auto first = plan_.names.find(item.inode);
  if (first == plan_.names.end()) {
    return false;
  }
  destination_.make_link(first->second, item.target, item.existing);
  ++result_.links;
  return true;
}

void RestoreWriter::note_made(const RestoreItem& item) {
  if (item.inode != 0) {
    plan_.names.emplace(item.inode, item.target);
  }
  ++result_.files;
}

// --- One content

void RestoreWriter::begin(RestoreContent& content) {
  file_.reset();
  content_ = &content;
  while (!file_ && content.settled < content.items.size()) {
    file_item_ = content.items[content.settled];
    if (!attempt(file_item_,
                 [&] { file_ = destination_.create(plan_.items[file_item_].target); })) {
      ++content.settled;
    }
  }
}

void RestoreWriter::write(ByteView bytes) {
  shown_.done_bytes += bytes.size();
  if (file_ && !attempt(file_item_, [&] { file_->write(bytes); })) {
    file_.reset();
    ++content_->settled;
  }
}

void RestoreWriter::write_zeros(std::uint64_t count) {
  shown_.done_bytes += count;
  if (file_) {
    file_->write_zeros(count);
  }
}

RestoreWriter::Arrived RestoreWriter::finish_content(const format::Digest& digest,
                                                     std::string& why) {
  if (!file_) {
    return Arrived::nowhere;
  }
  RestoreContent& content = *content_;
  if (file_->size() != content.content.size) {
    why = "it has " + std::to_string(file_->size()) + " bytes instead of " +
          std::to_string(content.content.size);
  } else if (!content.content.hash) {
    ++result_.unverified;
  } else if (digest != *content.content.hash) {
    why = kOtherHash;
  }
  if (!why.empty()) {
    file_.reset();
    return Arrived::wrong;
  }
  for (; content.settled < content.items.size(); ++content.settled) {
    const std::size_t item = content.items[content.settled];
    if (attempt(item, [&] { make_file(item); })) {
      ++shown_.done_files;
    }
  }
  file_.reset();
  return Arrived::whole;
}

void RestoreWriter::make_file(std::size_t number) {
  const RestoreItem& item = plan_.items[number];
  if (!link_to_first_name(item)) {
    if (number == file_item_) {
      file_->finish(plan_.metadata_of(item), item.existing);
    } else {
      copy_file(item);
    }
    result_.bytes += file_->size();
  }
  note_made(item);
}

void RestoreWriter::copy_file(const RestoreItem& item) {
  const auto copy = destination_.create(item.target);
  copy_whole_ranges(*file_, file_->size(), {}, *copy,
                    [&](std::uint64_t) { progress("copy for another name", false); });
  copy->extend_to(file_->size());  // It may end in a hole.
  copy->finish(plan_.metadata_of(item), item.existing);
}

// --- From the cache and from media

std::vector<std::size_t> RestoreWriter::copy_from_cache() {
  std::vector<std::size_t> absent;
  // Of so many each would be looked for in vain.
  if (plan_.contents.size() >= kManyContents && context_.workspace.cache().usage().entries == 0) {
    absent.resize(plan_.contents.size());
    std::iota(absent.begin(), absent.end(), std::size_t{0});
    return absent;
  }
  for (std::size_t number = 0; number < plan_.contents.size(); ++number) {
    RestoreContent& content = plan_.contents[number];
    while (!content.is_settled() && copy_from_cache(content)) {
    }
    if (!content.is_settled()) {
      absent.push_back(number);
    }
  }
  return absent;
}

bool RestoreWriter::copy_from_cache(RestoreContent& content) {
  const auto fd = context_.workspace.cache().open(content.content);
  if (!fd) {
    return false;
  }
  begin(content);
  // Where its holes are, the cache does not tell.
  const bool is_sparse = std::ranges::any_of(content.copies, &RestoreCopy::sparse);
  Bytes buffer(kCopyBuffer);
  format::Hasher hasher;
  try {
    while (const std::size_t size = tapeio::read_full(fd->get(), buffer, "cache entry")) {
      progress("restore from the cache", false);
      const ByteView part = ByteView(buffer).first(size);
      hasher.update(part);
      const auto copy = [&](ByteView data) { write(data); };
      is_sparse ? each_run(part, copy, [&](std::uint64_t count) { write_zeros(count); })
                : copy(part);
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled) {
      throw;
    }
  }
  std::string why;
  const Arrived arrived = finish_content(hasher.finish(), why);
  if (arrived == Arrived::wrong) {
    context_.workspace.cache().drop(content.content);
  }
  result_.from_cache += arrived == Arrived::whole ? 1 : 0;
  return arrived != Arrived::wrong;
}

RestoreWriter::Swept RestoreWriter::read(const RestoreSweep& sweep,
                                         std::unique_ptr<tapeio::TapeDrive> drive) {
  RestoreStream stream(std::move(drive), context_.workspace.identities(), sweep.reads.size(),
                       [&](std::size_t number) {
                         const RestoreSweep::Read& read = sweep.reads[number];
                         return RestoreStream::Wanted{plan_.extent_of(read.copy),
                                                      plan_.contents[read.content].content.size};
                       });
  const std::string phase = "restore from " + sweep.label;
  Swept swept;
  std::size_t next = 0;
  while (const auto event = stream.next()) {
    using Kind = RestoreStream::Event::Kind;
    if (event->kind == Kind::data) {
      write(event->data);
      progress(phase, false);
      continue;
    }
    if (event->kind == Kind::zeros) {
      write_zeros(event->zeros);
      progress(phase, false);
      continue;
    }
    const RestoreSweep::Read& read = sweep.reads[event->number];
    if (event->kind == Kind::begin) {
      begin(plan_.contents[read.content]);
      progress(phase, false);
      continue;
    }
    next = event->number + 1;
    if (event->kind == Kind::failed && !concerns_copy(event->code)) {
      file_.reset();
      swept.medium_failed = event->why;
      next = event->number;
      break;
    }
    if (event->kind == Kind::failed) {
      file_.reset();
      copy_failed(read, event->why, event->code);
    } else {
      finish_read(read, event->digest);
    }
    if (!plan_.contents[read.content].is_settled()) {
      swept.again.push_back(read.content);
    }
  }
  for (; next < sweep.reads.size(); ++next) {
    swept.again.push_back(sweep.reads[next].content);
  }
  note_verified();
  if (const auto located = stream.take_located(); !located.samples.empty()) {
    note_in_catalog(
        [&](Context& context) { note_locates(context, located.drive, located.samples); });
  }
  progress(phase, true);
  return swept;
}

void RestoreWriter::finish_read(const RestoreSweep::Read& read, const format::Digest& digest) {
  std::string why;
  const Arrived arrived = finish_content(digest, why);
  if (arrived == Arrived::wrong) {
    copy_failed(read, why, ErrorCode::corrupt);
  } else if (arrived == Arrived::whole && plan_.contents[read.content].content.hash) {
    verified_.push_back({catalog::ContentId{plan_.contents[read.content].content.number},
                         plan_.archives[read.copy.archive].place.bundle_uuid});
    if (verified_.size() >= kMostVerifiedAtOnce) {
      note_verified();
    }
  }
}

void RestoreWriter::copy_failed(const RestoreSweep::Read& read, const std::string& why,
                                ErrorCode code) {
  RestoreContent& content = plan_.contents[read.content];
  const RestoreArchive& archive = plan_.archives[read.copy.archive];
  plan_.drop(read.content, read.copy);
  const std::string told = "the copy on medium " + archive.place.medium_label + ": " + why;
  if (content.copies.empty()) {
    content.why = told;  // The trouble of every file that wants it.
  }
  if (code == ErrorCode::not_permitted) {
    return;
  }
  ++result_.damaged_copies;
  if (!content.copies.empty()) {
    tell_another_is_read(content, told);
  }
  if (is_damage(code)) {  // A drive that fails says nothing about the copy.
    note_in_catalog([&](Context& context) {
      context.ledger.mark_damaged(catalog::ContentId{content.content.number}, archive.bundle,
                                  context.now_s(), why);
    });
  }
}

void RestoreWriter::tell_another_is_read(const RestoreContent& content, const std::string& why) {
  if (damage_told_++ < kMostDamageTold) {
    reporter_.note("/" + plan_.items[content.items.front()].target + ": " + why +
                   "; another one is read");
  }
}

void RestoreWriter::note_verified() {
  const std::vector<VerifiedCopy> copies = std::exchange(verified_, {});
  if (!copies.empty()) {
    note_in_catalog([&](Context& context) { service::note_verified(context, copies); });
  }
}

void RestoreWriter::note_in_catalog(const std::function<void(Context&)>& note) {
  if (notes_refused_) {
    return;
  }
  try {
    // The caller's connection may be one that only reads.
    if (!marker_) {
      marker_ =
          std::make_unique<Context>(context_.workspace, catalog::Access::write, context_.now_s);
    }
    note(*marker_);
  } catch (const Error& error) {
    notes_refused_ = true;
    reporter_.note(std::string("what was found out about copies is not noted in the catalog: ") +
                   error.what());
  }
}

void RestoreWriter::finish() {
  if (damage_told_ > kMostDamageTold) {
    reporter_.note("and " + std::to_string(damage_told_ - kMostDamageTold) +
                   " more damaged copies");
  }
  for (std::size_t number = plan_.items.size(); number-- > 0;) {
    const RestoreItem& item = plan_.items[number];
    if (S_ISDIR(item.mode)) {
      attempt(number, [&] { destination_.finish_directory(item.target, plan_.metadata_of(item)); });
    }
  }
  result_.lost_attributes = destination_.lost_attributes();
  result_.lost_attribute_count = destination_.lost_attribute_count();
  progress("restore", true);
}

}  // namespace mixtape::service
