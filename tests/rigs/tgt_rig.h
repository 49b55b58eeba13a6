// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/support/temp_dir.h"

// A SCSI target that no one here wrote (Debian's tgt), on loopback, for one test program.
//
// Target 1: two drives at units 1 and 2, empty at first, and a changer with four cartridges at unit
// 3. Target 2: a drive at unit 1 that asks for a password. docs/testing.md tells what is wrong in
// tgt.

namespace mixtape::test {

class TgtRig {
 public:
  // Empty: a rig can run here; else the reason why not, for GTEST_SKIP.
  [[nodiscard]] static std::string why_not();

  // Throws std::runtime_error with the target's log when it does not start.
  TgtRig();
  ~TgtRig();
  TgtRig(const TgtRig&) = delete;
  TgtRig& operator=(const TgtRig&) = delete;

  // "iscsi://127.0.0.1:PORT/iqn.2026-11.mixtape.test:t1/UNIT"; `login`: "user%password@".
  [[nodiscard]] std::string url(int target, int unit, const std::string& login = "") const;
  // Puts a new, blank cartridge of `mebibytes` into drive `unit` of target 1; the one before is
  // gone.
  void insert_blank(int unit, std::uint64_t mebibytes);
  void set_write_protected(int unit, bool value);
  void empty(int unit);

  // As if the power of the target failed.
  void kill();
  // It keeps its connections and answers nothing.
  void freeze();

 private:
  void admin(const std::string& arguments) const;

  TempDir directory_{TempDir::Place::memory};
  int port_ = 0;
  int control_ = 0;
  int next_cartridge_ = 0;
  pid_t pid_ = 0;
};

}  // namespace mixtape::test
