// SPDX-License-Identifier: Apache-2.0
#include "engine/service/time_text.h"

#include <ctime>

#include "tapeio/error.h"

namespace mixtape::service {
namespace {

struct Form {
  const char* pattern;
  bool utc;
  int last_second;  // Added: what is left open means the end of it.
};
constexpr Form kForms[] = {
    {"%Y%m%dT%H%M%SZ", true, 0},     {"%Y-%m-%dT%H:%M:%SZ", true, 0},
    {"%Y-%m-%d %H:%M:%S", false, 0}, {"%Y-%m-%dT%H:%M:%S", false, 0},
    {"%Y-%m-%d %H:%M", false, 59},   {"%Y-%m-%d", false, 86399},
};

std::string format_time(const char* pattern, const std::tm& parts) {
  char text[64];
  return {text, std::strftime(text, sizeof text, pattern, &parts)};
}

}  // namespace

std::int64_t parse_time(std::string_view text) {
  const std::string copy(text);
  for (const Form& form : kForms) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* rest = ::strptime(copy.c_str(), form.pattern, &parts);
    if (rest != nullptr && *rest == '\0') {
      return (form.utc ? ::timegm(&parts) : ::mktime(&parts)) + form.last_second;
    }
  }
  throw Error(ErrorCode::invalid, "\"" + copy +
                                      "\" is no time: write 2026-11-21, 2026-11-21 19:14 or the "
                                      "name of a snapshot like 20261121T191403Z");
}

std::string snapshot_name(std::int64_t time_s) {
  const std::time_t time = time_s;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return format_time("%Y%m%dT%H%M%SZ", parts);
}

std::string local_time(std::int64_t time_s) {
  const std::time_t time = time_s;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  return format_time("%F %H:%M:%S", parts);
}

}  // namespace mixtape::service
