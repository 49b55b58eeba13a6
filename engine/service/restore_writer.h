// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/destination.h"
#include "engine/service/restore.h"
#include "engine/service/restore_plan.h"
#include "engine/service/restore_stream.h"

// The hands of a restore: makes what the plan says.
//
// Threads: the caller's.
// Errors:  throws Error{no_space, cancelled}; all else becomes a trouble of one file.

namespace mixtape::service {

class RestoreWriter {
 public:
  RestoreWriter(Context& context, RestorePlan& plan, Destination& destination,
                RestoreResult& result, Reporter& reporter)
      : context_(context),
        plan_(plan),
        destination_(destination),
        result_(result),
        reporter_(reporter) {}

  // Directories, symlinks, special and empty files.
  void make_what_has_no_content();
  // What the cache holds; returns the contents that it does not.
  [[nodiscard]] std::vector<std::size_t> copy_from_cache();
  // Reads one medium. Contents whose copy there is no good lose that copy and are returned; when
  // the medium itself fails, they lose nothing, but `medium_failed` says why.
  struct Swept {
    std::vector<std::size_t> again;
    std::string medium_failed;
  };
  [[nodiscard]] Swept read(const RestoreSweep& sweep, std::unique_ptr<tapeio::TapeDrive> drive);
  // Second names, and what directories carry: the time of change comes when nothing changes in them
  // any more.
  void finish();

 private:
  // The file that a content is being written to; fileless when none of its items could be made.
  void begin(const RestoreContent& content);
  void write(ByteView bytes);
  void write_zeros(std::uint64_t count);
  // Checks what has arrived; false: it is not the content, and nothing is left of it.
  bool finish_content(const RestoreContent& content, std::string& why);
  void copy_to_others(const RestoreContent& content);
  void copy_file(std::size_t from, std::size_t to);
  void copy_failed(const RestoreSweep::Read& read, const std::string& why, ErrorCode code);
  [[nodiscard]] catalog::Metadata metadata_of(const RestoreItem& item);
  // Runs `make` for an item; false and a trouble when it fails. Error{no_space} passes.
  template <typename Make>
  bool attempt(std::size_t item, Make make);
  void progress(const std::string& phase, bool last);

  Context& context_;
  RestorePlan& plan_;
  Destination& destination_;
  RestoreResult& result_;
  Reporter& reporter_;

  std::unique_ptr<Destination::NewFile> file_;
  std::size_t item_ = 0;             // That file_ is.
  std::size_t candidate_ = 0;        // Items of the content before this one could not be made.
  std::unique_ptr<Context> marker_;  // Notes damage; opened when there is some.
  Progress shown_;
  std::chrono::steady_clock::time_point next_progress_{};
};

}  // namespace mixtape::service
