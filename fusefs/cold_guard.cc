// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cold_guard.h"

#include <algorithm>
#include <fstream>
#include <string_view>
#include <utility>

namespace mixtape::fusefs {
namespace {

constexpr std::size_t kKernelName = 15;
// Processes whose last second is remembered; more are read about only while an attack lasts.
constexpr std::size_t kMostProcesses = 1024;

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& listed) {
    return listed.substr(0, kKernelName) == name;
  });
}

std::string line_of(const std::string& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

// The thread group: threads have names of their own.
pid_t group_of(pid_t thread) {
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  for (std::string line; std::getline(status, line);) {
    constexpr std::string_view kKey = "Tgid:";
    if (line.starts_with(kKey)) {
      return static_cast<pid_t>(std::strtol(line.c_str() + kKey.size(), nullptr, 10));
    }
  }
  return 0;
}

}  // namespace

std::optional<Process> process_of(pid_t thread) {
  const pid_t id = thread > 0 ? group_of(thread) : 0;
  std::string name = id > 0 ? line_of("/proc/" + std::to_string(id) + "/comm") : "";
  return name.empty() ? std::nullopt : std::optional<Process>({id, std::move(name)});
}

ColdGuard::ColdGuard(ColdRules rules, ProcessOf process_of)
    : rules_(std::move(rules)), process_of_(std::move(process_of)) {}

ColdGuard::Verdict ColdGuard::judge(pid_t thread, std::int64_t content, Clock::time_point now) {
  Verdict verdict{.reads = rules_.reads, .who = process_of_(thread).value_or(Process{thread, "?"})};
  if (lists(rules_.always_for, verdict.who.name)) {
    verdict.reads = ColdReads::block;
    return verdict;
  }
  if (lists(rules_.never_for, verdict.who.name)) {
    verdict.reads = ColdReads::never;
    verdict.sniffs = true;
  }
  if (rules_.files_per_second > 0 && verdict.reads != ColdReads::never) {
    limit(verdict, content, now);
  }
  return verdict;
}

void ColdGuard::limit(Verdict& verdict, std::int64_t content, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (seconds_.size() >= kMostProcesses && !seconds_.contains(verdict.who.id)) {
    std::erase_if(seconds_, [&](const auto& entry) {
      return now - entry.second.began >= std::chrono::seconds(1);
    });
    if (seconds_.size() >= kMostProcesses) {
      seconds_.clear();
    }
  }
  Second& second =
      seconds_.try_emplace(verdict.who.id, Second{.began = now, .contents = {}}).first->second;
  if (now - second.began >= std::chrono::seconds(1)) {
    second.told = second.told && second.over;
    second.began = now;
    second.contents.clear();
    second.over = false;
  }
  if (second.contents.contains(content) || second.contents.size() < rules_.files_per_second) {
    second.contents.insert(content);
    return;
  }
  verdict.too_many = true;
  second.over = true;
  verdict.say_so = !std::exchange(second.told, true);
}

}  // namespace mixtape::fusefs
