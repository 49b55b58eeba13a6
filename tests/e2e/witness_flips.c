/* SPDX-License-Identifier: Apache-2.0
 *
 * Damages a medium byte by byte and lets unmixtape restore it, each time in a process of its own:
 *
 *   witness_flips KEY MEDIUM EXPECTED SCRATCH STEP flip|cut
 *
 * After each: it ended by itself and soon, every file that stands under its own name has the bytes
 * of EXPECTED, and if it claims that all is well, all is there. Built with the sanitizers, whose
 * findings end it with 99.
 */
#define main unmixtape_main
#include "archaeology/unmixtape.c"
#undef main

#include <ftw.h>
#include <sys/wait.h>

static const char *key, *medium_name, *expected, *scratch;
static char out[4096];
static long found, wrong, cases, failures, refused;

static int files_are_same(const char* a, const char* b) {
  FILE *x = fopen(a, "rb"), *y = fopen(b, "rb");
  int c, d, same = x != NULL && y != NULL;
  while (same) {
    c = getc(x);
    d = getc(y);
    same = c == d;
    if (c == EOF) {
      break;
    }
  }
  if (x != NULL) {
    fclose(x);
  }
  if (y != NULL) {
    fclose(y);
  }
  return same;
}

static int check_file(const char* path, const struct stat* status, int kind, struct FTW* where) {
  char other[8192];
  size_t length = strlen(path);
  (void)status, (void)where;
  if (kind != FTW_F || (length > 8 && strcmp(path + length - 8, ".damaged") == 0)) {
    return 0;
  }
  ++found;
  snprintf(other, sizeof other, "%s%s", expected, path + strlen(out));
  if (S_ISREG(status->st_mode) && !files_are_same(path, other)) {
    ++wrong;
    printf("WRONG: %s\n", path);
  }
  return 0;
}

static int remove_one(const char* path, const struct stat* status, int kind, struct FTW* where) {
  (void)status, (void)kind, (void)where;
  return remove(path);
}

static int run_restore(void) {
  char* words[] = {(char*)"unmixtape", (char*)"extract-all",
                   (char*)"-i",        (char*)key,
                   (char*)"-o",        out,
                   (char*)medium_name, NULL};
  int status;
  pid_t child;
  fflush(stdout);
  child = fork();
  if (child == 0) {
    char log[4200];
    snprintf(log, sizeof log, "%s.log", out);
    alarm(60);
    if (freopen(log, "w", stderr) == NULL || freopen("/dev/null", "w", stdout) == NULL) {
      exit(98);
    }
    exit(unmixtape_main(7, words));
  }
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void try_case(const char* name, long place, long all) {
  int end = run_restore();
  found = wrong = 0;
  nftw(out, check_file, 32, FTW_PHYS);
  nftw(out, remove_one, 32, FTW_PHYS | FTW_DEPTH);
  ++cases;
  refused += end != 0;
  if (wrong > 0 || (end == 0 && found != all) || end == 99 || end == 98 || end >= 1000) {
    ++failures;
    printf("FAILED: %s at %ld: end %d, %ld of %ld files, %ld wrong\n", name, place, end, found, all,
           wrong);
  }
}

static void damage(const char* name, long step, int cut, long all) {
  char path[4200];
  struct stat status;
  byte value, other;
  long place;
  int fd;
  snprintf(path, sizeof path, "%s/%s", medium_name, name);
  fd = open(path, O_RDWR);
  if (fd < 0 || fstat(fd, &status) != 0) {
    exit(98);
  }
  /* Of the archaeology only what programs read of it. */
  if (strncmp(name, "0000", 4) == 0 && status.st_size > 20480) {
    status.st_size = 20480;
  }
  for (place = 0; place < status.st_size; place += step) {
    char saved[4300];
    if (cut) {
      snprintf(saved, sizeof saved, "%s.saved", out);
      rename(path, saved);
      {
        FILE *from = fopen(saved, "rb"), *to = fopen(path, "wb");
        long i;
        for (i = 0; i < place; ++i) {
          putc(getc(from), to);
        }
        fclose(from);
        fclose(to);
      }
      try_case(name, place, all);
      rename(saved, path);
      continue;
    }
    if (pread(fd, &value, 1, place) != 1) {
      exit(98);
    }
    other = value ^ (byte)(1 << place / step % 8);
    if (pwrite(fd, &other, 1, place) != 1) {
      exit(98);
    }
    try_case(name, place, all);
    if (pwrite(fd, &value, 1, place) != 1) {
      exit(98);
    }
  }
  close(fd);
}

int main(int count, char** words) {
  DIR* directory;
  const struct dirent* entry;
  long all;
  char names[64][64];
  int files = 0, i, end;
  if (count != 7) {
    return 98;
  }
  key = words[1];
  medium_name = words[2];
  expected = words[3];
  scratch = words[4];
  snprintf(out, sizeof out, "%s/out", scratch);
  end = run_restore();
  nftw(out, check_file, 32, FTW_PHYS);
  nftw(out, remove_one, 32, FTW_PHYS | FTW_DEPTH);
  all = found;
  if (end != 0 || wrong > 0 || all < 5) {
    printf("FAILED: the whole medium ends with %d, %ld files, %ld wrong\n", end, all, wrong);
    return 1;
  }
  directory = opendir(medium_name);
  while ((entry = readdir(directory)) != NULL) {
    if (tape_file_number(entry->d_name) >= 0 && files < 64) {
      snprintf(names[files++], 64, "%s", entry->d_name);
    }
  }
  closedir(directory);
  for (i = 0; i < files; ++i) {
    damage(names[i], atol(words[5]), strcmp(words[6], "cut") == 0, all);
  }
  printf("%ld cases, %ld told as damaged, %ld failed\n", cases, refused, failures);
  return failures > 0 || cases < 5 || refused < 3;
}
