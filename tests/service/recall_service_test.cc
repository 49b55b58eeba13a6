// SPDX-License-Identifier: Apache-2.0
#include "engine/service/recall_service.h"

#include <future>

#include "tests/service/service_fixture.h"

namespace mixtape::service {
namespace {

class RecallServiceTest : public ServiceTest {
 protected:
  recall::Content content_of(std::string_view name) {
    return to_content(latest(path_of(name)).value());
  }
  // Brings it back, and waits until what was learnt is in the catalog.
  void recall(const std::vector<recall::Content>& contents) {
    RecallService service(*workspace_, [](const std::string&) {});
    for (const recall::Content& content : contents) {
      std::promise<bool> failed;
      (void)service.recall().fetch(content, "a file", [&](ByteView, const std::exception_ptr& why) {
        failed.set_value(why != nullptr);
      });
      EXPECT_FALSE(failed.get_future().get());
    }
  }
};

TEST_F(RecallServiceTest, NotesWhichCopiesWereReadWholeAndRight) {
  write("a", "alpha");
  write("b", "beta");
  write("c", "gamma");
  (void)back_up();
  recall({content_of("a"), content_of("b")});
  for (const char* name : {"a", "b", "c"}) {
    const auto places = context().ledger.places(catalog::ContentId{content_of(name).number});
    ASSERT_EQ(places.size(), 1U);
    EXPECT_EQ(places.front().copy.verified_s.has_value(), *name != 'c') << name;
  }
}

TEST_F(RecallServiceTest, ACopyThatWasCalledBadAndIsRightIsGoodAgain) {
  write("a", "alpha");
  (void)back_up();
  const catalog::ContentId content{content_of("a").number};
  const catalog::Bundle bundle = context().ledger.places(content).front().bundle;
  context().ledger.mark_damaged(content, bundle.id, 4000, "it is damaged");
  ASSERT_TRUE(context().ledger.places(content).empty());
  // One of another content, one of a bundle that the catalog does not know.
  note_verified(context(), {{catalog::ContentId{4711}, bundle.uuid},
                            {content, catalog::Uuid{}},
                            {content, bundle.uuid}});
  EXPECT_EQ(context().ledger.places(content).size(), 1U);
}

TEST_F(RecallServiceTest, SaysHowLongAContentTakesWhileItsMediumIsHere) {
  write("a", std::string(3 * MiB, 'a'));
  write("b", "beta");
  (void)back_up();
  const recall::Content b = content_of("b");
  RecallService service(*workspace_, [](const std::string&) {});
  EXPECT_EQ(service.recall().eta(b), std::nullopt);
  std::promise<void> done;
  (void)service.recall().fetch(content_of("a"), "a file",
                               [&](ByteView, const std::exception_ptr&) { done.set_value(); });
  done.get_future().get();
  EXPECT_EQ(service.recall().eta(b), std::chrono::seconds(1));
  std::filesystem::rename(home() / "library", home() / "away");
  EXPECT_EQ(service.recall().eta(b), std::nullopt);
}

}  // namespace
}  // namespace mixtape::service
