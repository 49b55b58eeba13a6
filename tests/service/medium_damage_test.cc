// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include "engine/service/last_index.h"
#include "engine/service/recover.h"
#include "engine/service/restore.h"
#include "engine/service/verify.h"
#include "tests/service/claims_fixture.h"
#include "tests/support/witness.h"
namespace mixtape::service {
namespace {
namespace fs = std::filesystem;
class D : public ClaimsTest {};
TEST_F(D, M) {
  configure("record_size = '64 KiB'\narchaeology = 'texts'\n");
  write("a", std::string(20'000, 'x'));
  write("b", "ten");
  write("c", std::string(90'000, 'y'));
  back_up();
  for (auto& e : fs::directory_iterator(home() / "library/MX0001")) std::cout << e.path() << " " << fs::file_size(e.path()) << "\n";
  auto time = [](const char* n, auto f) {
    auto t = std::chrono::steady_clock::now();
    auto c = clock();
    for (int i = 0; i < 20; ++i) f();
    std::cout << n << " " << std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - t).count() / 20 << " ms, cpu " << double(clock()-c)/20/1000 << "\n";
  };
  VerifyRequest request; request.media = {"MX0001"};
  time("verify", [&] { (void)verify(context(), request, reporter_); });
  time("restore", [&] { fs::remove_all(directory_ / "out"); (void)restore(context(), {.paths = {"/"}, .to = (directory_ / "out").string()}, reporter_); });
  time("lite", [&] {
    auto& lib = *context().workspace.libraries().here().front();
    auto drive = lib.load("MX0001", tapeio::Library::Access::read);
    auto label = read_label(*drive);
    fs::remove(directory_ / "x");
    (void)read_last_index(*drive, *label, context().workspace.identities(), directory_ / "x");
  });
  time("recover", [&] { fs::remove_all(directory_ / "f"); (void)recover({directory_ / "f", "dir:" + (home() / "library").string(), home() / "keys/recovery.identity", "x"}, reporter_); });
  time("witness", [&] { (void)test::witness(home() / "keys/recovery.identity", home() / "library/MX0001", directory_ / "w"); });
}
}  // namespace
}  // namespace mixtape::service
