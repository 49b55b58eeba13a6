// SPDX-License-Identifier: Apache-2.0
#include "engine/service/content_hashes.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace mixtape::service {
namespace {

using Kind = RestoreEvent::Kind;

// Contents as a restore meets them, cut into batches wherever chance wants it.
class ContentHashesTest : public testing::Test {
 protected:
  void begin() { event({.kind = Kind::begin}); }
  void data(std::size_t size) {
    auto bytes = std::make_shared<Bytes>(size);
    for (std::byte& byte : *bytes) {
      byte = static_cast<std::byte>(random_());
    }
    content_.insert(content_.end(), bytes->begin(), bytes->end());
    event({.kind = Kind::data, .data = *bytes});
    current().chunks.push_back(std::move(bytes));
  }
  void zeros(std::size_t size) {
    content_.resize(content_.size() + size);
    event({.kind = Kind::zeros, .zeros = size});
  }
  void end() {
    expected_.push_back(format::digest_of(content_));
    content_.clear();
    event({.kind = Kind::end});
  }
  void fail() {
    content_.clear();
    event({.kind = Kind::failed});
  }
  void next_batch() { batches_.push_back(nullptr); }

  void expect_digests() {
    ContentHashes hashes;
    std::erase(batches_, nullptr);
    for (const auto& batch : batches_) {
      hashes.submit(*batch);
    }
    std::vector<format::Digest> found;
    for (const auto& batch : batches_) {
      hashes.wait(*batch);
      for (const RestoreEvent& event : batch->events) {
        if (event.kind == Kind::end) {
          found.push_back(event.digest);
        }
      }
    }
    EXPECT_EQ(found, expected_);
  }

  std::mt19937 random_{1};
  std::vector<std::unique_ptr<RestoreBatch>> batches_;

 private:
  RestoreBatch& current() {
    if (batches_.empty() || !batches_.back()) {
      batches_.push_back(std::make_unique<RestoreBatch>());
    }
    return *batches_.back();
  }
  void event(RestoreEvent event) { current().events.push_back(std::move(event)); }

  Bytes content_;
  std::vector<format::Digest> expected_;
};

TEST_F(ContentHashesTest, ContentsOfOneBatchAndHolesAndEmptyOnes) {
  begin();
  data(10);
  zeros(200'000);
  data(10);
  end();
  begin();
  end();
  begin();
  zeros(1);
  end();
  expect_digests();
}

TEST_F(ContentHashesTest, AContentGoesOnThroughBatchesThatHoldNothingElse) {
  begin();
  for (int i = 0; i < 20; ++i) {
    data(1000);
    next_batch();
  }
  end();
  begin();
  data(5);
  end();
  expect_digests();
}

TEST_F(ContentHashesTest, WhatHasComeOfAFailedContentIsInNoOther) {
  begin();
  data(1000);
  fail();
  begin();
  data(1000);
  next_batch();
  data(1000);
  fail();
  begin();
  data(7);
  end();
  expect_digests();
}

TEST_F(ContentHashesTest, HoweverTheBatchesAreCut) {
  for (int i = 0; i < 2000; ++i) {
    begin();
    while (random_() % 4 != 0) {
      random_() % 5 == 0 ? zeros(random_() % 5000) : data(random_() % 5000);
      if (random_() % 6 == 0) {
        next_batch();
      }
    }
    random_() % 10 == 0 ? fail() : end();
    if (random_() % 6 == 0) {
      next_batch();
    }
  }
  expect_digests();
}

TEST_F(ContentHashesTest, WhoStopsNeedNotWaitForTheRest) {
  // Nobody lives to see so many hashed: whoever waits for them runs into the limit of this test.
  constexpr std::uint64_t kEndless = std::uint64_t{1} << 60;
  begin();
  for (int i = 0; i < 10; ++i) {
    data(MiB);
    next_batch();
  }
  std::erase(batches_, nullptr);
  RestoreBatch goes_on{.events = {{.kind = Kind::zeros, .zeros = kEndless}, {.kind = Kind::end}}};
  RestoreBatch another{.events = {{.kind = Kind::begin},
                                  {.kind = Kind::zeros, .zeros = kEndless},
                                  {.kind = Kind::end}}};
  {
    ContentHashes hashes;
    for (const auto& batch : batches_) {
      hashes.submit(*batch);
    }
    hashes.submit(goes_on);
    hashes.submit(another);
    hashes.wait(*batches_.back());
  }
  EXPECT_EQ(goes_on.unhashed, 1U);
  EXPECT_EQ(another.unhashed, 1U);
}

}  // namespace
}  // namespace mixtape::service
