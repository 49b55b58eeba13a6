// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/progress/reporter.h"
#include "engine/service/context.h"
#include "engine/service/destination.h"
#include "engine/service/restore.h"
#include "engine/service/restore_plan.h"
#include "engine/service/salvage.h"
#include "tapeio/tape_drive.h"

// What is left of files of which every copy is damaged.
//
// All copies are read that are within reach, each only where those before it have holes; which go
// together, and which are better left alone, says salvage_choice.h. When no hole is left and the
// hash is right, the file is whole after all and gets its name. Otherwise what
// there is becomes PATH.partial: as long as the file, with holes where nothing could be had. It
// takes a name that is free, and that no other file of the plan wants: PATH.partial~2 where there
// is a PATH.partial; of a long name it has the beginning.
//
// Threads: the caller's.
// Errors:  throws Error{no_space, cancelled}; all else becomes a trouble of one file.
// Cost:    loads each medium once for a hundred contents, and again where hashes were wrong; needs
//          room for a second file then, and does without where there is none.

namespace mixtape::service {

class PartialRestore {
 public:
  using Load = std::function<std::unique_ptr<tapeio::TapeDrive>(const std::string& label)>;
  PartialRestore(Context& context, RestorePlan& plan, Destination& destination,
                 RestoreResult& result, Reporter& reporter, Load load);
  ~PartialRestore();

  // Settles the items of these contents that are not settled.
  void make(const std::vector<std::size_t>& contents);

 private:
  struct Made;
  struct Work;

  void make_some(const std::vector<std::size_t>& contents);
  void begin(Work& work);
  void read(const std::string& label, std::vector<Work>& works);
  void begin_attempt(Work& work);
  void spare(Work& work, const std::function<void()>& action);
  static void drop_attempt(Work& work, const std::string& why);
  void judge(Work& work);
  void read_copy(tapeio::TapeDrive& drive, Work& work, std::size_t number);
  void tell_of_others(Work& work);
  static void lose(Made& made, const std::string& label, const std::string& why);
  void finish(Work& work);
  void make_item(Work& work, std::size_t number, bool is_whole);
  [[nodiscard]] std::string free_name(const std::string& target);
  void copy(const Work& work, const Made& from, Destination::NewFile& to);
  [[nodiscard]] bool has_right_hash(const Work& work, const Made& made);
  // Error{cancelled}. The size of a sparse content may be anything: whoever goes through one calls
  // go_on every now and then.
  void require_no_stop() const;
  void go_on(const std::string& phase, std::uint64_t done, std::uint64_t total);

  Context& context_;
  RestorePlan& plan_;
  Destination& destination_;
  RestoreResult& result_;
  Reporter& reporter_;
  const Load load_;
  std::unordered_set<std::string_view> targets_;  // Of the whole plan.
};

}  // namespace mixtape::service
