// SPDX-License-Identifier: Apache-2.0
#include "tapeio/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

namespace mixtape {
namespace {

ErrorCode code_of_errno(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::no_space;
    case ENOENT:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
      return ErrorCode::not_permitted;
    case EROFS:
      return ErrorCode::write_protected;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return ErrorCode::exhausted;
    default:
      return ErrorCode::io;
  }
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::io:
      return "io";
    case ErrorCode::bad_medium:
      return "bad_medium";
    case ErrorCode::no_space:
      return "no_space";
    case ErrorCode::no_medium:
      return "no_medium";
    case ErrorCode::wrong_medium:
      return "wrong_medium";
    case ErrorCode::write_protected:
      return "write_protected";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::not_permitted:
      return "not_permitted";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::invalid:
      return "invalid";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::locked:
      return "locked";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::exhausted:
      return "exhausted";
  }
  return "unknown";
}

void throw_errno(const std::string& what) {
  throw_errno(what, errno);
}

void throw_errno(const std::string& what, int error_number) {
  throw Error(code_of_errno(error_number),
              what + ": " + std::generic_category().message(error_number));
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace mixtape
