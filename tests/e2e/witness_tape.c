/* SPDX-License-Identifier: Apache-2.0
 *
 * A tape drive for a program that opens /dev/null, as far as Linux' st driver is seen through
 * open, read and MTIOCTOP: to be loaded in front of libc (LD_PRELOAD).
 *
 *   WITNESS_TAPE    directory with the tape files, named by number: 0, 1, 2, ...
 *   WITNESS_RECORD  size of a record
 *   WITNESS_LOG     gets a line for each motion, and "read" for each record
 *   WITNESS_BAD     "FILE RECORD": that record cannot be read
 *   WITNESS_SEEK    if set, MTSEEK and MTIOCPOS work (block addresses count records and filemarks)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mtio.h>
#include <sys/stat.h>
#include <unistd.h>

static int drive = -1;
static int file, record; /* where the head stands */

static int records_of(int number) {
  char name[4096];
  struct stat status;
  snprintf(name, sizeof name, "%s/%d", getenv("WITNESS_TAPE"), number);
  return stat(name, &status) == 0 ? (int)(status.st_size / atoi(getenv("WITNESS_RECORD"))) : -1;
}

static int tape_files(void) {
  int count = 0;
  while (records_of(count) >= 0) {
    ++count;
  }
  return count;
}

static void log_line(const char* what, int count) {
  FILE* log = fopen(getenv("WITNESS_LOG"), "a");
  fprintf(log, "%s %d at %d %d\n", what, count, file, record);
  fclose(log);
}

int open64(const char* name, int flags, ...) {
  int (*next)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open64");
  va_list arguments;
  int mode, fd;
  va_start(arguments, flags);
  mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
  va_end(arguments);
  fd = next(name, flags, mode);
  if (strcmp(name, "/dev/null") == 0) {
    drive = fd;
  }
  return fd;
}

static ssize_t read_record(void* bytes, size_t size) {
  char name[4096], bad[32];
  int fd, wanted = atoi(getenv("WITNESS_RECORD"));
  ssize_t got;
  if (file >= tape_files()) {
    errno = EIO;
    return -1;
  }
  if (record >= records_of(file)) {
    ++file;
    record = 0;
    return 0;
  }
  log_line("read", 1);
  snprintf(bad, sizeof bad, "%d %d", file, record);
  if (getenv("WITNESS_BAD") != NULL && strcmp(getenv("WITNESS_BAD"), bad) == 0) {
    ++record;
    errno = EIO;
    return -1;
  }
  if (size < (size_t)wanted) {
    errno = ENOMEM;
    return -1;
  }
  snprintf(name, sizeof name, "%s/%d", getenv("WITNESS_TAPE"), file);
  fd = open(name, O_RDONLY);
  got = pread(fd, bytes, (size_t)wanted, (off_t)record++ * wanted);
  close(fd);
  return got;
}

ssize_t read(int fd, void* bytes, size_t size) {
  ssize_t (*next)(int, void*, size_t) = (ssize_t(*)(int, void*, size_t))dlsym(RTLD_NEXT, "read");
  return fd == drive && fd >= 0 ? read_record(bytes, size) : next(fd, bytes, size);
}

static int seek(int block) {
  int f;
  if (getenv("WITNESS_SEEK") == NULL) {
    errno = EIO;
    return -1;
  }
  for (f = 0; f < tape_files(); ++f) {
    if (block <= records_of(f)) {
      file = f;
      record = block;
      return 0;
    }
    block -= records_of(f) + 1;
  }
  errno = EIO;
  return -1;
}

static int move_tape(const struct mtop* order) {
  switch (order->mt_op) {
    case MTREW:
      file = record = 0;
      return 0;
    case MTEOM:
      file = tape_files();
      record = 0;
      return 0;
    case MTSEEK:
      return seek(order->mt_count);
    case MTSETBLK:
      return 0;
    case MTFSF:
      if (file + order->mt_count > tape_files()) {
        errno = EIO;
        return -1;
      }
      file += order->mt_count;
      record = 0;
      return 0;
    case MTFSR:
      if (file >= tape_files() || record + order->mt_count > records_of(file)) {
        errno = EIO;
        return -1;
      }
      record += order->mt_count;
      return 0;
    default:
      errno = EINVAL;
      return -1;
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list arguments;
  void* argument;
  va_start(arguments, request);
  argument = va_arg(arguments, void*);
  va_end(arguments);
  if (fd == drive && request == MTIOCTOP) {
    const struct mtop* order = argument;
    log_line(order->mt_op == MTSEEK  ? "seek"
             : order->mt_op == MTREW ? "rewind"
                                     : "motion",
             order->mt_count);
    return move_tape(order);
  }
  if (fd == drive && request == MTIOCGET) {
    memset(argument, 0, sizeof(struct mtget));
    ((struct mtget*)argument)->mt_fileno = file;
    return 0;
  }
  if (fd == drive && request == MTIOCPOS && getenv("WITNESS_SEEK") != NULL) {
    long block = record;
    int f;
    for (f = 0; f < file; ++f) {
      block += records_of(f) + 1;
    }
    ((struct mtpos*)argument)->mt_blkno = block;
    return 0;
  }
  errno = ENOTTY;
  return -1;
}
