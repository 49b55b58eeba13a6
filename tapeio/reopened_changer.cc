// SPDX-License-Identifier: Apache-2.0
#include "tapeio/reopened_changer.h"

#include <utility>

namespace mixtape::tapeio {
namespace {

using Clock = std::chrono::steady_clock;

// What a device that is gone, or a connection that was cut, looks like.
bool may_be_lost(const Error& error) {
  return error.code() == ErrorCode::io || error.code() == ErrorCode::not_found;
}

}  // namespace

ReopenedChanger::ReopenedChanger(Open open, std::chrono::milliseconds left_alone)
    : open_(std::move(open)), left_alone_(left_alone), changer_(open_()), name_(changer_->name()) {}

Changer& ReopenedChanger::opened() {
  if (!changer_) {
    if (trouble_ && Clock::now() < open_again_) {
      throw Error(*trouble_);
    }
    changer_ = open_();
  }
  return *changer_;
}

std::vector<Element> ReopenedChanger::elements() {
  if (changer_) {
    try {
      return changer_->elements();
    } catch (const Error& error) {
      if (!may_be_lost(error)) {
        throw;
      }
      changer_.reset();
      trouble_.reset();
    }
  }
  try {
    return opened().elements();
  } catch (const Error& error) {
    changer_.reset();
    if (!trouble_ || Clock::now() >= open_again_) {
      trouble_ = error;
      open_again_ = Clock::now() + left_alone_;
    }
    throw;
  }
}

void ReopenedChanger::move(std::uint16_t from, std::uint16_t to) {
  try {
    opened().move(from, to);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::io) {
      changer_.reset();
    }
    throw;
  }
}

}  // namespace mixtape::tapeio
