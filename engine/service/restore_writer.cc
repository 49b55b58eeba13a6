// SPDX-License-Identifier: Apache-2.0
#include "engine/service/restore_writer.h"

#include <sys/stat.h>

#include <algorithm>

#include "tapeio/error.h"
#include "tapeio/files.h"

namespace mixtape::service {

namespace {

constexpr std::size_t kCopyBuffer = 1 * MiB;
constexpr std::chrono::milliseconds kProgressInterval{100};

// Codes that say something about the bytes of one copy; all others are about the medium or the
// keys.
bool blames_copy(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::io;
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
  if (last || now >= next_progress_) {
    shown_.phase = phase;
    shown_.total_bytes = plan_.needed_bytes;
    shown_.total_files = plan_.items.size();
    reporter_.progress(shown_);
    next_progress_ = now + kProgressInterval;
  }
}

catalog::Metadata RestoreWriter::metadata_of(const RestoreItem& item) {
  const auto version = context_.tree.version(item.version);
  // A directory that no scan has looked at has no version of its own.
  if (!version) {
    catalog::Metadata metadata;
    metadata.mode = S_IFDIR | 0755;
    return metadata;
  }
  return version->metadata;
}

void RestoreWriter::make_what_has_no_content() {
  std::vector<bool> comes_later(plan_.items.size());
  for (const RestoreContent& content : plan_.contents) {
    for (const std::size_t item : content.items) {
      comes_later[item] = true;
    }
  }
  for (const RestoreLink& link : plan_.links) {
    comes_later[link.item] = true;
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
      const catalog::Metadata metadata = metadata_of(item);
      if (S_ISLNK(item.mode)) {
        destination_.make_symlink(item.target, metadata, item.existing);
        ++result_.symlinks;
      } else if (S_ISREG(item.mode)) {
        destination_.create(item.target)->finish(metadata, item.existing);
        ++result_.files;
      } else {
        destination_.make_special(item.target, metadata, item.existing);
        ++result_.specials;
      }
    });
    ++shown_.done_files;
  }
}

// --- One content

void RestoreWriter::begin(const RestoreContent& content) {
  file_.reset();
  for (candidate_ = 0; candidate_ < content.items.size() && !file_; ++candidate_) {
    item_ = content.items[candidate_];
    attempt(item_, [&] { file_ = destination_.create(plan_.items[item_].target); });
  }
}

void RestoreWriter::write(ByteView bytes) {
  shown_.done_bytes += bytes.size();
  if (file_ && !attempt(item_, [&] { file_->write(bytes); })) {
    file_.reset();
  }
}

void RestoreWriter::write_zeros(std::uint64_t count) {
  shown_.done_bytes += count;
  if (file_) {
    file_->write_zeros(count);
  }
}

bool RestoreWriter::finish_content(const RestoreContent& content, std::string& why) {
  if (!file_) {
    return true;  // Nothing wrong with the copy; the files have their troubles.
  }
  if (file_->size() != content.content.size) {
    why = "it has " + std::to_string(file_->size()) + " bytes instead of " +
          std::to_string(content.content.size);
  } else if (!content.content.hash) {
    ++result_.unverified;
  } else if (file_->digest() != *content.content.hash) {
    why = "its hash is not that of the content";
  }
  if (!why.empty()) {
    file_.reset();
    return false;
  }
  const RestoreItem& item = plan_.items[item_];
  if (attempt(item_, [&] { file_->finish(metadata_of(item), item.existing); })) {
    ++result_.files;
    result_.bytes += content.content.size;
    ++shown_.done_files;
    copy_to_others(content);
  }
  file_.reset();
  return true;
}

void RestoreWriter::copy_to_others(const RestoreContent& content) {
  for (std::size_t next = candidate_; next < content.items.size(); ++next) {
    const std::size_t item = content.items[next];
    if (attempt(item, [&] { copy_file(item_, item); })) {
      ++result_.files;
      result_.bytes += content.content.size;
      ++shown_.done_files;
    }
  }
}

void RestoreWriter::copy_file(std::size_t from, std::size_t to) {
  const RestoreItem& target = plan_.items[to];
  const tapeio::UniqueFd source = destination_.open(plan_.items[from].target);
  const auto copy = destination_.create(target.target);
  Bytes buffer(kCopyBuffer);
  while (const std::size_t size = tapeio::read_full(source.get(), buffer, target.target)) {
    copy->write(ByteView(buffer).first(size));
  }
  copy->finish(metadata_of(target), target.existing);
}

// --- From the cache and from media

std::vector<std::size_t> RestoreWriter::copy_from_cache() {
  std::vector<std::size_t> absent;
  Bytes buffer(kCopyBuffer);
  for (std::size_t number = 0; number < plan_.contents.size(); ++number) {
    const RestoreContent& content = plan_.contents[number];
    const auto fd = context_.workspace.cache().open(content.content);
    if (!fd) {
      absent.push_back(number);
      continue;
    }
    begin(content);
    std::string why;
    try {
      while (const std::size_t size = tapeio::read_full(fd->get(), buffer, "cache entry")) {
        progress("restore from the cache", false);
        write(ByteView(buffer).first(size));
      }
    } catch (const Error& error) {
      if (error.code() == ErrorCode::no_space || error.code() == ErrorCode::cancelled) {
        throw;
      }
    }
    if (finish_content(content, why)) {
      ++result_.from_cache;
    } else {
      context_.workspace.cache().drop(content.content);
      absent.push_back(number);
    }
  }
  return absent;
}

RestoreWriter::Swept RestoreWriter::read(const RestoreSweep& sweep,
                                         std::unique_ptr<tapeio::TapeDrive> drive) {
  RestoreStream stream(
      std::move(drive), context_.workspace.identities(), sweep.reads.size(),
      [&](std::size_t number) {
        const RestoreSweep::Read& read = sweep.reads[number];
        recall::Extent extent;
        extent.archive = plan_.archives[read.copy.archive].place;
        extent.data_offset = read.copy.data_offset;
        extent.stored_size = read.copy.stored_size;
        extent.sparse = read.copy.sparse;
        return RestoreStream::Wanted{std::move(extent), plan_.contents[read.content].content.size};
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
      continue;
    }
    const RestoreSweep::Read& read = sweep.reads[event->number];
    if (event->kind == Kind::begin) {
      begin(plan_.contents[read.content]);
      progress(phase, false);
      continue;
    }
    next = event->number + 1;
    std::string why = event->why;
    ErrorCode code = event->code;
    if (event->kind == Kind::failed && !blames_copy(code)) {
      file_.reset();
      swept.medium_failed = why;
      next = event->number;
      break;
    }
    if (event->kind == Kind::failed) {
      file_.reset();
    } else if (finish_content(plan_.contents[read.content], why)) {
      continue;
    } else {
      code = ErrorCode::corrupt;
    }
    copy_failed(read, why, code);
    swept.again.push_back(read.content);
  }
  for (; next < sweep.reads.size(); ++next) {
    swept.again.push_back(sweep.reads[next].content);
  }
  progress(phase, true);
  return swept;
}

void RestoreWriter::copy_failed(const RestoreSweep::Read& read, const std::string& why,
                                ErrorCode code) {
  RestoreContent& content = plan_.contents[read.content];
  const RestoreArchive& archive = plan_.archives[read.copy.archive];
  std::erase_if(content.copies, [&](const RestoreCopy& copy) {
    return copy.archive == read.copy.archive && copy.data_offset == read.copy.data_offset;
  });
  content.why = "the copy on medium " + archive.place.medium_label + ": " + why;
  ++result_.damaged_copies;
  reporter_.problem(plan_.items[content.items.front()].target + ": " + content.why);
  if (code != ErrorCode::corrupt) {
    return;  // Unreadable now says nothing about next time.
  }
  try {
    // The caller's connection may be one that only reads.
    if (!marker_) {
      marker_ = std::make_unique<Context>(context_.workspace, catalog::Access::write);
    }
    marker_->ledger.mark_copy(catalog::ContentId{content.content.number}, archive.bundle,
                              catalog::CopyState::bad);
  } catch (const Error& error) {
    reporter_.note(std::string("the damage could not be noted in the catalog: ") + error.what());
  }
}

void RestoreWriter::finish() {
  for (const RestoreLink& link : plan_.links) {
    const RestoreItem& item = plan_.items[link.item];
    if (attempt(link.item,
                [&] { destination_.make_link(link.from, item.target, item.existing); })) {
      ++result_.links;
      ++result_.files;
    }
  }
  for (std::size_t number = plan_.items.size(); number-- > 0;) {
    const RestoreItem& item = plan_.items[number];
    if (S_ISDIR(item.mode)) {
      attempt(number, [&] { destination_.finish_directory(item.target, metadata_of(item)); });
    }
  }
  result_.lost_attributes = destination_.lost_attributes();
  result_.lost_attribute_count = destination_.lost_attribute_count();
  progress("restore", true);
}

}  // namespace mixtape::service
