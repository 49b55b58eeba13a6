// SPDX-License-Identifier: Apache-2.0
#include "engine/archive/passed_over.h"

namespace mixtape::archive {

void PassedOver::refused(const std::string& label, const Error& why, Reporter& reporter) {
  if (why.code() == ErrorCode::bad_medium) {
    failed(label, why, reporter);
  } else {
    refusals_.push_back(why);
  }
}

void PassedOver::failed(const std::string& label, const Error& why, Reporter& reporter) {
  const std::string retire = "retire it: `mixtape media retire " + label + "`";
  reporter.note(
      "medium " + label + " takes no more in this run: " + why.what() + "; " +
      (why.code() == ErrorCode::bad_medium ? retire : "if its drive writes others, " + retire));
  if (!failure_) {
    failure_ = why;
  }
}

void PassedOver::tell(Reporter& reporter) const {
  for (const Error& why : refusals_) {
    // A disk without room is as good as a full medium, which is no problem either.
    if (why.code() == ErrorCode::no_space) {
      reporter.note(why.what());
    } else {
      reporter.problem(why.what());
    }
  }
}

void PassedOver::fail_if_any(Reporter& reporter) {
  if (!refusals_.empty()) {
    const Error first = refusals_.front();
    refusals_.erase(refusals_.begin());
    tell(reporter);
    throw Error(first);
  }
  if (failure_) {
    throw Error(failure_->code(),
                std::string("nothing was written: no medium here takes it: ") + failure_->what());
  }
}

}  // namespace mixtape::archive
