// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

// The one error type of the program, and the assertion that stays on in release.
//
// Three kinds of outcome have three channels: what a tape does (filemark, end of data, low space)
// is a returned value; what fails is thrown as Error; what is a bug is MIXTAPE_ASSERT.

namespace mixtape {

// Each code says what the operator or the caller should do about it.
enum class ErrorCode {
  io,               // The device or file system failed: look at the cause, try again or elsewhere.
  bad_medium,       // The tape is bad at this place: use another copy, and another medium.
  no_space,         // The disk under cache, staging, catalog or medium is full: free some space.
  no_medium,        // The medium is not there: insert or attach it.
  wrong_medium,     // Another medium than the expected one is there, or one of another catalog.
  write_protected,  // The medium cannot be written: take another or remove the protection.
  corrupt,          // Bytes are not what they must be: try another copy.
  not_permitted,    // No identity opens this, or the permissions of a file are wrong.
  unsupported,      // Written by a newer format or asks for something this drive lacks.
  not_found,        // What was named does not exist.
  invalid,          // The request makes no sense as given: correct it.
  conflict,         // The state forbids it now (catalog older than the medium, file in the way).
  locked,           // Another process or computer has it: see who, and end that or wait.
  busy,             // Others of this process have it: it comes back by itself, ask again.
  cancelled,        // Somebody asked to stop.
  exhausted,        // This process has no descriptors or memory left: try again when it has.
};

std::string_view to_string(ErrorCode code);

// Whether it may lie with the medium or with its drive: another medium may do better.
constexpr bool is_of_medium(ErrorCode code) {
  return code == ErrorCode::io || code == ErrorCode::bad_medium;
}
// Whether what is on the medium is damaged, whoever reads it.
constexpr bool is_damage(ErrorCode code) {
  return code == ErrorCode::corrupt || code == ErrorCode::bad_medium;
}

// Messages are lower case and name what was attempted, on what, and why it failed:
// "read record 812 of medium MX0003: Input/output error".
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// Throws Error from errno; ENOSPC and EDQUOT become no_space, ENOENT not_found, EACCES and EPERM
// not_permitted, EROFS write_protected, EMFILE, ENFILE and ENOMEM exhausted, all else io. `what` is
// "open /path" style, without the reason.
[[noreturn]] void throw_errno(const std::string& what);
[[noreturn]] void throw_errno(const std::string& what, int error_number);

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace mixtape

#define MIXTAPE_ASSERT(expression) \
  ((expression) ? void(0) : ::mixtape::assertion_failed(#expression, __FILE__, __LINE__))
