// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tapeio/bytes.h"
#include "tapeio/unique_fd.h"

// Ordinary files, read and written the careful way: interrupted calls are repeated, short transfers
// are continued, failures become Error, and what is called durable has reached the disk.
//
// `path` beside a descriptor only names the file in messages. std::filesystem::path converts.
// Errors:   throws Error as throw_errno maps them, and those named at each function.

namespace mixtape::tapeio {

// open(2); O_CLOEXEC is always added.
[[nodiscard]] UniqueFd open_file(const std::string& path, int flags, mode_t mode = 0644);
// The same relative to an open directory.
[[nodiscard]] UniqueFd open_file_at(int directory, const std::string& name, int flags,
                                    mode_t mode = 0644);

// Fills `into` as far as the file goes; less than into.size() only at the end of the file.
[[nodiscard]] std::size_t read_full(int fd, MutableBytes into, const std::string& path);
[[nodiscard]] std::size_t read_full_at(int fd, MutableBytes into, std::uint64_t offset,
                                       const std::string& path);

void write_full(int fd, ByteView bytes, const std::string& path);
void write_full_at(int fd, ByteView bytes, std::uint64_t offset, const std::string& path);

// Returns when the file's bytes and size are on the disk. After a failure the kernel may have
// dropped what it could not write: never repeat it in the hope that the second time tells the
// truth.
void fsync_file(int fd, const std::string& path);
// Makes creations, renames and removals in the directory durable.
void fsync_directory(const std::string& path);

// The whole file. Error{corrupt} when it is larger than `limit` bytes: nothing larger is allocated.
// `more_flags` join O_RDONLY: O_NOFOLLOW | O_NONBLOCK where somebody may have put a link or a pipe.
[[nodiscard]] Bytes read_file(const std::string& path, std::uint64_t limit, int more_flags = 0);

// Replaces the file in one step: after a crash it has the old or the new content, never a part.
// When it returns, the new content is durable. Writes PATH.new first; one writer per path at a
// time.
void write_file_durably(const std::string& path, ByteView content, mode_t mode = 0644);

// mkdir(2) of all that is missing of the path; what is there stays as it is.
void make_directories(const std::string& path, mode_t mode = 0777);
// rename(2); durable only after fsync_directory of the directories concerned.
void rename_file(const std::string& from, const std::string& to);
// unlink(2). False when there was no such file.
bool remove_file(const std::string& path);

}  // namespace mixtape::tapeio
