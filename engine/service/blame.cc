// SPDX-License-Identifier: Apache-2.0
#include "engine/service/blame.h"

#include "tapeio/error.h"

namespace mixtape::service {
namespace {

// How one side of a pair did in other company.
struct Company {
  bool bad = false, fine = false;

  void add(const catalog::PairErrors& other) { (other.errors > 0 ? bad : fine) = true; }
};

Blame judge(const Company& tape_elsewhere, const Company& other_tapes) {
  if (tape_elsewhere.bad != other_tapes.bad) {
    return tape_elsewhere.bad ? Blame::tape : Blame::drive;
  }
  // Neither is bad elsewhere, or both are: only in the first case it helps to be fine there.
  if (!tape_elsewhere.bad && tape_elsewhere.fine != other_tapes.fine) {
    return tape_elsewhere.fine ? Blame::drive : Blame::tape;
  }
  return Blame::either;
}

}  // namespace

std::vector<BlamedErrors> blame(const std::vector<catalog::PairErrors>& used) {
  std::vector<BlamedErrors> blamed;
  for (const catalog::PairErrors& pair : used) {
    if (pair.errors == 0) {
      continue;
    }
    Company tape_elsewhere, other_tapes;
    for (const catalog::PairErrors& other : used) {
      const bool same_tape = other.medium == pair.medium;
      const bool same_drive = other.serial == pair.serial;
      if (same_tape && !same_drive) {
        tape_elsewhere.add(other);
      } else if (same_drive && !same_tape) {
        other_tapes.add(other);
      }
    }
    blamed.push_back({pair, judge(tape_elsewhere, other_tapes)});
  }
  return blamed;
}

std::string blame_text(Blame blame) {
  switch (blame) {
    case Blame::tape:
      return "this tape";
    case Blame::drive:
      return "this drive";
    case Blame::either:
      return "this tape or this drive";
  }
  MIXTAPE_ASSERT(!"every blame is handled above");
}

std::string blame_advice(Blame blame) {
  switch (blame) {
    case Blame::tape:
      return "verify it, and copy what is on it to another one";
    case Blame::drive:
      return "clean it; if it goes on, have it repaired";
    case Blame::either:
      return "read the tape in another drive, or another tape in this drive: then it is known";
  }
  MIXTAPE_ASSERT(!"every blame is handled above");
}

}  // namespace mixtape::service
