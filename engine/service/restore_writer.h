// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/format/digest.h"
#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/destination.h"
#include "engine/service/recall_service.h"
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

  // Directories, symlinks, special and empty files, other names of files that are there.
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
  // What was wrong with a copy whose file comes from another one. Only the first ones are told.
  void tell_another_is_read(const RestoreContent& content, const std::string& why);
  // What directories carry: the time of change comes when nothing changes in them any more.
  void finish();

 private:
  // Opens the file that a content is written to, for the first item that lets itself be made; none
  // when no item is left.
  void begin(RestoreContent& content);
  void write(ByteView bytes);
  void write_zeros(std::uint64_t count);
  // Checks what has arrived and makes all items of it that are left.
  enum class Arrived {
    whole,    // It is the content, and every item is made or has its trouble.
    nowhere,  // The file failed meanwhile: items that are left need the content again.
    wrong,    // It is not the content, and nothing is left of it.
  };
  [[nodiscard]] Arrived finish_content(const format::Digest& digest, std::string& why);
  // Makes an item of the bytes in file_, which stay readable when that fails.
  void make_file(std::size_t item);
  void copy_file(const RestoreItem& item);
  // False: the cache does not have it, or not as it should be.
  bool copy_from_cache(RestoreContent& content);
  void copy_failed(const RestoreSweep::Read& read, const std::string& why, ErrorCode code);
  // What was read is whole: the content, or not.
  void finish_read(const RestoreSweep::Read& read, const format::Digest& digest);
  void note_verified();
  // Runs `note` on a connection that writes; after the first failure no more.
  void note_in_catalog(const std::function<void(Context&)>& note);
  // True: it is another name of a file that is there by now, and was made a link to it.
  bool link_to_first_name(const RestoreItem& item);
  void note_made(const RestoreItem& item);
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
  std::size_t file_item_ = 0;           // That file_ is to become.
  RestoreContent* content_ = nullptr;   // That is being written.
  std::vector<VerifiedCopy> verified_;  // Not noted yet.
  std::unique_ptr<Context> marker_;     // Notes what was found; opened when there is something.
  bool notes_refused_ = false;
  std::size_t damage_told_ = 0;
  Progress shown_;
  std::chrono::steady_clock::time_point next_progress_{};
};

}  // namespace mixtape::service
