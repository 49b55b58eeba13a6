// SPDX-License-Identifier: Apache-2.0
#include "tests/rigs/tgt_rig.h"

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "tapeio/unique_fd.h"

namespace mixtape::test {
namespace {

bool is_executable(const char* path) {
  return ::access(path, X_OK) == 0;
}

// A port that nobody has now.
int free_port() {
  const tapeio::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* general = reinterpret_cast<sockaddr*>(&address);
  if (!socket.valid() || ::bind(socket.get(), general, size) != 0 ||
      ::getsockname(socket.get(), general, &size) != 0) {
    throw std::runtime_error("no free port on loopback");
  }
  return ntohs(address.sin_port);
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) {
    throw std::runtime_error("cannot run " + command);
  }
  std::string text;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe)) {
    text.append(part.data(), size);
  }
  if (::pclose(pipe) != 0) {
    throw std::runtime_error(command + ": " + text);
  }
  return text;
}

// Returns when the process is dead: until then its port still takes connections. It is a child of
// the shell that started it, not of ours, so waitpid knows nothing of it.
void kill_and_see_it_gone(pid_t pid) {
  const tapeio::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ::kill(pid, SIGKILL);
  pollfd death{.fd = process.get(), .events = POLLIN, .revents = 0};
  while (process.valid() && ::poll(&death, 1, -1) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::string TgtRig::why_not() {
  if (!is_executable("/usr/sbin/tgtd") || !is_executable("/usr/sbin/tgtimg")) {
    return "tgt is not installed (tools/packages test)";
  }
  if (::geteuid() != 0) {
    return "tgtd wants root";
  }
  return {};
}

TgtRig::TgtRig() : port_(free_port()), control_(port_ % 30000 + 1) {
  const char* source = std::getenv("MIXTAPE_SOURCE_DIR");
  const std::string script = std::string(source != nullptr ? source : ".") +
                             "/tests/rigs/start_tgt.sh " + directory_.path().string() + " " +
                             std::to_string(port_) + " " + std::to_string(control_);
  pid_ = static_cast<pid_t>(std::stol(output_of(script)));
}

TgtRig::~TgtRig() {
  kill();
}

std::string TgtRig::url(int target, int unit, const std::string& login) const {
  return "iscsi://" + login + "127.0.0.1:" + std::to_string(port_) + "/iqn.2026-11.mixtape.test:t" +
         std::to_string(target) + "/" + std::to_string(unit);
}

void TgtRig::admin(const std::string& arguments) const {
  static_cast<void>(output_of("/usr/sbin/tgtadm --control-port " + std::to_string(control_) +
                              " --lld iscsi " + arguments));
}

void TgtRig::insert_blank(int unit, std::uint64_t mebibytes) {
  const std::string lun = " --mode logicalunit --tid 1 --lun " + std::to_string(unit);
  const std::string name = "BLK" + std::to_string(next_cartridge_++ % 1000);
  const std::string file = (directory_ / name).string();
  std::filesystem::remove(file);
  static_cast<void>(output_of("/usr/sbin/tgtimg --op new --device-type tape --barcode " + name +
                              " --size " + std::to_string(mebibytes) + " --type data --file " +
                              file));
  admin("--op delete" + lun);
  admin("--op new" + lun + " --bstype ssc --device-type tape --backing-store " + file);
  admin("--op update" + lun +
        " --params vendor_id=MIXTAPE,product_id=TGT-DRIVE,removable=1,scsi_sn=DRV00" +
        std::to_string(unit));
  if (next_cartridge_ > 1) {
    std::filesystem::remove(directory_ / ("BLK" + std::to_string((next_cartridge_ - 2) % 1000)));
  }
}

void TgtRig::set_write_protected(int unit, bool value) {
  admin("--op update --mode logicalunit --tid 1 --lun " + std::to_string(unit) +
        " --params readonly=" + (value ? "1" : "0"));
}

void TgtRig::empty(int unit) {
  admin("--op update --mode logicalunit --tid 1 --lun " + std::to_string(unit) +
        " --params online=0");
}

void TgtRig::kill() {
  if (pid_ > 0) {
    kill_and_see_it_gone(pid_);
    pid_ = 0;
    // Its socket in /run goes with us.
    std::error_code ignored;
    for (const char* suffix : {"", ".lock"}) {
      std::filesystem::remove("/run/tgtd/socket." + std::to_string(control_) + suffix, ignored);
    }
  }
}

void TgtRig::freeze() {
  ::kill(pid_, SIGSTOP);
}

}  // namespace mixtape::test
