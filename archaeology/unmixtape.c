/* SPDX-License-Identifier: Apache-2.0
 *
 * unmixtape: reads what Mixtape has written to a tape or a disk, with nothing but a C compiler.
 *
 *     cc -O2 -o unmixtape unmixtape.c
 *     ./unmixtape
 *
 * The second line prints how it is used. It is a second implementation of the format, made from
 * the texts beside it and not from the program's source, and it is meant to be read. Where it and
 * the texts disagree, the texts are right.
 *
 * C99 and POSIX (directories, links, times of files). Beyond that only the tape drive and extended
 * attributes need what not every system has; without that they are left out, and it says so.
 * Works with any byte order and size of a word.
 *
 * Sections:                                                    described in
 *      1  Trouble, memory, numbers
 *      2  SHA-256, HMAC, HKDF, scrypt                          age.md, 8
 *      3  ChaCha20-Poly1305                                    age.md, 9
 *      4  X25519                                               age.md, 10
 *      5  BLAKE2b                                              tape-format.md, 12
 *      6  Base64 and Bech32                                    age.md, 7
 *      7  The keys of the reader                               age.md, 7
 *      8  The header of an age file                            age.md, 2 to 4
 *      9  Age files as streams, armored or not                 age.md, 5 and 6
 *     10  The medium: a directory or a tape                    tape-format.md, 2 and 3
 *     11  Any byte of a tape file's plaintext                  tape-format.md, 7
 *     12  SQLite                                               sqlite.md
 *     13  The index                                            tape-format.md, 5
 *     14  tar                                                  tar.md
 *     15  The tree: from an index, or from tar headers         tape-format.md, 5.3 and 6
 *     16  Contents: reading and checking one                   tape-format.md, 5.4
 *     17  Writing below the output directory
 *     18  The commands
 *
 * Everything that is read from a medium may be damaged, or made to harm: every length is checked
 * before it is used, what is kept in memory is bounded by what was read, nothing is written outside
 * of the output directory or over a file that is there.
 */
#define _XOPEN_SOURCE 700
#define _FILE_OFFSET_BITS 64

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/ioctl.h>
#include <sys/mtio.h>
#include <sys/xattr.h>
#define HAVE_TAPE 1
#define HAVE_XATTR 1
#endif

typedef unsigned char byte;

/* The versions of the formats that are known here: tape-format.md, 9. */
enum { TAPE_FORMAT = 1, SCHEMA_VERSION = 1 };

/* --- 1. Trouble, memory, numbers */

/* How the program ends. Those of `age -d` tell what is wrong with the file. */
enum {
  END_GOOD = 0,
  END_DAMAGED = 1,   /* something is damaged, or was not written */
  END_USAGE = 2,     /* the command line was not understood */
  END_ELSEWHERE = 3, /* all is well, but some files have their data on other media only */
  END_FILE = 5,      /* a file or device cannot be opened or read */
  END_HEADER = 11,   /* age: the header is malformed or was changed */
  END_NO_KEY = 12,   /* age: none of the keys fits */
  END_PAYLOAD = 13,  /* age: the payload is damaged or cut off */
  END_ARMOR = 14     /* age: the armor is malformed */
};

static int outcome = END_GOOD;

static void note(int end) {
  if (outcome == END_GOOD || outcome == END_ELSEWHERE) {
    outcome = end;
  }
}

static void say(const char* format, ...) {
  va_list arguments;
  fflush(stdout);
  fputs("unmixtape: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

/* The way out that leaves no work done by halves: partly written files have names of their own. */
#define die(end, ...) (say(__VA_ARGS__), exit(end))

/* Trouble that others need not suffer from: it is told, and the work goes on. */
#define trouble(...) (say(__VA_ARGS__), note(END_DAMAGED))

/* A name for people. What would play tricks on a terminal is shown as \ooo, and long names are cut
 * off. Four of them can be in use at a time. */
static const char* shown(const void* name, size_t length) {
  static char texts[4][1100];
  static int next;
  char* text = texts[next++ % 4];
  const byte* bytes = name;
  size_t used = 0, i;
  for (i = 0; i < length && used < 1000; ++i) {
    if (bytes[i] < 32 || bytes[i] == 127 || bytes[i] == '\\') {
      used += (size_t)sprintf(text + used, "\\%03o", bytes[i]);
    } else {
      text[used++] = (char)bytes[i];
    }
  }
  strcpy(text + used, i < length ? "..." : "");
  return text;
}

static const char* shown_text(const char* name) {
  return shown(name, strlen(name));
}

static void* allocate(size_t size) {
  void* memory = malloc(size > 0 ? size : 1);
  if (memory == NULL) {
    die(END_DAMAGED, "%" PRIu64 " bytes of memory are not to be had", (uint64_t)size);
  }
  return memory;
}

/* A row of things of one size that grows at its end. Pointers into it last until it grows. */
struct list {
  byte* items;
  size_t count, capacity, size;
};

#define LIST_OF(type) \
  { NULL, 0, 0, sizeof(type) }

static void* append(struct list* list) {
  if (list->count == list->capacity) {
    size_t capacity = list->capacity * 2 + 16;
    if (capacity > SIZE_MAX / 2 / list->size) {
      die(END_DAMAGED, "this medium needs more memory than this computer can address");
    }
    list->items = realloc(list->items, capacity * list->size);
    if (list->items == NULL) {
      die(END_DAMAGED, "%" PRIu64 " bytes of memory are not to be had",
          (uint64_t)(capacity * list->size));
    }
    list->capacity = capacity;
  }
  memset(list->items + list->count * list->size, 0, list->size);
  return list->items + list->count++ * list->size;
}

static void* at(const struct list* list, size_t i) {
  return list->items + i * list->size;
}

static void sort(struct list* list, int (*compare)(const void*, const void*)) {
  if (list->count > 1) {
    qsort(list->items, list->count, list->size, compare);
  }
}

static void empty(struct list* list) {
  free(list->items);
  list->items = NULL;
  list->count = list->capacity = 0;
}

static int compare_numbers(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

/* What has no bytes may be NULL, which memcmp must never see. */
static int compare_bytes(const void* a, size_t a_size, const void* b, size_t b_size) {
  size_t common = a_size < b_size ? a_size : b_size;
  int order = common > 0 ? memcmp(a, b, common) : 0;
  return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

/* Rows that begin with a number which is their key. */
static int compare_keys(const void* a, const void* b) {
  return compare_numbers(*(const int64_t*)a, *(const int64_t*)b);
}

/* The first row of a sorted list whose key is not below `key`: its position, or the count. */
static size_t lower_bound(const struct list* list, int64_t key) {
  size_t low = 0, high = list->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (*(const int64_t*)at(list, middle) < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

static void* find(const struct list* list, int64_t key) {
  size_t i = lower_bound(list, key);
  return i < list->count && *(const int64_t*)at(list, i) == key ? at(list, i) : NULL;
}

static uint64_t big_endian(const byte* bytes, int count) {
  uint64_t value = 0;
  int i;
  for (i = 0; i < count; ++i) {
    value = value << 8 | bytes[i];
  }
  return value;
}

static uint32_t little32(const byte* b) {
  return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put_little(byte* bytes, uint64_t value, int count) {
  int i;
  for (i = 0; i < count; ++i) {
    bytes[i] = (byte)(value >> 8 * i);
  }
}

static void put_little32(byte* bytes, uint32_t value) {
  bytes[0] = (byte)value;
  bytes[1] = (byte)(value >> 8);
  bytes[2] = (byte)(value >> 16);
  bytes[3] = (byte)(value >> 24);
}

static void put_big32(byte* bytes, uint32_t value) {
  int i;
  for (i = 0; i < 4; ++i) {
    bytes[i] = (byte)(value >> (24 - 8 * i));
  }
}

/* Two's complement without what C leaves to the machine. */
static int64_t as_signed(uint64_t value) {
  return value <= INT64_MAX ? (int64_t)value : -(int64_t)(UINT64_MAX - value) - 1;
}

/* Compares everything whatever differs, so that the time tells nothing. */
static int same_secret(const byte* a, const byte* b, size_t size) {
  byte difference = 0;
  size_t i;
  for (i = 0; i < size; ++i) {
    difference |= a[i] ^ b[i];
  }
  return difference == 0;
}

/* --- 2. SHA-256, HMAC, HKDF, scrypt: age.md, 8 */

static uint32_t rotate_right(uint32_t x, int by) {
  return x >> by | x << (32 - by);
}
static uint32_t rotate_left(uint32_t x, int by) {
  return x << by | x >> (32 - by);
}

struct sha256 {
  uint32_t h[8];
  byte block[64];
  uint64_t size; /* of the message so far */
};

static void sha256_start(struct sha256* s) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(s->h, start, sizeof start);
  s->size = 0;
}

static void sha256_block(struct sha256* s) {
  static const uint32_t k[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
      0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
      0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
      0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
      0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
      0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
      0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
      0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
      0xc67178f2};
  uint32_t w[64], v[8], t1, t2;
  int i;
  for (i = 0; i < 16; ++i) {
    w[i] = (uint32_t)big_endian(s->block + 4 * i, 4);
  }
  for (i = 16; i < 64; ++i) {
    uint32_t x = w[i - 15], y = w[i - 2];
    w[i] = w[i - 16] + (rotate_right(x, 7) ^ rotate_right(x, 18) ^ x >> 3) + w[i - 7] +
           (rotate_right(y, 17) ^ rotate_right(y, 19) ^ y >> 10);
  }
  memcpy(v, s->h, sizeof v);
  for (i = 0; i < 64; ++i) {
    uint32_t a = v[0], e = v[4];
    t1 = v[7] + (rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25)) +
         ((e & v[5]) ^ (~e & v[6])) + k[i] + w[i];
    t2 = (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) +
         ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof *v);
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (i = 0; i < 8; ++i) {
    s->h[i] += v[i];
  }
}

static void sha256_add(struct sha256* s, const void* data, size_t size) {
  const byte* bytes = data;
  for (; size > 0; --size) {
    s->block[s->size++ % 64] = *bytes++;
    if (s->size % 64 == 0) {
      sha256_block(s);
    }
  }
}

static void sha256_end(struct sha256* s, byte digest[32]) {
  uint64_t bits = s->size * 8;
  byte length[8];
  int i;
  sha256_add(s, "\x80", 1);
  while (s->size % 64 != 56) {
    sha256_add(s, "", 1);
  }
  put_big32(length, (uint32_t)(bits >> 32));
  put_big32(length + 4, (uint32_t)bits);
  sha256_add(s, length, 8);
  for (i = 0; i < 8; ++i) {
    put_big32(digest + 4 * i, s->h[i]);
  }
}

struct hmac {
  struct sha256 inner;
  byte key[64];
};

static void hmac_start(struct hmac* m, const void* key, size_t size) {
  byte pad[64];
  int i;
  memset(m->key, 0, sizeof m->key);
  if (size > 64) {
    sha256_start(&m->inner);
    sha256_add(&m->inner, key, size);
    sha256_end(&m->inner, m->key);
  } else if (size > 0) {
    memcpy(m->key, key, size);
  }
  for (i = 0; i < 64; ++i) {
    pad[i] = m->key[i] ^ 0x36;
  }
  sha256_start(&m->inner);
  sha256_add(&m->inner, pad, 64);
}

static void hmac_end(struct hmac* m, byte mac[32]) {
  struct sha256 outer;
  byte pad[64], digest[32];
  int i;
  sha256_end(&m->inner, digest);
  for (i = 0; i < 64; ++i) {
    pad[i] = m->key[i] ^ 0x5c;
  }
  sha256_start(&outer);
  sha256_add(&outer, pad, 64);
  sha256_add(&outer, digest, 32);
  sha256_end(&outer, mac);
}

/* One block, which is all that age needs. */
static void hkdf(const byte* material, size_t size, const byte* salt, size_t salt_size,
                 const char* info, byte key[32]) {
  struct hmac m;
  byte middle[32];
  hmac_start(&m, salt, salt_size);
  sha256_add(&m.inner, material, size);
  hmac_end(&m, middle);
  hmac_start(&m, middle, 32);
  sha256_add(&m.inner, info, strlen(info));
  sha256_add(&m.inner, "\x01", 1);
  hmac_end(&m, key);
}

/* With one round, which is all that scrypt needs. `length` is a multiple of 32. */
static void pbkdf2(const char* password, const byte* salt, size_t salt_size, byte* out,
                   size_t length) {
  uint32_t i;
  for (i = 0; i < length / 32; ++i) {
    struct hmac m;
    byte number[4];
    put_big32(number, i + 1);
    hmac_start(&m, password, strlen(password));
    sha256_add(&m.inner, salt, salt_size);
    sha256_add(&m.inner, number, 4);
    hmac_end(&m, out + 32 * i);
  }
}

static inline void salsa_quarter(uint32_t* z, int a, int b, int c, int d) {
  z[b] ^= rotate_left(z[a] + z[d], 7);
  z[c] ^= rotate_left(z[b] + z[a], 9);
  z[d] ^= rotate_left(z[c] + z[b], 13);
  z[a] ^= rotate_left(z[d] + z[c], 18);
}

static void salsa8(uint32_t x[16]) {
  uint32_t z[16];
  int i;
  memcpy(z, x, sizeof z);
  for (i = 0; i < 4; ++i) {
    salsa_quarter(z, 0, 4, 8, 12);
    salsa_quarter(z, 5, 9, 13, 1);
    salsa_quarter(z, 10, 14, 2, 6);
    salsa_quarter(z, 15, 3, 7, 11);
    salsa_quarter(z, 0, 1, 2, 3);
    salsa_quarter(z, 5, 6, 7, 4);
    salsa_quarter(z, 10, 11, 8, 9);
    salsa_quarter(z, 15, 12, 13, 14);
  }
  for (i = 0; i < 16; ++i) {
    x[i] += z[i];
  }
}

enum { SCRYPT_WORDS = 256 }; /* of a block: 1,024 bytes, since r = 8 */

static void scrypt_mix(uint32_t b[SCRYPT_WORDS]) {
  uint32_t x[16], y[SCRYPT_WORDS];
  int i, j;
  memcpy(x, b + 240, sizeof x);
  for (i = 0; i < 16; ++i) {
    for (j = 0; j < 16; ++j) {
      x[j] ^= b[16 * i + j];
    }
    salsa8(x);
    memcpy(y + (i % 2 * 8 + i / 2) * 16, x, sizeof x);
  }
  memcpy(b, y, sizeof y);
}

/* N = 2^log_n, r = 8, p = 1. Takes 2^log_n KiB of memory. */
static void scrypt(const char* passphrase, const byte* salt, size_t salt_size, int log_n,
                   byte key[32]) {
  uint64_t n = (uint64_t)1 << log_n, i;
  uint32_t *v, x[SCRYPT_WORDS];
  byte bytes[4 * SCRYPT_WORDS];
  int j;
  if (n > SIZE_MAX / sizeof x) {
    die(END_DAMAGED, "a passphrase with work factor %d needs more memory than there can be", log_n);
  }
  v = allocate((size_t)n * sizeof x);
  pbkdf2(passphrase, salt, salt_size, bytes, sizeof bytes);
  for (j = 0; j < SCRYPT_WORDS; ++j) {
    x[j] = little32(bytes + 4 * j);
  }
  for (i = 0; i < n; ++i) {
    memcpy(v + i * SCRYPT_WORDS, x, sizeof x);
    scrypt_mix(x);
  }
  for (i = 0; i < n; ++i) {
    const uint32_t* other = v + (x[240] & (n - 1)) * SCRYPT_WORDS;
    for (j = 0; j < SCRYPT_WORDS; ++j) {
      x[j] ^= other[j];
    }
    scrypt_mix(x);
  }
  free(v);
  for (j = 0; j < SCRYPT_WORDS; ++j) {
    put_little(bytes + 4 * j, x[j], 4);
  }
  pbkdf2(passphrase, bytes, sizeof bytes, key, 32);
}

/* --- 3. ChaCha20-Poly1305: age.md, 9 */

static inline void chacha_quarter(uint32_t* z, int a, int b, int c, int d) {
  z[a] += z[b];
  z[d] = rotate_left(z[d] ^ z[a], 16);
  z[c] += z[d];
  z[b] = rotate_left(z[b] ^ z[c], 12);
  z[a] += z[b];
  z[d] = rotate_left(z[d] ^ z[a], 8);
  z[c] += z[d];
  z[b] = rotate_left(z[b] ^ z[c], 7);
}

static void chacha_block(const byte key[32], uint32_t counter, const byte nonce[12], byte out[64]) {
  uint32_t x[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, z[16];
  int i;
  for (i = 0; i < 8; ++i) {
    x[4 + i] = little32(key + 4 * i);
  }
  x[12] = counter;
  for (i = 0; i < 3; ++i) {
    x[13 + i] = little32(nonce + 4 * i);
  }
  memcpy(z, x, sizeof z);
  for (i = 0; i < 10; ++i) {
    chacha_quarter(z, 0, 4, 8, 12);
    chacha_quarter(z, 1, 5, 9, 13);
    chacha_quarter(z, 2, 6, 10, 14);
    chacha_quarter(z, 3, 7, 11, 15);
    chacha_quarter(z, 0, 5, 10, 15);
    chacha_quarter(z, 1, 6, 11, 12);
    chacha_quarter(z, 2, 7, 8, 13);
    chacha_quarter(z, 3, 4, 9, 14);
  }
  for (i = 0; i < 16; ++i) {
    put_little32(out + 4 * i, z[i] + x[i]);
  }
}

/* Numbers modulo 2^130 - 5 as five words of 26 bits. */
struct poly1305 {
  uint64_t r[5], a[5];
};

static void poly1305_words(const byte b[16], uint64_t words[5]) {
  words[0] = little32(b) & 0x3ffffff;
  words[1] = little32(b + 3) >> 2 & 0x3ffffff;
  words[2] = little32(b + 6) >> 4 & 0x3ffffff;
  words[3] = little32(b + 9) >> 6;
  words[4] = little32(b + 12) >> 8;
}

/* What is above bit 130 comes in again at the bottom, times 5. */
static void poly1305_carry(uint64_t a[5]) {
  int i;
  for (i = 0; i < 4; ++i) {
    a[i + 1] += a[i] >> 26;
    a[i] &= 0x3ffffff;
  }
  a[0] += (a[4] >> 26) * 5;
  a[4] &= 0x3ffffff;
  a[1] += a[0] >> 26;
  a[0] &= 0x3ffffff;
}

static void poly1305_add(struct poly1305* p, const byte block[16]) {
  uint64_t n[5], product[5];
  const uint64_t *a = p->a, *r = p->r;
  int i;
  poly1305_words(block, n);
  n[4] |= 1 << 24; /* 2^128 */
  for (i = 0; i < 5; ++i) {
    p->a[i] += n[i];
  }
  product[0] = a[0] * r[0] + 5 * (a[1] * r[4] + a[2] * r[3] + a[3] * r[2] + a[4] * r[1]);
  product[1] = a[0] * r[1] + a[1] * r[0] + 5 * (a[2] * r[4] + a[3] * r[3] + a[4] * r[2]);
  product[2] = a[0] * r[2] + a[1] * r[1] + a[2] * r[0] + 5 * (a[3] * r[4] + a[4] * r[3]);
  product[3] = a[0] * r[3] + a[1] * r[2] + a[2] * r[1] + a[3] * r[0] + 5 * (a[4] * r[4]);
  product[4] = a[0] * r[4] + a[1] * r[3] + a[2] * r[2] + a[3] * r[1] + a[4] * r[0];
  poly1305_carry(product);
  memcpy(p->a, product, sizeof product);
}

static void poly1305_end(struct poly1305* p, const byte s[16], byte tag[16]) {
  uint64_t less[5], carry = 5;
  int i;
  poly1305_carry(p->a);
  poly1305_carry(p->a);
  /* a - p is a + 5 - 2^130: not negative if adding 5 carries out of the top. */
  for (i = 0; i < 5; ++i) {
    less[i] = p->a[i] + carry;
    carry = less[i] >> 26;
    less[i] &= 0x3ffffff;
  }
  if (carry != 0) {
    memcpy(p->a, less, sizeof less);
  }
  carry = 0;
  for (i = 0; i < 4; ++i) {
    /* The 32 bits that begin at bit 32 i of the words of 26. */
    uint64_t word = p->a[i] >> 6 * i | p->a[i + 1] << (26 - 6 * i);
    carry += (word & 0xffffffff) + little32(s + 4 * i);
    put_little(tag + 4 * i, carry, 4);
    carry >>= 32;
  }
}

static void sealed_tag(const byte key[32], const byte nonce[12], const byte* sealed, size_t size,
                       byte tag[16]) {
  struct poly1305 p;
  byte otk[64], clamped[16], block[16];
  size_t i;
  chacha_block(key, 0, nonce, otk);
  memcpy(clamped, otk, 16);
  for (i = 0; i < 16; i += 4) {
    clamped[i + 3] &= 0x0f;
    clamped[i] &= i > 0 ? 0xfc : 0xff;
  }
  poly1305_words(clamped, p.r);
  memset(p.a, 0, sizeof p.a);
  for (i = 0; i + 16 <= size; i += 16) {
    poly1305_add(&p, sealed + i);
  }
  if (i < size) {
    memset(block, 0, 16);
    memcpy(block, sealed + i, size - i);
    poly1305_add(&p, block);
  }
  memset(block, 0, 8);
  put_little(block + 8, size, 8);
  poly1305_add(&p, block);
  poly1305_end(&p, otk + 16, tag);
}

/* Whether `sealed` (its last 16 bytes are the tag) was sealed so; if it was, `plain` gets size - 16
 * bytes. They may be the same place. */
static int open_sealed(const byte key[32], const byte nonce[12], const byte* sealed, size_t size,
                       byte* plain) {
  byte tag[16], stream[64];
  size_t i, j;
  if (size < 16) {
    return 0;
  }
  size -= 16;
  sealed_tag(key, nonce, sealed, size, tag);
  if (!same_secret(tag, sealed + size, 16)) {
    return 0;
  }
  for (i = 0; i < size; i += 64) {
    size_t piece = size - i < 64 ? size - i : 64;
    chacha_block(key, (uint32_t)(i / 64 + 1), nonce, stream);
    for (j = 0; j < piece; ++j) {
      plain[i + j] = sealed[i + j] ^ stream[j];
    }
  }
  return 1;
}

/* --- 4. X25519: age.md, 10 */

/* A number modulo p = 2^255 - 19 as sixteen words of 16 bits, lowest first; 2^256 counts as 38.
 * Between calls a word may be a little above 16 bits. */
typedef uint64_t field[16];

static void field_carry(field a) {
  int i;
  for (i = 0; i < 15; ++i) {
    a[i + 1] += a[i] >> 16;
    a[i] &= 0xffff;
  }
  a[0] += (a[15] >> 16) * 38;
  a[15] &= 0xffff;
}

static void field_add(field sum, const field a, const field b) {
  int i;
  for (i = 0; i < 16; ++i) {
    sum[i] = a[i] + b[i];
  }
  field_carry(sum);
}

/* Adds 4 p = 2^257 - 76 first, word by word, so that no word becomes negative. */
static void field_subtract(field difference, const field a, const field b) {
  int i;
  for (i = 0; i < 16; ++i) {
    difference[i] = a[i] + (i == 0 ? 0x1fffe - 74 : 0x1fffe) - b[i];
  }
  field_carry(difference);
}

static void field_multiply(field product, const field a, const field b) {
  uint64_t t[32] = {0};
  int i, j;
  for (i = 0; i < 16; ++i) {
    for (j = 0; j < 16; ++j) {
      t[i + j] += a[i] * b[j];
    }
  }
  for (i = 0; i < 16; ++i) {
    product[i] = t[i] + 38 * t[i + 16];
  }
  field_carry(product);
  field_carry(product);
}

/* a^(p - 2), which is 1 / a. p - 2 is 2^255 - 21: in binary all ones but for the bits 2 and 4. */
static void field_invert(field inverse, const field a) {
  field power;
  int i;
  memcpy(power, a, sizeof power);
  for (i = 253; i >= 0; --i) {
    field_multiply(power, power, power);
    if (i != 2 && i != 4) {
      field_multiply(power, power, a);
    }
  }
  memcpy(inverse, power, sizeof power);
}

static void field_bytes(const field a, byte out[32]) {
  field value, more;
  int i, round;
  memcpy(value, a, sizeof value);
  field_carry(value);
  field_carry(value);
  for (round = 0; round < 2; ++round) { /* 2^255 counts as 19 */
    value[0] += (value[15] >> 15) * 19;
    value[15] &= 0x7fff;
    field_carry(value);
  }
  memcpy(more, value, sizeof more);
  more[0] += 19;
  field_carry(more);
  if (more[15] >> 15 != 0) { /* value + 19 reaches 2^255, so value reaches p */
    more[15] &= 0x7fff;
    memcpy(value, more, sizeof value);
  }
  for (i = 0; i < 16; ++i) {
    put_little(out + 2 * i, value[i], 2);
  }
}

static void field_swap(field a, field b, uint64_t swap) {
  uint64_t mask = 0 - swap, difference;
  int i;
  for (i = 0; i < 16; ++i) {
    difference = mask & (a[i] ^ b[i]);
    a[i] ^= difference;
    b[i] ^= difference;
  }
}

/* One step of the ladder, with the names of age.md. */
static void x25519_step(const field x1, field x2, field z2, field x3, field z3) {
  static const field k121665 = {0xdb41, 1};
  field a, aa, b, bb, c, d, da, cb, e;
  field_add(a, x2, z2);
  field_multiply(aa, a, a);
  field_subtract(b, x2, z2);
  field_multiply(bb, b, b);
  field_subtract(e, aa, bb);
  field_add(c, x3, z3);
  field_subtract(d, x3, z3);
  field_multiply(da, d, a);
  field_multiply(cb, c, b);
  field_add(x3, da, cb);
  field_multiply(x3, x3, x3);
  field_subtract(z3, da, cb);
  field_multiply(z3, z3, z3);
  field_multiply(z3, z3, x1);
  field_multiply(x2, aa, bb);
  field_multiply(z2, k121665, e);
  field_add(z2, z2, aa);
  field_multiply(z2, z2, e);
}

static void x25519(const byte scalar[32], const byte point[32], byte out[32]) {
  field x1, x2 = {1}, z2 = {0}, x3, z3 = {1};
  uint64_t swapped = 0;
  byte k[32];
  int i, t;
  memcpy(k, scalar, 32);
  k[0] &= 0xf8;
  k[31] = (k[31] & 0x7f) | 0x40;
  for (i = 0; i < 16; ++i) {
    x1[i] = point[2 * i] | (uint64_t)point[2 * i + 1] << 8;
  }
  x1[15] &= 0x7fff;
  memcpy(x3, x1, sizeof x3);
  for (t = 254; t >= 0; --t) {
    uint64_t bit = k[t / 8] >> t % 8 & 1;
    field_swap(x2, x3, bit ^ swapped);
    field_swap(z2, z3, bit ^ swapped);
    swapped = bit;
    x25519_step(x1, x2, z2, x3, z3);
  }
  field_swap(x2, x3, swapped);
  field_swap(z2, z3, swapped);
  field_invert(z2, z2);
  field_multiply(x2, x2, z2);
  field_bytes(x2, out);
}

/* --- 5. BLAKE2b with 32 bytes of output: tape-format.md, 12 */

struct blake2b {
  uint64_t h[8];
  byte block[128];
  size_t used;
  uint64_t size; /* of the message so far, without what waits in block */
};

static const uint64_t blake2b_start_values[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static void blake2b_start(struct blake2b* s) {
  memcpy(s->h, blake2b_start_values, sizeof s->h);
  s->h[0] ^= 0x01010020; /* no key, 32 bytes of output */
  s->used = 0;
  s->size = 0;
}

static uint64_t rotate64(uint64_t x, int by) {
  return x >> by | x << (64 - by);
}

static inline void blake2b_quarter(uint64_t* v, const byte* order, const uint64_t* m, int a, int b,
                                   int c, int d) {
  v[a] += v[b] + m[order[0]];
  v[d] = rotate64(v[d] ^ v[a], 32);
  v[c] += v[d];
  v[b] = rotate64(v[b] ^ v[c], 24);
  v[a] += v[b] + m[order[1]];
  v[d] = rotate64(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = rotate64(v[b] ^ v[c], 63);
}

static void blake2b_block(struct blake2b* s, int is_last) {
  static const byte orders[10][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                      {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                      {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                      {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                      {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                      {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                      {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                      {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                      {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                      {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};
  uint64_t v[16], m[16];
  int i;
  for (i = 0; i < 16; ++i) {
    m[i] = little32(s->block + 8 * i) | (uint64_t)little32(s->block + 8 * i + 4) << 32;
  }
  memcpy(v, s->h, sizeof s->h);
  memcpy(v + 8, blake2b_start_values, sizeof blake2b_start_values);
  v[12] ^= s->size;
  v[14] ^= is_last ? UINT64_MAX : 0;
  for (i = 0; i < 12; ++i) {
    const byte* order = orders[i % 10];
    blake2b_quarter(v, order, m, 0, 4, 8, 12);
    blake2b_quarter(v, order + 2, m, 1, 5, 9, 13);
    blake2b_quarter(v, order + 4, m, 2, 6, 10, 14);
    blake2b_quarter(v, order + 6, m, 3, 7, 11, 15);
    blake2b_quarter(v, order + 8, m, 0, 5, 10, 15);
    blake2b_quarter(v, order + 10, m, 1, 6, 11, 12);
    blake2b_quarter(v, order + 12, m, 2, 7, 8, 13);
    blake2b_quarter(v, order + 14, m, 3, 4, 9, 14);
  }
  for (i = 0; i < 8; ++i) {
    s->h[i] ^= v[i] ^ v[i + 8];
  }
}

/* The last block is mixed in another way, so a full one waits until more comes. */
static void blake2b_add(struct blake2b* s, const byte* bytes, size_t size) {
  while (size > 0) {
    size_t piece = sizeof s->block - s->used;
    if (piece == 0) {
      s->size += sizeof s->block;
      blake2b_block(s, 0);
      s->used = 0;
      continue;
    }
    piece = piece < size ? piece : size;
    memcpy(s->block + s->used, bytes, piece);
    s->used += piece;
    bytes += piece;
    size -= piece;
  }
}

static void blake2b_end(struct blake2b* s, byte hash[32]) {
  int i;
  memset(s->block + s->used, 0, sizeof s->block - s->used);
  s->size += s->used;
  blake2b_block(s, 1);
  for (i = 0; i < 4; ++i) {
    put_little(hash + 8 * i, s->h[i], 8);
  }
}

/* --- 6. Base64 and Bech32: age.md, 7 */

static int symbol_value(const char* alphabet, int c) {
  const char* found = c > 0 && c < 128 ? strchr(alphabet, c) : NULL;
  return found != NULL ? (int)(found - alphabet) : -1;
}

/* Without padding. `out` has room for size / 4 * 3 + 2 bytes. Gives their number; -1: malformed. */
static int base64(const byte* text, size_t size, byte* out) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint32_t bits = 0;
  int waiting = 0, used = 0;
  size_t i;
  for (i = 0; i < size; ++i) {
    int value = symbol_value(alphabet, text[i]);
    if (value < 0) {
      return -1;
    }
    bits = bits << 6 | (uint32_t)value;
    waiting += 6;
    if (waiting >= 8) {
      waiting -= 8;
      out[used++] = (byte)(bits >> waiting);
    }
  }
  if (waiting == 6 || (bits & ((1u << waiting) - 1)) != 0) {
    return -1; /* a left-over character, or unused bits that are not zero */
  }
  return used;
}

/* A base64 text of exactly `size` bytes. */
static int base64_exactly(const byte* text, size_t text_size, byte* out, int size) {
  byte decoded[64];
  if (text_size > 64 || base64(text, text_size, decoded) != size) {
    return 0;
  }
  memcpy(out, decoded, (size_t)size);
  return 1;
}

static uint32_t bech32_step(uint32_t c, uint32_t value) {
  static const uint32_t generators[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                         0x2a1462b3};
  uint32_t top = c >> 25;
  int i;
  c = (c & 0x1ffffff) << 5 ^ value;
  for (i = 0; i < 5; ++i) {
    c ^= top >> i & 1 ? generators[i] : 0;
  }
  return c;
}

#define IDENTITY_PREFIX "age-secret-key-"

/* A line AGE-SECRET-KEY-1...: the prefix, "1", 52 symbols of the key and 6 of checksum. */
static int parse_identity(const char* line, size_t size, byte secret[32]) {
  char text[75];
  const char *prefix = IDENTITY_PREFIX, *symbol;
  uint32_t c = 1, bits = 0;
  int waiting = 0, used = 0, lower = 0, upper = 0;
  size_t i, start = strlen(IDENTITY_PREFIX) + 1;
  if (size != 74) {
    return 0;
  }
  for (i = 0; i < size; ++i) {
    lower |= line[i] >= 'a' && line[i] <= 'z';
    upper |= line[i] >= 'A' && line[i] <= 'Z';
    text[i] = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] - 'A' + 'a') : line[i];
  }
  text[size] = 0;
  if ((lower && upper) || memcmp(text, IDENTITY_PREFIX "1", start) != 0) {
    return 0;
  }
  for (i = 0; prefix[i] != 0; ++i) {
    c = bech32_step(c, (uint32_t)prefix[i] >> 5);
  }
  c = bech32_step(c, 0);
  for (i = 0; prefix[i] != 0; ++i) {
    c = bech32_step(c, (uint32_t)prefix[i] & 31);
  }
  for (symbol = text + start; *symbol != 0; ++symbol) {
    int value = symbol_value("qpzry9x8gf2tvdw0s3jn54khce6mua7l", *symbol);
    if (value < 0) {
      return 0;
    }
    c = bech32_step(c, (uint32_t)value);
    bits = bits << 5 | (uint32_t)value;
    waiting += 5;
    if (waiting >= 8 && used < 32) {
      waiting -= 8;
      secret[used++] = (byte)(bits >> waiting);
      if (used == 32 && (bits & ((1u << waiting) - 1)) != 0) {
        return 0;
      }
    }
  }
  return c == 1;
}

/* --- 7. The keys of the reader: age.md, 7 */

struct identity {
  byte secret[32], recipient[32];
};

static struct list identities = LIST_OF(struct identity);
static struct list passphrases = LIST_OF(char*);
static struct list identity_files = LIST_OF(const char*);

enum { MAX_SECRET_FILE = 65536, MAX_HEADER = 262144 };

struct stream;
static void stream_of_memory(struct stream* s, const byte* bytes, size_t size);
static int age_decrypt(struct stream* s, void (*give)(void*, const byte*, size_t), void* to);
static size_t stream_size(void);

/* The whole file, at most `limit` bytes, with a NUL behind it. */
static char* read_small_file(const char* name, size_t limit, size_t* size) {
  FILE* file = fopen(name, "rb");
  char* text = allocate(limit + 2);
  if (file == NULL) {
    die(END_FILE, "cannot open %s: %s", shown_text(name), strerror(errno));
  }
  *size = fread(text, 1, limit + 1, file);
  if (ferror(file)) {
    die(END_FILE, "cannot read %s: %s", shown_text(name), strerror(errno));
  }
  if (*size > limit) {
    die(END_FILE, "%s is too large to hold a key or a passphrase", shown_text(name));
  }
  fclose(file);
  text[*size] = 0;
  return text;
}

static void add_passphrase(char* text) {
  text[strcspn(text, "\r\n")] = 0;
  *(char**)append(&passphrases) = text;
}

static void add_passphrase_file(const char* name) {
  size_t size;
  add_passphrase(read_small_file(name, MAX_SECRET_FILE, &size));
}

/* Asks at the terminal, without showing what is typed. */
static void ask_passphrase(const char* of) {
  FILE* terminal = fopen("/dev/tty", "r+");
  char* text = allocate(1024);
  struct termios before, quiet;
  int hidden;
  if (terminal == NULL) {
    die(END_NO_KEY, "%s needs a passphrase: give a file that has it with -p", shown_text(of));
  }
  fprintf(terminal, "Passphrase of %s: ", shown_text(of));
  fflush(terminal);
  hidden = tcgetattr(fileno(terminal), &before) == 0;
  if (hidden) {
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fileno(terminal), TCSAFLUSH, &quiet);
  }
  fseek(terminal, 0, SEEK_CUR);
  if (fgets(text, 1024, terminal) == NULL) {
    text[0] = 0;
  }
  if (hidden) {
    tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    fseek(terminal, 0, SEEK_CUR);
    fputc('\n', terminal);
  }
  fclose(terminal);
  add_passphrase(text);
}

/* What was unwrapped from an identity file with a passphrase. */
struct secret_text {
  char text[MAX_SECRET_FILE + 1];
  size_t size;
};

static void give_secret(void* to, const byte* bytes, size_t size) {
  struct secret_text* secret = to;
  if (size > MAX_SECRET_FILE - secret->size) {
    die(END_FILE, "an identity file is too large");
  }
  memcpy(secret->text + secret->size, bytes, size);
  secret->size += size;
}

static char* unwrap_identity_file(const char* name, char* wrapped, size_t size) {
  struct secret_text* secret = allocate(sizeof *secret);
  struct stream* s = allocate(stream_size());
  secret->size = 0;
  if (passphrases.count == 0) {
    ask_passphrase(name);
  }
  stream_of_memory(s, (const byte*)wrapped, size);
  if (age_decrypt(s, give_secret, secret) != END_GOOD) {
    die(END_NO_KEY, "the identity file %s does not open with this passphrase", shown_text(name));
  }
  secret->text[secret->size] = 0;
  free(s);
  free(wrapped);
  return secret->text;
}

static void add_identity_line(const char* name, int number, const char* line, size_t size) {
  static const byte base_point[32] = {9};
  struct identity* identity;
  byte secret[32];
  if (size > 0 && line[size - 1] == '\r') {
    --size;
  }
  if (size == 0 || line[0] == '#') {
    return;
  }
  if (strncmp(line, "AGE-PLUGIN-", 11) == 0 || strncmp(line, "AGE-SECRET-KEY-PQ-", 18) == 0) {
    say("%s, line %d: a key of a kind that is not known here", shown_text(name), number);
    return;
  }
  if (!parse_identity(line, size, secret)) {
    die(END_FILE, "%s, line %d: no secret key (AGE-SECRET-KEY-1...), or mistyped", shown_text(name),
        number);
  }
  identity = append(&identities);
  memcpy(identity->secret, secret, 32);
  x25519(secret, base_point, identity->recipient);
}

static void add_identity_file(const char* name) {
  size_t size;
  char *text = read_small_file(name, MAX_SECRET_FILE, &size), *line;
  int number = 1;
  if (strncmp(text, "age-encryption.org/", 19) == 0 || strstr(text, "-----BEGIN") != NULL) {
    text = unwrap_identity_file(name, text, size);
  }
  for (line = text; *line != 0; ++number) {
    size_t length = strcspn(line, "\n");
    add_identity_line(name, number, line, length);
    line += length + (line[length] == '\n');
  }
  free(text);
}

/* --- 8. The header of an age file: age.md, 2 to 4 */

struct text {
  const byte* start;
  size_t size;
};

static int text_is(struct text text, const char* word) {
  return text.size == strlen(word) && memcmp(text.start, word, text.size) == 0;
}

struct stanza {
  struct text arguments[3]; /* the first is the type */
  int count;                /* how many there really are */
  byte body[32];            /* the beginning of it */
  size_t body_size;
};

struct header {
  struct list stanzas;
  size_t to_mac; /* the MAC covers that many bytes from the first */
  byte mac[32];
  size_t size; /* up to and with the last line */
};

/* Not the end of the program: what was read ends before the header does. */
enum { CUT_OFF = -1 };

/* The line at *position without its LF; 0 if no LF is there. */
static int header_line(struct text whole, size_t* position, struct text* line) {
  const byte* start = whole.start + *position;
  const byte* end = memchr(start, '\n', whole.size - *position);
  if (end == NULL) {
    return 0;
  }
  line->start = start;
  line->size = (size_t)(end - start);
  *position += line->size + 1;
  return 1;
}

static int parse_arguments(struct text line, struct stanza* stanza) {
  size_t i = 3, start;
  if (line.size < 4 || memcmp(line.start, "-> ", 3) != 0) {
    return END_HEADER;
  }
  do {
    for (start = i; i < line.size && line.start[i] != ' '; ++i) {
      if (line.start[i] < 0x21 || line.start[i] > 0x7e) {
        return END_HEADER;
      }
    }
    if (i == start) {
      return END_HEADER;
    }
    if (stanza->count < 3) {
      stanza->arguments[stanza->count].start = line.start + start;
      stanza->arguments[stanza->count].size = i - start;
    }
    ++stanza->count;
  } while (i++ < line.size);
  return END_GOOD;
}

static int parse_body(struct text whole, size_t* position, struct stanza* stanza) {
  struct text line;
  do {
    byte decoded[64];
    int size, i;
    if (!header_line(whole, position, &line)) {
      return CUT_OFF;
    }
    size = line.size <= 64 ? base64(line.start, line.size, decoded) : -1;
    if (size < 0) {
      return END_HEADER;
    }
    for (i = 0; i < size; ++i, ++stanza->body_size) {
      if (stanza->body_size < sizeof stanza->body) {
        stanza->body[stanza->body_size] = decoded[i];
      }
    }
  } while (line.size == 64);
  return END_GOOD;
}

static int parse_header(struct text whole, struct header* header) {
  struct text line;
  size_t position = 0;
  if (!header_line(whole, &position, &line)) {
    return CUT_OFF;
  }
  if (!text_is(line, "age-encryption.org/v1")) {
    return END_HEADER;
  }
  for (;;) {
    struct stanza* stanza;
    size_t start = position;
    int wrong;
    if (!header_line(whole, &position, &line)) {
      return CUT_OFF;
    }
    if (line.size >= 3 && memcmp(line.start, "---", 3) == 0) {
      header->to_mac = start + 3;
      header->size = position;
      return line.size == 47 && line.start[3] == ' ' && header->stanzas.count > 0 &&
                     base64_exactly(line.start + 4, 43, header->mac, 32)
                 ? END_GOOD
                 : END_HEADER;
    }
    stanza = append(&header->stanzas);
    wrong = parse_arguments(line, stanza);
    if (wrong == END_GOOD) {
      wrong = parse_body(whole, &position, stanza);
    }
    if (wrong != END_GOOD) {
      return wrong;
    }
  }
}

static const byte zero_nonce[12];

static int open_x25519(const struct stanza* stanza, const struct identity* identity,
                       byte file_key[16]) {
  static const byte zero[32];
  byte shared[32], salt[64], key[32];
  base64_exactly(stanza->arguments[1].start, stanza->arguments[1].size, salt, 32);
  memcpy(salt + 32, identity->recipient, 32);
  x25519(identity->secret, salt, shared);
  if (same_secret(shared, zero, 32)) {
    return END_HEADER; /* somebody played with the point */
  }
  hkdf(shared, 32, salt, 64, "age-encryption.org/v1/X25519", key);
  return open_sealed(key, zero_nonce, stanza->body, 32, file_key) ? END_GOOD : END_NO_KEY;
}

/* The work factor; -1: malformed. More than 22 would take more than 4 GiB. */
static int work_factor(struct text text) {
  int value = 0;
  size_t i;
  if (text.size < 1 || text.size > 2 || text.start[0] == '0') {
    return -1;
  }
  for (i = 0; i < text.size; ++i) {
    if (text.start[i] < '0' || text.start[i] > '9') {
      return -1;
    }
    value = value * 10 + (text.start[i] - '0');
  }
  return value <= 22 ? value : -1;
}

static int open_scrypt(const struct stanza* stanza, const char* passphrase, byte file_key[16]) {
  static const char label[] = "age-encryption.org/v1/scrypt";
  byte salt[sizeof label - 1 + 16], key[32];
  memcpy(salt, label, sizeof label - 1);
  base64_exactly(stanza->arguments[1].start, stanza->arguments[1].size, salt + sizeof label - 1,
                 16);
  scrypt(passphrase, salt, sizeof salt, work_factor(stanza->arguments[2]), key);
  return open_sealed(key, zero_nonce, stanza->body, 32, file_key) ? END_GOOD : END_NO_KEY;
}

/* A stanza of a known type that breaks a rule makes the whole header malformed. */
static int stanza_is_well_formed(const struct stanza* stanza, size_t stanzas) {
  const struct text* a = stanza->arguments;
  byte decoded[32];
  if (text_is(a[0], "X25519")) {
    return stanza->count == 2 && stanza->body_size == 32 &&
           base64_exactly(a[1].start, a[1].size, decoded, 32);
  }
  if (text_is(a[0], "scrypt")) {
    return stanzas == 1 && stanza->count == 3 && stanza->body_size == 32 &&
           base64_exactly(a[1].start, a[1].size, decoded, 16) && work_factor(a[2]) > 0;
  }
  return 1;
}

static int try_keys(const struct stanza* stanza, byte file_key[16]) {
  size_t i;
  int result = END_NO_KEY;
  if (text_is(stanza->arguments[0], "X25519")) {
    for (i = 0; i < identities.count && result == END_NO_KEY; ++i) {
      result = open_x25519(stanza, at(&identities, i), file_key);
    }
  } else if (text_is(stanza->arguments[0], "scrypt")) {
    for (i = 0; i < passphrases.count && result == END_NO_KEY; ++i) {
      result = open_scrypt(stanza, *(char**)at(&passphrases, i), file_key);
    }
  }
  return result;
}

static int find_file_key(struct text whole, const struct header* header, byte file_key[16]) {
  struct hmac mac;
  byte key[32], expected[32];
  size_t i;
  int result = END_NO_KEY;
  for (i = 0; i < header->stanzas.count; ++i) {
    if (!stanza_is_well_formed(at(&header->stanzas, i), header->stanzas.count)) {
      return END_HEADER;
    }
  }
  for (i = 0; i < header->stanzas.count && result == END_NO_KEY; ++i) {
    result = try_keys(at(&header->stanzas, i), file_key);
  }
  if (result != END_GOOD) {
    return result;
  }
  hkdf(file_key, 16, NULL, 0, "header", key);
  hmac_start(&mac, key, 32);
  sha256_add(&mac.inner, whole.start, header->to_mac);
  hmac_end(&mac, expected);
  return same_secret(expected, header->mac, 32) ? END_GOOD : END_HEADER;
}

/* Opens what stands in front of a payload, header and nonce. `preamble` is its length: the P of
 * tape-format.md. */
static int open_preamble(const byte* bytes, size_t size, byte payload_key[32], size_t* preamble) {
  struct header header = {LIST_OF(struct stanza), 0, {0}, 0};
  struct text whole;
  byte file_key[16];
  int result;
  whole.start = bytes;
  whole.size = size;
  result = parse_header(whole, &header);
  if (result == END_GOOD) {
    result = find_file_key(whole, &header, file_key);
  }
  empty(&header.stanzas);
  if (result == END_GOOD && size - header.size < 16) {
    result = CUT_OFF;
  }
  if (result == END_GOOD) {
    hkdf(file_key, 16, bytes + header.size, 16, "payload", payload_key);
    *preamble = header.size + 16;
  }
  return result;
}

/* --- 9. Age files as streams, armored or not: age.md, 5 and 6 */

enum { CHUNK = 65536, SEALED_CHUNK = CHUNK + 16 };

static int open_chunk(const byte key[32], uint64_t number, int is_last, const byte* sealed,
                      size_t size, byte* plain) {
  byte nonce[12] = {0};
  int i;
  for (i = 0; i < 8; ++i) {
    nonce[10 - i] = (byte)(number >> 8 * i);
  }
  nonce[11] = (byte)is_last;
  return open_sealed(key, nonce, sealed, size, plain);
}

/* Bytes in order: from memory, then from a file, with armor taken off. */
struct stream {
  FILE* file; /* or NULL */
  byte* ahead;
  size_t ahead_size, ahead_at;
  enum { NO_ARMOR, BEFORE_ARMOR, IN_ARMOR, LAST_LINE_SEEN, AFTER_ARMOR } armor;
  byte decoded[64];
  int decoded_size, decoded_at;
  int wrong; /* END_FILE or END_ARMOR: what was read ends there because of that */
};

static size_t stream_size(void) {
  return sizeof(struct stream);
}

enum { ARMOR_PROBE = 4096, MAX_WHITE_SPACE = 1024 };
#define ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define ARMOR_END "-----END AGE ENCRYPTED FILE-----"

static void detect_armor(struct stream* s) {
  size_t i, length = strlen("-----BEGIN");
  for (i = 0; i + length <= s->ahead_size && i < ARMOR_PROBE; ++i) {
    if (memcmp(s->ahead, "age-encryption.org/", s->ahead_size < 19 ? s->ahead_size : 19) != 0 &&
        memcmp(s->ahead + i, "-----BEGIN", length) == 0) {
      s->armor = BEFORE_ARMOR;
    }
  }
}

static void stream_of_memory(struct stream* s, const byte* bytes, size_t size) {
  memset(s, 0, sizeof *s);
  s->ahead = allocate(size);
  memcpy(s->ahead, bytes, size);
  s->ahead_size = size;
  detect_armor(s);
}

static void stream_of_file(struct stream* s, FILE* file) {
  memset(s, 0, sizeof *s);
  s->file = file;
  s->ahead = allocate(ARMOR_PROBE);
  s->ahead_size = fread(s->ahead, 1, ARMOR_PROBE, file);
  detect_armor(s);
}

static int next_character(struct stream* s) {
  if (s->ahead_at < s->ahead_size) {
    return s->ahead[s->ahead_at++];
  }
  return s->file != NULL ? getc(s->file) : EOF;
}

/* White space may stand outside of the armor. The first character behind it, or EOF. */
static int pass_white_space(struct stream* s) {
  int passed = 0, c;
  while (c = next_character(s), c == ' ' || c == '\t' || c == '\r' || c == '\n') {
    if (++passed > MAX_WHITE_SPACE) {
      return 0;
    }
  }
  return c;
}

/* A line without LF or CR LF, whose first character was read already. Its length; -1: no line. */
static int armor_line(struct stream* s, int c, char line[80]) {
  int size = 0;
  for (; c != '\n'; c = next_character(s)) {
    if (c == EOF || size == 79) {
      break;
    }
    line[size++] = (char)c;
  }
  if (size == 79 || (c == EOF && size == 0)) {
    return -1;
  }
  if (size > 0 && line[size - 1] == '\r') {
    --size;
  }
  line[size] = 0;
  return size;
}

/* One line of base64 with padding into s->decoded. */
static int armor_decode(struct stream* s, const char* line, int size) {
  int padding = 0;
  if (s->armor == LAST_LINE_SEEN || size == 0 || size > 64 || size % 4 != 0) {
    return 0;
  }
  while (padding < 2 && line[size - 1 - padding] == '=') {
    ++padding;
  }
  s->decoded_size = base64((const byte*)line, (size_t)(size - padding), s->decoded);
  s->decoded_at = 0;
  if (size < 64 || padding > 0) {
    s->armor = LAST_LINE_SEEN;
  }
  return s->decoded_size == size / 4 * 3 - padding;
}

/* Whether there is more in s->decoded. */
static int armor_more(struct stream* s) {
  char line[80];
  int size;
  s->decoded_size = s->decoded_at = 0;
  if (s->armor == AFTER_ARMOR || s->wrong != 0) {
    return 0;
  }
  if (s->armor == BEFORE_ARMOR) {
    size = armor_line(s, pass_white_space(s), line);
    if (size < 0 || strcmp(line, ARMOR_BEGIN) != 0) {
      s->wrong = END_ARMOR;
      return 0;
    }
    s->armor = IN_ARMOR;
  }
  size = armor_line(s, next_character(s), line);
  if (size >= 0 && strcmp(line, ARMOR_END) == 0 && strlen(line) == (size_t)size) {
    s->armor = AFTER_ARMOR;
    s->wrong = pass_white_space(s) == EOF ? 0 : END_ARMOR;
    return 0;
  }
  if (size < 0 || !armor_decode(s, line, size)) {
    s->decoded_size = 0;
    s->wrong = END_ARMOR;
    return 0;
  }
  return 1;
}

/* As many bytes as there are, up to `size`. */
static size_t stream_read(struct stream* s, byte* bytes, size_t size) {
  size_t used = 0;
  while (used < size) {
    if (s->armor != NO_ARMOR) {
      if (s->decoded_at == s->decoded_size && !armor_more(s)) {
        break;
      }
      bytes[used++] = s->decoded[s->decoded_at++];
    } else if (s->ahead_at < s->ahead_size) {
      bytes[used++] = s->ahead[s->ahead_at++];
    } else if (s->file == NULL) {
      break;
    } else {
      used += fread(bytes + used, 1, size - used, s->file);
      break;
    }
  }
  if (s->file != NULL && ferror(s->file)) {
    s->wrong = END_FILE;
  }
  return used;
}

/* Decrypts the chunks. `start` and `start_size` are what was read of them already. */
static int decrypt_payload(struct stream* s, const byte key[32], const byte* start,
                           size_t start_size, void (*give)(void*, const byte*, size_t), void* to) {
  byte *sealed = allocate(SEALED_CHUNK), *plain = allocate(SEALED_CHUNK);
  uint64_t i;
  int result = -1;
  for (i = 0; result < 0; ++i) {
    size_t size = start_size < SEALED_CHUNK ? start_size : SEALED_CHUNK;
    memcpy(sealed, start, size);
    start += size;
    start_size -= size;
    size += stream_read(s, sealed + size, SEALED_CHUNK - size);
    if (size < SEALED_CHUNK && s->wrong != 0) {
      result = s->wrong;
    } else if (size < 16 || (size == 16 && i > 0)) {
      result = END_PAYLOAD; /* cut off, or an empty chunk */
    } else if (size == SEALED_CHUNK && open_chunk(key, i, 0, sealed, size, plain)) {
      give(to, plain, size - 16);
    } else if (open_chunk(key, i, 1, sealed, size, plain)) {
      give(to, plain, size - 16);
      result = start_size + stream_read(s, sealed, 1) > 0 ? END_PAYLOAD : s->wrong;
    } else {
      result = END_PAYLOAD;
    }
  }
  free(sealed);
  free(plain);
  return result;
}

/* Gives out every authentic byte, also of a file that turns out to be damaged later. */
static int age_decrypt(struct stream* s, void (*give)(void*, const byte*, size_t), void* to) {
  byte *start = allocate(MAX_HEADER), key[32];
  size_t size = stream_read(s, start, MAX_HEADER), preamble;
  int result = open_preamble(start, size, key, &preamble);
  if (result == CUT_OFF) {
    result = s->wrong != 0 ? s->wrong : END_HEADER;
  } else if (result == END_GOOD) {
    result = decrypt_payload(s, key, start + preamble, size - preamble, give, to);
  }
  free(start);
  free(s->ahead);
  s->ahead = NULL;
  return result;
}

/* --- 10. The medium: a directory or a tape: tape-format.md, 2 and 3 */

struct tape_file {
  int64_t number;
  char* name;    /* in a directory */
  int64_t block; /* on a tape: address of its first record, or -1 when not known */
};

struct medium {
  const char* name;
  struct list files; /* tape_file, by number: those that exist */
  int directory;     /* its descriptor */
  int open_file;     /* descriptor of the file that is open in a directory, or -1 */
  int64_t open_number;
  int is_tape;
  int drive; /* descriptor */
  /* Where the head of a tape stands. file < 0: who knows. */
  int64_t file, record;
  /* The record that was read last. */
  byte* buffer;
  int64_t buffer_file, buffer_record;
  size_t buffer_size;
  uint64_t record_size; /* 0: no record was read so far */
  byte uuid[16];
  int uuid_known;
};

enum { MIN_RECORD = 65536, MAX_RECORD = 4194304 };

/* The number at the beginning of a file's name; -1: it is no tape file. `.part` means that no
 * filemark is behind it. */
static int64_t tape_file_number(const char* name) {
  size_t digits = strspn(name, "0123456789"), length = strlen(name);
  if (digits < 1 || digits > 9 || (name[digits] != 0 && name[digits] != '.') ||
      (length >= 5 && strcmp(name + length - 5, ".part") == 0)) {
    return -1;
  }
  return strtol(name, NULL, 10);
}

static void list_directory(struct medium* m, DIR* directory) {
  const struct dirent* entry;
  size_t i;
  while ((entry = readdir(directory)) != NULL) {
    struct tape_file* file;
    if (tape_file_number(entry->d_name) < 0) {
      continue;
    }
    file = append(&m->files);
    file->number = tape_file_number(entry->d_name);
    file->block = -1;
    file->name = allocate(strlen(entry->d_name) + 1);
    strcpy(file->name, entry->d_name);
  }
  sort(&m->files, compare_keys);
  for (i = 1; i < m->files.count; ++i) {
    const struct tape_file *a = at(&m->files, i - 1), *b = at(&m->files, i);
    if (a->number == b->number) {
      die(END_FILE, "%s and %s are both tape file %d: take one of them away", shown_text(a->name),
          shown_text(b->name), (int)a->number);
    }
  }
}

#ifdef HAVE_TAPE
static int tape_do(struct medium* m, short operation, int64_t count) {
  struct mtop order;
  order.mt_op = operation;
  order.mt_count = (int)count;
  return count <= INT32_MAX && ioctl(m->drive, MTIOCTOP, &order) == 0;
}

/* Some drives do not tell how many filemarks they passed on the way to the end of data; then the
 * number is out of all reason, and they are counted one by one. */
enum { MAX_TAPE_FILES = 100000 };

static int64_t count_tape_files(struct medium* m) {
  struct mtget status;
  int64_t count = 0;
  if (tape_do(m, MTEOM, 1) && ioctl(m->drive, MTIOCGET, &status) == 0 && status.mt_fileno >= 0 &&
      status.mt_fileno <= MAX_TAPE_FILES) {
    return status.mt_fileno;
  }
  if (!tape_do(m, MTREW, 1)) {
    die(END_FILE, "cannot rewind %s: %s", shown_text(m->name), strerror(errno));
  }
  while (count < MAX_TAPE_FILES && tape_do(m, MTFSF, 1)) {
    ++count;
  }
  return count;
}

static void open_tape(struct medium* m) {
  int64_t count, i;
  m->is_tape = 1;
  m->drive = open(m->name, O_RDONLY);
  if (m->drive < 0) {
    die(END_FILE, "cannot open the drive %s: %s", shown_text(m->name), strerror(errno));
  }
  m->buffer = allocate(MAX_RECORD);
  tape_do(m, MTSETBLK, 0); /* records of any size; a drive that refuses may get along without */
  count = count_tape_files(m);
  for (i = 0; i < count; ++i) {
    struct tape_file* file = append(&m->files);
    file->number = i;
    file->block = -1;
  }
}

/* Moves the tape to a record. With a block address that is one motion. */
static int tape_go(struct medium* m, const struct tape_file* to, int64_t record) {
  int done;
  if (m->file == to->number && m->record <= record) {
    done = m->record == record || tape_do(m, MTFSR, record - m->record);
  } else if (to->block >= 0 && tape_do(m, MTSEEK, to->block + record)) {
    done = 1;
  } else {
    if (m->file >= 0 && m->file < to->number) {
      done = tape_do(m, MTFSF, to->number - m->file);
    } else {
      done = tape_do(m, MTREW, 1) && (to->number == 0 || tape_do(m, MTFSF, to->number));
    }
    done = done && (record == 0 || tape_do(m, MTFSR, record));
  }
  m->file = done ? to->number : -1;
  m->record = record;
  return done;
}

/* Gets a record into the buffer. Its size, 0 behind the last one of the tape file, -1: damaged. */
static long tape_record(struct medium* m, const struct tape_file* file, int64_t record) {
  size_t want = m->record_size != 0 ? (size_t)m->record_size : MAX_RECORD;
  ssize_t size;
  if (m->buffer_file == file->number && m->buffer_record == record) {
    return (long)m->buffer_size;
  }
  m->buffer_file = -1;
  do {
    if (!tape_go(m, file, record)) {
      return -1;
    }
    size = read(m->drive, m->buffer, want);
    m->file = size < 0 ? -1 : m->file;
    want /= 2; /* not every driver takes a request of 4 MiB */
  } while (size < 0 && m->record_size == 0 && want >= MIN_RECORD);
  if (size < 0) {
    return -1;
  }
  if (size == 0) { /* the filemark; the head is behind it now */
    m->file = file->number + 1;
    m->record = 0;
    return 0;
  }
  ++m->record;
  if (m->record_size == 0) {
    m->record_size = (uint64_t)size;
  }
  if ((uint64_t)size != m->record_size) {
    return -1;
  }
  m->buffer_file = file->number;
  m->buffer_record = record;
  m->buffer_size = (size_t)size;
  return (long)size;
}

static long read_tape(struct medium* m, const struct tape_file* file, uint64_t offset, byte* bytes,
                      size_t size) {
  size_t used = 0;
  if (m->record_size == 0 && tape_record(m, file, 0) < 0) {
    return -1;
  }
  while (used < size && m->record_size != 0) {
    uint64_t place = offset + used;
    size_t skip = (size_t)(place % m->record_size), piece;
    long got = tape_record(m, file, (int64_t)(place / m->record_size));
    if (got < 0) {
      return -1;
    }
    if ((size_t)got <= skip) {
      break;
    }
    piece = (size_t)got - skip < size - used ? (size_t)got - skip : size - used;
    memcpy(bytes + used, m->buffer + skip, piece);
    used += piece;
  }
  return (long)used;
}
/* How many bytes a tape file has, -1: nobody knows. The drive tells its position before and behind
 * it; of one that does not, all records are read. */
static int64_t tape_file_size(struct medium* m, const struct tape_file* file) {
  struct mtpos begin, end;
  int64_t count = 0;
  long got = m->record_size != 0 ? 0 : tape_record(m, file, 0);
  if (got < 0) {
    return -1;
  }
  if (tape_go(m, file, 0) && ioctl(m->drive, MTIOCPOS, &begin) == 0 && tape_do(m, MTFSF, 1)) {
    m->file = file->number + 1;
    if (ioctl(m->drive, MTIOCPOS, &end) == 0 && end.mt_blkno > begin.mt_blkno) {
      return (int64_t)(end.mt_blkno - begin.mt_blkno - 1) * (int64_t)m->record_size;
    }
  }
  while ((got = tape_record(m, file, count)) > 0) {
    ++count;
  }
  return got < 0 ? -1 : count * (int64_t)m->record_size;
}
#else
static void open_tape(struct medium* m) {
  die(END_FILE, "tape drives are not known on this system: dump the tape files of %s with dd",
      shown_text(m->name));
}
static long read_tape(struct medium* m, const struct tape_file* file, uint64_t offset, byte* bytes,
                      size_t size) {
  (void)m, (void)file, (void)offset, (void)bytes, (void)size;
  return -1;
}
static int64_t tape_file_size(struct medium* m, const struct tape_file* file) {
  (void)m, (void)file;
  return -1;
}
#endif

static void open_medium(struct medium* m, const char* name) {
  struct stat status;
  DIR* directory;
  memset(m, 0, sizeof *m);
  m->name = name;
  m->files.size = sizeof(struct tape_file);
  m->open_file = m->drive = m->directory = -1;
  m->file = m->buffer_file = -1;
  if (stat(name, &status) != 0) {
    die(END_FILE, "cannot open %s: %s", shown_text(name), strerror(errno));
  }
  if (S_ISCHR(status.st_mode)) {
    open_tape(m);
  } else {
    directory = opendir(name);
    if (directory == NULL) {
      die(END_FILE, "cannot open %s as a directory of tape files: %s", shown_text(name),
          strerror(errno));
    }
    list_directory(m, directory);
    closedir(directory);
    m->directory = open(name, O_RDONLY | O_DIRECTORY);
  }
  if (m->files.count == 0) {
    die(END_FILE, "there are no tape files in %s (their names begin with their number)",
        shown_text(name));
  }
}

static long read_from_directory(struct medium* m, const struct tape_file* file, uint64_t offset,
                                byte* bytes, size_t size) {
  size_t used = 0;
  if (m->open_file < 0 || m->open_number != file->number) {
    if (m->open_file >= 0) {
      close(m->open_file);
    }
    m->open_file = openat(m->directory, file->name, O_RDONLY | O_NONBLOCK);
    m->open_number = file->number;
    if (m->open_file < 0) {
      return -1;
    }
  }
  while (used < size) {
    ssize_t got = pread(m->open_file, bytes + used, size - used, (off_t)(offset + used));
    if (got < 0 && errno != EINTR) {
      return -1;
    }
    if (got == 0) {
      break;
    }
    used += got > 0 ? (size_t)got : 0;
  }
  return (long)used;
}

/* Bytes of a tape file as they stand on the medium: how many there are, up to `size`; -1 if they
 * cannot be read. */
static long medium_read(struct medium* m, int64_t number, uint64_t offset, byte* bytes,
                        size_t size) {
  const struct tape_file* file = find(&m->files, number);
  if (file == NULL || offset > (uint64_t)INT64_MAX - size) {
    return -1;
  }
  return m->is_tape ? read_tape(m, file, offset, bytes, size)
                    : read_from_directory(m, file, offset, bytes, size);
}

/* How many bytes a tape file has; -1: nobody knows. */
static int64_t medium_size(struct medium* m, int64_t number) {
  const struct tape_file* file = find(&m->files, number);
  struct stat status;
  byte none;
  if (file == NULL || m->is_tape) {
    return file != NULL ? tape_file_size(m, file) : -1;
  }
  return read_from_directory(m, file, 0, &none, 1) >= 0 && fstat(m->open_file, &status) == 0
             ? (int64_t)status.st_size
             : -1;
}

/* --- 11. Any byte of a tape file's plaintext: tape-format.md, 7 */

struct plain {
  struct medium* medium;
  int64_t number;
  int is_encrypted;
  byte key[32];
  uint64_t start;     /* P */
  int64_t chunk;      /* the one in `bytes`, -1: none */
  int64_t last_chunk; /* -1: not seen so far */
  const char* damage; /* of the chunk: NULL when it is good */
  int is_absent;      /* nothing at all stands where the chunk should be */
  int is_unreadable;  /* the medium does not give it */
  size_t size;        /* of its plaintext */
  byte bytes[SEALED_CHUNK];
};

/* Gets ready to read. With the preamble from an index the tape file itself is not looked at.
 * END_GOOD, or what is wrong. */
static int plain_open(struct plain* p, struct medium* m, int64_t number, const byte* preamble,
                      size_t preamble_size) {
  byte* start = NULL;
  size_t size;
  int result;
  p->medium = m;
  p->number = number;
  p->is_encrypted = 1;
  p->chunk = p->last_chunk = -1;
  if (preamble == NULL) {
    long got;
    start = allocate(MAX_HEADER);
    got = medium_read(m, number, 0, start, MAX_HEADER);
    if (got < 0) { /* the first record may be whole */
      got = medium_read(m, number, 0, start, CHUNK);
    }
    preamble = start;
    preamble_size = got > 0 ? (size_t)got : 0;
  }
  result = open_preamble(preamble, preamble_size, p->key, &size);
  p->start = size;
  free(start);
  return result == CUT_OFF ? END_HEADER : result;
}

static void plain_open_unencrypted(struct plain* p, struct medium* m, int64_t number) {
  p->medium = m;
  p->number = number;
  p->is_encrypted = 0;
  p->start = 0;
  p->chunk = p->last_chunk = -1;
}

static const char* plain_decrypt(struct plain* p, long got) {
  byte byte_behind;
  size_t size = (size_t)got;
  if (got < 16 || (got == 16 && p->chunk > 0)) {
    return "is cut off";
  }
  p->size = size - 16;
  if (size == SEALED_CHUNK && open_chunk(p->key, (uint64_t)p->chunk, 0, p->bytes, size, p->bytes)) {
    return NULL;
  }
  if (!open_chunk(p->key, (uint64_t)p->chunk, 1, p->bytes, size, p->bytes)) {
    return "is damaged";
  }
  p->last_chunk = p->chunk;
  if (size == SEALED_CHUNK &&
      medium_read(p->medium, p->number, p->start + (uint64_t)(p->chunk + 1) * SEALED_CHUNK,
                  &byte_behind, 1) != 0) {
    return "goes on behind its end";
  }
  return NULL;
}

static void plain_load(struct plain* p, int64_t chunk) {
  size_t step = p->is_encrypted ? SEALED_CHUNK : CHUNK;
  long got;
  p->chunk = chunk;
  p->size = 0;
  got = medium_read(p->medium, p->number, p->start + (uint64_t)chunk * step, p->bytes, step);
  p->is_absent = got == 0;
  p->is_unreadable = got < 0;
  if (got < 0) {
    p->damage = "cannot be read";
  } else if (p->is_encrypted) {
    p->damage = plain_decrypt(p, got);
  } else {
    p->damage = NULL;
    p->size = (size_t)got;
    p->last_chunk = (size_t)got < step ? chunk : -1;
  }
}

/* Reads up to `size` bytes at `offset`. Fewer: the content ends there, or, if p->damage is set,
 * there is damage; behind p->chunk there may be more. */
static size_t plain_read(struct plain* p, uint64_t offset, byte* bytes, size_t size) {
  size_t used = 0;
  while (used < size) {
    uint64_t place = offset + used;
    int64_t chunk = (int64_t)(place / CHUNK);
    size_t skip = (size_t)(place % CHUNK), piece;
    if (p->last_chunk >= 0 && chunk > p->last_chunk) {
      p->damage = NULL;
      break;
    }
    if (p->chunk != chunk) {
      plain_load(p, chunk);
    }
    if (p->damage != NULL || p->size <= skip) {
      break;
    }
    piece = p->size - skip < size - used ? p->size - skip : size - used;
    memcpy(bytes + used, p->bytes + skip, piece);
    used += piece;
  }
  return used;
}

/* Whether a part of the plaintext is good to its end. */
static int plain_read_all(struct plain* p, uint64_t offset, byte* bytes, size_t size) {
  return plain_read(p, offset, bytes, size) == size;
}

/* The length of the plaintext of a tape file that was written to its end, -1: it was not, its last
 * chunk does not open as the last one. One that is worn at its end loses nothing else by that. */
static int64_t plain_length(struct plain* p) {
  int64_t size = medium_size(p->medium, p->number), chunks;
  if (size < 0) {
    return INT64_MAX;
  }
  size -= (int64_t)p->start;
  if (size < 16) {
    return -1;
  }
  chunks = (size + SEALED_CHUNK - 1) / SEALED_CHUNK;
  plain_load(p, chunks - 1);
  return p->is_unreadable || (p->damage == NULL && p->last_chunk == chunks - 1) ? size - 16 * chunks
                                                                                : -1;
}

/* --- 12. SQLite: sqlite.md */

/* A database in memory. What is wrong with it stands in `defect`; then nothing of it is used. */
struct database {
  byte* data;
  size_t size;
  uint32_t page_size, usable, pages;
  const char* defect;
  byte* visited;       /* a bit for each page, while a tree is walked */
  uint64_t budget;     /* bytes of payload that a tree can hold at most */
  struct list strings; /* byte*: payloads that did not stand in one piece */
};

struct value {
  enum { VALUE_NULL, VALUE_INTEGER, VALUE_BYTES } kind;
  int64_t integer;
  const byte* bytes;
  size_t size;
};

enum { MAX_COLUMNS = 64, MAX_DEPTH = 20 };

/* One table, or the way to it. */
struct table {
  uint32_t root;
  int without_rowid;
  int rowid_column; /* the column that is the rowid, or -1 */
  int columns;
  struct text names[MAX_COLUMNS]; /* in the order of a record */
};

/* Gets the values of the columns that were asked for. */
typedef void row_function(void* to, const struct value* values);

struct walk {
  struct database* db;
  const struct table* table;
  const int* wanted; /* columns */
  int wanted_count;
  row_function* row;
  void* to;
};

static int damaged(struct database* db, const char* defect) {
  if (db->defect == NULL) {
    db->defect = defect;
  }
  return 0;
}

/* Reads a varint before `end`. The number of its bytes; 0: it is not whole. */
static int varint(const byte* bytes, const byte* end, uint64_t* value) {
  int i;
  *value = 0;
  for (i = 0; i < 9 && bytes + i < end; ++i) {
    if (i == 8) {
      *value = *value << 8 | bytes[i];
      return 9;
    }
    *value = *value << 7 | (bytes[i] & 0x7f);
    if (bytes[i] < 0x80) {
      return i + 1;
    }
  }
  return 0;
}

/* The page, if the walk was not there before: a tree that is its own branch would never end. */
static const byte* visit_page(struct database* db, uint64_t number) {
  if (number < 1 || number > db->pages) {
    damaged(db, "it has a page number outside of it");
    return NULL;
  }
  if (db->visited[number / 8] >> number % 8 & 1) {
    damaged(db, "a page of it stands in two places");
    return NULL;
  }
  db->visited[number / 8] |= (byte)(1 << number % 8);
  return db->data + (size_t)(number - 1) * db->page_size;
}

/* How many bytes of a payload stand in the cell itself: sqlite.md, 4. */
static uint64_t local_size(const struct database* db, uint64_t size, int is_table) {
  uint64_t u = db->usable, x = is_table ? u - 35 : (u - 12) * 64 / 255 - 23;
  uint64_t m = (u - 12) * 32 / 255 - 23, k;
  if (size <= x) {
    return size;
  }
  k = m + (size - m) % (u - 4);
  return k <= x ? k : m;
}

/* The whole payload of a cell, in one piece. */
static const byte* whole_payload(struct database* db, const byte* start, const byte* end,
                                 uint64_t size, int is_table) {
  uint64_t local = local_size(db, size, is_table), used = local;
  uint64_t next;
  byte* whole;
  if (size > db->budget || local + (local < size ? 4 : 0) > (uint64_t)(end - start)) {
    damaged(db, "a row of it is larger than its place");
    return NULL;
  }
  db->budget -= size;
  if (local == size) {
    return start;
  }
  whole = allocate((size_t)size);
  *(byte**)append(&db->strings) = whole;
  memcpy(whole, start, (size_t)local);
  next = big_endian(start + local, 4);
  while (used < size) {
    const byte* page = visit_page(db, next);
    uint64_t piece = size - used < db->usable - 4 ? size - used : db->usable - 4;
    if (page == NULL) {
      return NULL;
    }
    memcpy(whole + used, page + 4, (size_t)piece);
    used += piece;
    next = big_endian(page, 4);
  }
  return whole;
}

/* The value of a serial type: sqlite.md, 5. 0: it reaches beyond the record. */
static int decode_value(uint64_t type, const byte** place, const byte* end, struct value* value) {
  static const int integer_sizes[7] = {0, 1, 2, 3, 4, 6, 8};
  uint64_t size = type >= 12 ? (type - 12) / 2 : type <= 6 ? (uint64_t)integer_sizes[type] : 0;
  memset(value, 0, sizeof *value);
  if (type == 7 || type == 10 || type == 11 || size > (uint64_t)(end - *place)) {
    return 0;
  }
  if (type >= 12) {
    value->kind = VALUE_BYTES;
    value->bytes = *place;
    value->size = (size_t)size;
  } else if (type > 0) {
    uint64_t bits = big_endian(*place, (int)size);
    if (size > 0 && size < 8 && bits >> (8 * size - 1) != 0) {
      bits |= UINT64_MAX << 8 * size; /* the sign, in all bits in front */
    }
    value->kind = VALUE_INTEGER;
    value->integer = type == 8 ? 0 : type == 9 ? 1 : as_signed(bits);
  }
  *place += size;
  return 1;
}

static int give_row(struct walk* w, const byte* record, uint64_t size, int64_t rowid) {
  struct value values[MAX_COLUMNS], wanted[MAX_COLUMNS];
  const byte *end = record + size, *header = record, *header_end, *body;
  uint64_t header_size, type;
  int count = 0, i, length = varint(header, end, &header_size);
  if (length == 0 || header_size > size || header_size < (uint64_t)length) {
    return damaged(w->db, "a record of it has no header");
  }
  header_end = body = record + header_size;
  for (header += length; header < header_end && count < MAX_COLUMNS; ++count) {
    length = varint(header, header_end, &type);
    header += length;
    if (length == 0 || !decode_value(type, &body, end, &values[count])) {
      return damaged(w->db, "a record of it is malformed");
    }
  }
  for (i = 0; i < w->wanted_count; ++i) {
    int column = w->wanted[i];
    memset(&wanted[i], 0, sizeof wanted[i]);
    if (column == w->table->rowid_column) {
      wanted[i].kind = VALUE_INTEGER;
      wanted[i].integer = rowid;
    } else if (column < count) {
      wanted[i] = values[column];
    }
  }
  w->row(w->to, wanted);
  return 1;
}

static int walk_tree(struct walk* w, uint64_t number, int depth);

/* A cell of the page: first what is below it, then its own row. Kinds of pages: sqlite.md, 2. */
static int walk_cell(struct walk* w, const byte* page, uint64_t offset, int kind, int depth) {
  const byte *cell = page + offset, *end = page + w->db->usable, *payload;
  uint64_t size, rowid = 0;
  int is_table = kind == 13 || kind == 5, is_inner = kind == 5 || kind == 2, length;
  if (offset < 8 || offset + 4 > w->db->usable) {
    return damaged(w->db, "a cell of it is outside of its page");
  }
  if (is_inner) {
    if (!walk_tree(w, big_endian(cell, 4), depth + 1)) {
      return 0;
    }
    if (is_table) {
      return 1;
    }
    cell += 4;
  }
  length = varint(cell, end, &size);
  cell += length;
  if (length > 0 && is_table) {
    length = varint(cell, end, &rowid);
    cell += length;
  }
  if (length == 0) {
    return damaged(w->db, "a cell of it is cut off");
  }
  payload = whole_payload(w->db, cell, end, size, is_table);
  return payload != NULL && give_row(w, payload, size, as_signed(rowid));
}

static int walk_tree(struct walk* w, uint64_t number, int depth) {
  const byte* page = depth <= MAX_DEPTH ? visit_page(w->db, number) : NULL;
  const byte* header;
  uint64_t cells, i, pointers;
  int kind, is_inner;
  if (page == NULL) {
    return damaged(w->db, "a tree of it is too deep");
  }
  header = page + (number == 1 ? 100 : 0);
  kind = header[0];
  is_inner = kind == 5 || kind == 2;
  if (w->table->without_rowid ? kind != 10 && kind != 2 : kind != 13 && kind != 5) {
    return damaged(w->db, "a page of it is of another kind than its tree");
  }
  cells = big_endian(header + 3, 2);
  pointers = (uint64_t)(header - page) + (is_inner ? 12 : 8);
  if (pointers + 2 * cells > w->db->usable) {
    return damaged(w->db, "a page of it has more cells than room");
  }
  for (i = 0; i < cells; ++i) {
    if (!walk_cell(w, page, big_endian(page + pointers + 2 * i, 2), kind, depth)) {
      return 0;
    }
  }
  return !is_inner || walk_tree(w, big_endian(header + 8, 4), depth + 1);
}

static int walk_table(struct database* db, const struct table* table, const int* wanted, int count,
                      row_function* row, void* to) {
  struct walk w;
  if (db->defect != NULL) {
    return 0; /* Then nothing else of it may be there. */
  }
  w.db = db;
  w.table = table;
  w.wanted = wanted;
  w.wanted_count = count;
  w.row = row;
  w.to = to;
  memset(db->visited, 0, db->pages / 8 + 1);
  db->budget = db->size;
  return walk_tree(&w, table->root, 1);
}

/* Takes the database: `data` belongs to it then. */
static void open_database(struct database* db, byte* data, size_t size) {
  memset(db, 0, sizeof *db);
  db->strings.size = sizeof(byte*);
  db->data = data;
  db->size = size;
  if (size < 512 || memcmp(data, "SQLite format 3", 16) != 0) {
    damaged(db, "it is no SQLite database");
    return;
  }
  db->page_size = (uint32_t)big_endian(data + 16, 2);
  db->page_size = db->page_size == 1 ? 65536 : db->page_size;
  db->usable = db->page_size - data[20];
  db->pages = (uint32_t)big_endian(data + 28, 4);
  if (db->page_size < 512 || (db->page_size & (db->page_size - 1)) != 0 || db->usable < 480) {
    damaged(db, "its page size is not possible");
  } else if (db->pages < 1 || db->pages > size / db->page_size) {
    damaged(db, "it has more pages than bytes");
  } else if (big_endian(data + 56, 4) != 1) {
    damaged(db, "its text is not UTF-8");
  } else {
    db->visited = allocate(db->pages / 8 + 1);
  }
}

static void close_database(struct database* db) {
  size_t i;
  for (i = 0; i < db->strings.count; ++i) {
    free(*(byte**)at(&db->strings, i));
  }
  empty(&db->strings);
  free(db->visited);
  free(db->data);
  memset(db, 0, sizeof *db);
}

/* --- The statement that made a table, cut into words: names, and each other character alone. */

enum { MAX_WORDS = 1024 };

static int is_name_character(int c) {
  return isalnum(c) || c == '_' || c >= 128;
}

static int cut_into_words(const byte* sql, size_t size, struct text* words) {
  size_t i = 0, start;
  int count = 0;
  while (i < size && count < MAX_WORDS) {
    if (isspace(sql[i])) {
      ++i;
      continue;
    }
    start = i++;
    while (is_name_character(sql[start]) && i < size && is_name_character(sql[i])) {
      ++i;
    }
    words[count].start = sql + start;
    words[count++].size = i - start;
    if (sql[start] == '"' || sql[start] == '\'') { /* a quoted name: without its quotes */
      while (i < size && sql[i] != sql[start]) {
        ++i;
      }
      ++words[count - 1].start;
      words[count - 1].size = i - start - 1;
      i += i < size;
    }
  }
  return count;
}

static int word_is(struct text word, const char* name) {
  size_t i;
  if (word.size != strlen(name)) {
    return 0;
  }
  for (i = 0; i < word.size && toupper(word.start[i]) == toupper((byte)name[i]); ++i) {
  }
  return i == word.size;
}

static int column_named(const struct text* names, int count, struct text name) {
  int i;
  for (i = 0; i < count; ++i) {
    if (names[i].size == name.size && memcmp(names[i].start, name.start, name.size) == 0) {
      return i;
    }
  }
  return -1;
}

/* What is known of a table while its statement is read. */
struct definition {
  struct text columns[MAX_COLUMNS];
  int column_count;
  int key[MAX_COLUMNS]; /* columns of the primary key, in its order */
  int key_count;
  int integer_key; /* the column that is declared INTEGER PRIMARY KEY, or -1 */
};

/* One column or one constraint: the words between two commas. */
static int read_definition(struct definition* d, const struct text* words, int count) {
  int i, is_key = -1;
  for (i = 0; i + 1 < count; ++i) {
    if (word_is(words[i], "PRIMARY") && word_is(words[i + 1], "KEY")) {
      is_key = i;
      break;
    }
  }
  if (word_is(words[0], "PRIMARY")) {
    for (i = 3; i < count && !word_is(words[i], ")") && d->key_count < MAX_COLUMNS; ++i) {
      int column = column_named(d->columns, d->column_count, words[i]);
      if (column >= 0) {
        d->key[d->key_count++] = column;
      }
    }
    return 1;
  }
  if (word_is(words[0], "UNIQUE") || word_is(words[0], "CHECK") || word_is(words[0], "FOREIGN") ||
      word_is(words[0], "CONSTRAINT")) {
    return 1;
  }
  if (d->column_count == MAX_COLUMNS) {
    return 0;
  }
  d->columns[d->column_count++] = words[0];
  if (is_key > 0) {
    d->key[d->key_count++] = d->column_count - 1;
    if (is_key == 2 && word_is(words[1], "INTEGER")) {
      d->integer_key = d->column_count - 1;
    }
  }
  return 1;
}

/* The columns in the order of a record: sqlite.md, 6. */
static void order_columns(struct table* table, const struct definition* d) {
  int i, j;
  table->columns = 0;
  table->rowid_column = table->without_rowid ? -1 : d->integer_key;
  for (i = 0; table->without_rowid && i < d->key_count; ++i) {
    table->names[table->columns++] = d->columns[d->key[i]];
  }
  for (i = 0; i < d->column_count; ++i) {
    for (j = 0; table->without_rowid && j < d->key_count && d->key[j] != i; ++j) {
    }
    if ((!table->without_rowid || j == d->key_count) && table->columns < MAX_COLUMNS) {
      table->names[table->columns++] = d->columns[i];
    }
  }
}

/* CREATE TABLE name ( definition , definition ... ) WITHOUT ROWID */
static int parse_create_table(struct table* table, const byte* sql, size_t size) {
  static struct text words[MAX_WORDS];
  struct definition d = {{{NULL, 0}}, 0, {0}, 0, -1};
  int count = cut_into_words(sql, size, words), i = 0, start, depth = 1;
  while (i < count && !word_is(words[i], "(")) {
    ++i;
  }
  for (start = ++i; i < count && depth > 0; ++i) {
    depth += word_is(words[i], "(") - word_is(words[i], ")");
    if (depth == 0 || (depth == 1 && word_is(words[i], ","))) {
      if (i == start || !read_definition(&d, words + start, i - start)) {
        return 0;
      }
      start = i + 1;
    }
  }
  table->without_rowid = 0;
  for (; i + 1 < count; ++i) {
    table->without_rowid |= word_is(words[i], "WITHOUT") && word_is(words[i + 1], "ROWID");
  }
  order_columns(table, &d);
  return depth == 0 && d.column_count > 0;
}

struct search {
  const char* name;
  struct table* table;
  int found;
};

/* A row of sqlite_schema: type, name, rootpage, sql. */
static void schema_row(void* to, const struct value* v) {
  struct search* search = to;
  struct text type = {v[0].bytes, v[0].size}, name = {v[1].bytes, v[1].size};
  if (v[0].kind == VALUE_BYTES && text_is(type, "table") && v[1].kind == VALUE_BYTES &&
      text_is(name, search->name) && v[2].kind == VALUE_INTEGER && v[2].integer > 0 &&
      v[2].integer <= UINT32_MAX && v[3].kind == VALUE_BYTES) {
    search->table->root = (uint32_t)v[2].integer;
    search->found = parse_create_table(search->table, v[3].bytes, v[3].size);
  }
}

/* Gives each row of a table: of the columns that `columns` names, separated by single spaces. */
static int read_table(struct database* db, const char* name, const char* columns, row_function* row,
                      void* to) {
  static const int schema_columns[4] = {0, 1, 3, 4};
  struct table schema = {1, 0, -1, 5, {{NULL, 0}}}, table;
  struct search search;
  int wanted[MAX_COLUMNS], count = 0;
  search.name = name;
  search.table = &table;
  search.found = 0;
  if (!walk_table(db, &schema, schema_columns, 4, schema_row, &search)) {
    return 0;
  }
  if (!search.found) {
    return damaged(db, "a table of it is missing");
  }
  while (*columns != 0) {
    struct text column;
    column.start = (const byte*)columns;
    column.size = strcspn(columns, " ");
    wanted[count] = column_named(table.names, table.columns, column);
    if (wanted[count++] < 0) {
      return damaged(db, "a column of it is missing");
    }
    columns += column.size + (columns[column.size] == ' ');
  }
  return walk_table(db, &table, wanted, count, row, to);
}

/* --- 13. The index: tape-format.md, 5 */

/* Rows, each beginning with its key. */
struct name {
  int64_t parent, path;
  const byte* bytes;
  size_t size;
};
struct version {
  int64_t path, first_job, last_job, content, node, attribute, mtime;
};
struct attribute {
  int64_t id, mode, uid, gid, device;
  const byte* xattrs;
  size_t xattrs_size;
};
struct symlink {
  int64_t path, first_job;
  const byte* target;
  size_t size;
};
struct content {
  int64_t id, size, written;
  const byte* hash; /* NULL: it was not known yet */
};
struct copy {
  int64_t content, bundle, block, headers, stored, state;
};
struct bundle {
  int64_t id, medium, index_file, archive_block, plain_bytes, state;
  const byte *uuid, *preamble;
  size_t preamble_size;
};
struct medium_row {
  int64_t id;
  const byte *uuid, *label;
  size_t label_size;
};
struct job {
  int64_t id, started;
};

struct index {
  struct database db;
  const char* defect; /* what is wrong with a row */
  struct list names, versions, attributes, symlinks, contents, copies, bundles, media, jobs;
  /* tape_file, the row about this index. */
  int rows;
  int64_t tape_file, format;
  const byte *medium, *bundle; /* UUIDs; bundle is NULL in a closing index */
  int64_t this_medium;         /* its id */
  int64_t this_bundle;         /* the id of the bundle that follows, or -1 */
};

static int64_t integer_or(const struct value* v, int64_t otherwise) {
  return v->kind == VALUE_INTEGER ? v->integer : otherwise;
}

/* A number that cannot be negative. */
static int64_t count_of(struct index* x, const struct value* v) {
  if (v->kind != VALUE_INTEGER || v->integer < 0) {
    x->defect = "a number of it is not possible";
    return 0;
  }
  return v->integer;
}

/* The number of a tape file: nine digits at most. */
static int64_t file_number_of(struct index* x, const struct value* v) {
  int64_t number = count_of(x, v);
  if (number > 999999999) {
    x->defect = "a number of it is not possible";
    return 0;
  }
  return number;
}

/* Bytes of a fixed size; NULL if it is NULL. */
static const byte* bytes_of(struct index* x, const struct value* v, size_t size) {
  if (v->kind == VALUE_NULL) {
    return NULL;
  }
  if (v->kind != VALUE_BYTES || v->size != size) {
    x->defect = "a UUID or hash of it is malformed";
    return NULL;
  }
  return v->bytes;
}

static void name_row(void* to, const struct value* v) {
  struct index* x = to;
  struct name* row = append(&x->names);
  row->parent = count_of(x, &v[0]);
  row->path = count_of(x, &v[2]);
  row->bytes = v[1].bytes;
  row->size = v[1].size;
  if (row->path <= row->parent) {
    x->defect = "a directory of it is inside of itself";
  }
}

static void version_row(void* to, const struct value* v) {
  struct index* x = to;
  struct version* row = append(&x->versions);
  row->path = count_of(x, &v[0]);
  row->first_job = count_of(x, &v[1]);
  row->last_job = integer_or(&v[2], -1);
  row->content = integer_or(&v[3], -1);
  row->node = count_of(x, &v[4]);
  row->attribute = count_of(x, &v[5]);
  row->mtime = integer_or(&v[6], 0);
}

static void attribute_row(void* to, const struct value* v) {
  struct index* x = to;
  struct attribute* row = append(&x->attributes);
  row->id = count_of(x, &v[0]);
  row->mode = count_of(x, &v[1]) & 0xffff;
  row->uid = count_of(x, &v[2]);
  row->gid = count_of(x, &v[3]);
  row->device = count_of(x, &v[4]);
  row->xattrs = v[5].bytes;
  row->xattrs_size = v[5].size;
}

static void symlink_row(void* to, const struct value* v) {
  struct index* x = to;
  struct symlink* row = append(&x->symlinks);
  row->path = count_of(x, &v[0]);
  row->first_job = count_of(x, &v[1]);
  row->target = v[2].bytes;
  row->size = v[2].size;
}

static void content_row(void* to, const struct value* v) {
  struct index* x = to;
  struct content* row = append(&x->contents);
  row->id = count_of(x, &v[0]);
  row->hash = bytes_of(x, &v[1], 32);
  row->size = count_of(x, &v[2]);
  row->written = count_of(x, &v[3]);
}

static void copy_row(void* to, const struct value* v) {
  struct index* x = to;
  struct copy* row = append(&x->copies);
  row->content = count_of(x, &v[0]);
  row->bundle = count_of(x, &v[1]);
  row->block = count_of(x, &v[2]);
  row->headers = count_of(x, &v[3]);
  row->stored = integer_or(&v[4], -1);
  row->state = count_of(x, &v[5]);
}

static void bundle_row(void* to, const struct value* v) {
  struct index* x = to;
  struct bundle* row = append(&x->bundles);
  row->id = count_of(x, &v[0]);
  row->uuid = bytes_of(x, &v[1], 16);
  row->medium = count_of(x, &v[2]);
  row->index_file = file_number_of(x, &v[3]);
  row->archive_block = integer_or(&v[4], -1);
  row->preamble = v[5].bytes;
  row->preamble_size = v[5].size;
  row->plain_bytes = count_of(x, &v[6]);
  row->state = count_of(x, &v[7]);
}

static void medium_row(void* to, const struct value* v) {
  struct index* x = to;
  struct medium_row* row = append(&x->media);
  row->id = count_of(x, &v[0]);
  row->uuid = bytes_of(x, &v[1], 16);
  row->label = v[2].bytes;
  row->label_size = v[2].size;
}

static void job_row(void* to, const struct value* v) {
  struct index* x = to;
  struct job* row = append(&x->jobs);
  row->id = count_of(x, &v[0]);
  row->started = integer_or(&v[1], 0);
}

static void tape_file_row(void* to, const struct value* v) {
  struct index* x = to;
  ++x->rows;
  x->format = count_of(x, &v[0]);
  x->medium = bytes_of(x, &v[1], 16);
  x->tape_file = file_number_of(x, &v[2]);
  x->bundle = bytes_of(x, &v[3], 16);
}

/* Rows whose key is two numbers. */
static int compare_two_keys(const void* a, const void* b) {
  const int64_t *x = a, *y = b;
  int order = compare_numbers(x[0], y[0]);
  return order != 0 ? order : compare_numbers(x[1], y[1]);
}

/* The names of a directory stand together, in the order of their bytes. */
static int compare_names(const void* a, const void* b) {
  const struct name *x = a, *y = b;
  int order = compare_numbers(x->parent, y->parent);
  return order != 0 ? order : compare_bytes(x->bytes, x->size, y->bytes, y->size);
}

static int compare_paths(const void* a, const void* b) {
  const struct name *x = a, *y = b;
  return compare_numbers(x->path, y->path);
}

/* A path has one name. With two in each of sixty directories a tree would have 2^60 paths. */
static void require_one_name_each(struct index* x) {
  size_t i;
  sort(&x->names, compare_paths);
  for (i = 1; i < x->names.count; ++i) {
    const struct name *one = at(&x->names, i - 1), *next = at(&x->names, i);
    if (one->path == next->path) {
      x->defect = "has a path with two names";
      return;
    }
  }
}

static void close_index(struct index* x) {
  struct list* lists[9];
  int i;
  lists[0] = &x->names, lists[1] = &x->versions, lists[2] = &x->attributes;
  lists[3] = &x->symlinks, lists[4] = &x->contents, lists[5] = &x->copies;
  lists[6] = &x->bundles, lists[7] = &x->media, lists[8] = &x->jobs;
  for (i = 0; i < 9; ++i) {
    empty(lists[i]);
  }
  close_database(&x->db);
}

static void prepare_lists(struct index* x) {
  x->names.size = sizeof(struct name);
  x->versions.size = sizeof(struct version);
  x->attributes.size = sizeof(struct attribute);
  x->symlinks.size = sizeof(struct symlink);
  x->contents.size = sizeof(struct content);
  x->copies.size = sizeof(struct copy);
  x->bundles.size = sizeof(struct bundle);
  x->media.size = sizeof(struct medium_row);
  x->jobs.size = sizeof(struct job);
}

/* Which row of `medium` and `bundle` this index is about. */
static void find_itself(struct index* x) {
  size_t i;
  x->this_medium = x->this_bundle = -1;
  for (i = 0; i < x->media.count; ++i) {
    const struct medium_row* row = at(&x->media, i);
    if (row->uuid != NULL && x->medium != NULL && memcmp(row->uuid, x->medium, 16) == 0) {
      x->this_medium = row->id;
    }
  }
  for (i = 0; i < x->bundles.count; ++i) {
    const struct bundle* row = at(&x->bundles, i);
    if (row->uuid != NULL && x->bundle != NULL && memcmp(row->uuid, x->bundle, 16) == 0) {
      x->this_bundle = row->id;
    }
  }
  if (x->rows != 1 || x->medium == NULL || x->this_medium < 0) {
    x->defect = "it does not say what it is";
  }
}

/* tape-format.md, 9. */
static void refuse_newer(const char* what, int64_t found, int known) {
  die(END_DAMAGED,
      "the %s is version %" PRId64
      ", and this program knows versions up to %d: use a newer program",
      what, found, known);
}

/* Reads the tables out of a database. `data` belongs to the index then. NULL, or what is wrong. */
static const char* read_index(struct index* x, byte* data, size_t size) {
  struct database* db = &x->db;
  memset(x, 0, sizeof *x);
  prepare_lists(x);
  open_database(db, data, size);
  if (db->defect == NULL && memcmp(data + 68, "MXTP", 4) != 0) {
    damaged(db, "it is no index of Mixtape");
  }
  if (db->defect == NULL && big_endian(data + 60, 4) > SCHEMA_VERSION) {
    refuse_newer("schema of an index", (int64_t)big_endian(data + 60, 4), SCHEMA_VERSION);
  }
  if (read_table(db, "tape_file", "format medium tape_file bundle", tape_file_row, x) &&
      x->format > TAPE_FORMAT) {
    refuse_newer("format of this medium", x->format, TAPE_FORMAT);
  }
  read_table(db, "name", "parent name path", name_row, x);
  read_table(db, "version", "path first_job last_job content node attribute mtime", version_row, x);
  read_table(db, "attribute", "id mode uid gid device xattrs", attribute_row, x);
  read_table(db, "symlink", "path first_job target", symlink_row, x);
  read_table(db, "content", "id hash size written", content_row, x);
  read_table(db, "copy", "content bundle block headers stored state", copy_row, x);
  read_table(db, "bundle",
             "id uuid medium index_file archive_block archive_header plain_bytes state", bundle_row,
             x);
  read_table(db, "medium", "id uuid label", medium_row, x);
  read_table(db, "job", "id started", job_row, x);
  require_one_name_each(x);
  sort(&x->names, compare_names);
  sort(&x->versions, compare_two_keys);
  sort(&x->attributes, compare_keys);
  sort(&x->symlinks, compare_two_keys);
  sort(&x->contents, compare_keys);
  sort(&x->copies, compare_keys);
  sort(&x->bundles, compare_keys);
  sort(&x->media, compare_keys);
  sort(&x->jobs, compare_keys);
  if (db->defect == NULL && x->defect == NULL) {
    find_itself(x);
  }
  return db->defect != NULL ? db->defect : x->defect;
}

/* Decrypts a whole tape file that should be a database. NULL, or what is wrong: then nothing of it
 * is given, for only the last chunk proves that it is whole. `is_archive`: it is no database. */
static const char* decrypt_database(struct plain* p, byte** data, size_t* size, int* is_archive) {
  uint64_t offset = 0;
  size_t room = 0;
  *data = NULL;
  *size = 0;
  *is_archive = 0;
  for (;;) {
    size_t got;
    if (room - *size < CHUNK) {
      if (room > SIZE_MAX / 4) {
        return "is larger than the memory of this computer";
      }
      room = room * 2 + CHUNK;
      *data = realloc(*data, room);
      if (*data == NULL) {
        die(END_DAMAGED, "%" PRIu64 " bytes of memory for an index are not to be had",
            (uint64_t)room);
      }
    }
    got = plain_read(p, offset, *data + *size, CHUNK);
    offset += got;
    *size += got;
    if (offset == got && got >= 16 && memcmp(*data, "SQLite format 3", 16) != 0) {
      *is_archive = 1;
      return "is no index";
    }
    if (got < CHUNK) {
      return p->damage != NULL ? p->damage : *size < 512 ? "is no index" : NULL;
    }
  }
}

/* --- 14. tar: tar.md */

enum { BLOCK = 512, MAX_PAX = 1048576, MAX_EXTENTS = 1048577, MAX_PATH_BYTES = 65536 };

struct bytes {
  byte* start;
  size_t size;
};

/* A member, its pax records applied. What is in `bytes` belongs to it. */
struct member {
  uint64_t begin, data; /* offsets of its first header and of its data */
  int64_t stored;       /* bytes of data */
  int64_t size;         /* of the file: larger if it is sparse */
  int type, is_sparse, same_content;
  int64_t mode, uid, gid, mtime, device;
  struct bytes path, link;
  struct bytes xattrs; /* as in attribute.xattrs: tape-format.md, 5.3 */
};

static void free_member(struct member* m) {
  free(m->path.start);
  free(m->link.start);
  free(m->xattrs.start);
  memset(m, 0, sizeof *m);
}

static void set_bytes(struct bytes* to, const byte* from, size_t size) {
  free(to->start);
  to->start = allocate(size + 1);
  memcpy(to->start, from, size);
  to->start[size] = 0;
  to->size = size;
}

static size_t field_size(const byte* field, size_t size) {
  const byte* end = memchr(field, 0, size);
  return end != NULL ? (size_t)(end - field) : size;
}

/* Octal digits, or base 256 behind a byte with its top bit set: tar.md, 2. 0: malformed. */
static int tar_number(const byte* field, int size, int64_t* value) {
  uint64_t bits = 0;
  int i = 0;
  if (field[0] & 0x80) {
    int negative = field[0] & 0x40 ? 0xff : 0;
    for (i = 0; i < size; ++i) {
      int b = i > 0 ? field[i] : negative ? field[0] : field[0] & 0x7f;
      if (i < size - 8 && b != negative) {
        return 0; /* more than 64 bits */
      }
      bits = bits << 8 | (uint64_t)b;
    }
    *value = as_signed(bits);
    return (*value < 0) == (negative != 0);
  }
  while (i < size && field[i] == ' ') {
    ++i;
  }
  for (; i < size && field[i] != 0 && field[i] != ' '; ++i) {
    if (field[i] < '0' || field[i] > '7' || bits >> 60 != 0) {
      return 0;
    }
    bits = bits << 3 | (uint64_t)(field[i] - '0');
  }
  *value = as_signed(bits);
  return *value >= 0;
}

static int is_tar_header(const byte* block) {
  int64_t expected;
  int64_t sum = 8 * ' ';
  int i;
  for (i = 0; i < BLOCK; ++i) {
    sum += i < 148 || i >= 156 ? block[i] : 0;
  }
  return memcmp(block + 257, "ustar", 6) == 0 && tar_number(block + 148, 8, &expected) &&
         expected == sum;
}

static int read_fields(struct member* m, const byte* b) {
  byte name[256];
  size_t prefix = field_size(b + 345, 155), size = field_size(b, 100);
  int64_t major, minor;
  memcpy(name, b + 345, prefix);
  if (prefix > 0) {
    name[prefix++] = '/';
  }
  memcpy(name + prefix, b, size);
  if (m->path.start == NULL) {
    set_bytes(&m->path, name, prefix + size);
  }
  if (m->link.start == NULL) {
    set_bytes(&m->link, b + 157, field_size(b + 157, 100));
  }
  m->type = b[156] == 0 || b[156] == '7' ? '0' : b[156];
  if (!tar_number(b + 100, 8, &m->mode) || !tar_number(b + 108, 8, &m->uid) ||
      !tar_number(b + 116, 8, &m->gid) || !tar_number(b + 124, 12, &m->stored) || m->stored < 0 ||
      !tar_number(b + 136, 12, &m->mtime) || !tar_number(b + 329, 8, &major) ||
      !tar_number(b + 337, 8, &minor)) {
    return 0;
  }
  m->mode &= 07777;
  m->mtime = m->mtime > INT64_MAX / 1000000000 || m->mtime < -(INT64_MAX / 1000000000)
                 ? 0
                 : m->mtime * 1000000000;
  /* A device's number as Linux has it. */
  m->device = (major & 0xfff) << 8 | (minor & 0xff) | (minor & 0xfff00) << 12;
  return 1;
}

/* A decimal number that is not negative and has at most 18 digits, up to `end`. */
static int decimal(const byte* text, const byte* end, int64_t* value) {
  *value = 0;
  if (text == end || end - text > 18) {
    return 0;
  }
  for (; text < end; ++text) {
    if (*text < '0' || *text > '9') {
      return 0;
    }
    *value = *value * 10 + (*text - '0');
  }
  return 1;
}

/* Seconds with a fraction to nanoseconds; the sign belongs to the whole number. */
static int pax_time(const byte* text, const byte* end, int64_t* value) {
  int negative = text < end && *text == '-', i;
  const byte* point = memchr(text, '.', (size_t)(end - text));
  int64_t seconds, fraction = 0;
  if (!decimal(text + negative, point != NULL ? point : end, &seconds) ||
      seconds > INT64_MAX / 1000000000 - 1) {
    return 0;
  }
  for (i = 0; point != NULL && i < 9; ++i) {
    ++point;
    fraction = fraction * 10 + (point < end && *point >= '0' && *point <= '9' ? *point - '0' : 0);
    point = point < end ? point : end - 1;
  }
  *value = seconds * 1000000000 + fraction;
  *value = negative ? -*value : *value;
  return 1;
}

/* Adds an extended attribute; in the keyword stands %25 for "%" and %3D for "=". */
static void add_xattr(struct member* m, const byte* name, size_t name_size, const byte* value,
                      size_t value_size) {
  struct bytes all;
  byte *to, *length;
  size_t i;
  all.start = allocate(m->xattrs.size + name_size + value_size + 6);
  if (m->xattrs.size > 0) {
    memcpy(all.start, m->xattrs.start, m->xattrs.size);
  }
  length = all.start + m->xattrs.size;
  to = length + 2;
  for (i = 0; i < name_size; ++i) {
    int is_percent = name_size - i >= 3 && memcmp(name + i, "%25", 3) == 0;
    int is_equals = name_size - i >= 3 && memcmp(name + i, "%3D", 3) == 0;
    *to++ = is_percent ? '%' : is_equals ? '=' : name[i];
    i += is_percent || is_equals ? 2 : 0;
  }
  length[0] = (byte)((to - length - 2) >> 8);
  length[1] = (byte)(to - length - 2);
  put_big32(to, (uint32_t)value_size);
  to += 4;
  memcpy(to, value, value_size);
  all.size = (size_t)(to + value_size - all.start);
  free(m->xattrs.start);
  m->xattrs = all;
}

/* The pax records that outrank fields are kept until the fields were read. */
struct pax {
  int64_t stored, uid, gid, mtime, size;
  int has_stored, has_uid, has_gid, has_mtime, has_name;
};

static int pax_record(struct pax* pax, struct member* m, const byte* key, size_t key_size,
                      const byte* value, size_t size) {
  static const char xattr[] = "SCHILY.xattr.";
  struct text word;
  const byte* end = value + size;
  word.start = key;
  word.size = key_size;
  if (text_is(word, "path") && !pax->has_name) {
    set_bytes(&m->path, value, size);
  } else if (text_is(word, "GNU.sparse.name")) { /* outranks the path, whichever comes first */
    pax->has_name = 1;
    set_bytes(&m->path, value, size);
  } else if (text_is(word, "linkpath")) {
    set_bytes(&m->link, value, size);
  } else if (text_is(word, "size")) {
    return pax->has_stored = decimal(value, end, &pax->stored);
  } else if (text_is(word, "uid")) {
    return pax->has_uid = decimal(value, end, &pax->uid);
  } else if (text_is(word, "gid")) {
    return pax->has_gid = decimal(value, end, &pax->gid);
  } else if (text_is(word, "mtime")) {
    return pax->has_mtime = pax_time(value, end, &pax->mtime);
  } else if (text_is(word, "GNU.sparse.realsize")) {
    return m->is_sparse = decimal(value, end, &pax->size);
  } else if (text_is(word, "MIXTAPE.same-content")) {
    m->same_content = size == 1 && value[0] == '1';
  } else if (key_size > strlen(xattr) && memcmp(key, xattr, strlen(xattr)) == 0) {
    add_xattr(m, key + strlen(xattr), key_size - strlen(xattr), value, size);
  }
  return 1;
}

/* LENGTH SPACE KEYWORD "=" VALUE LINEFEED, one behind the other: tar.md, 3. */
static int read_pax(struct pax* pax, struct member* m, const byte* text, size_t size) {
  const byte *end = text + size, *space, *equals;
  while (text < end) {
    int64_t length;
    space = memchr(text, ' ', (size_t)(end - text));
    if (space == NULL || !decimal(text, space, &length) || length > end - text ||
        length < space - text + 3 || text[length - 1] != '\n') {
      return 0;
    }
    equals = memchr(space + 1, '=', (size_t)(text + length - 1 - (space + 1)));
    if (equals == NULL || !pax_record(pax, m, space + 1, (size_t)(equals - space - 1), equals + 1,
                                      (size_t)(text + length - 1 - (equals + 1)))) {
      return 0;
    }
    text += length;
  }
  return 1;
}

static void apply_pax(const struct pax* pax, struct member* m) {
  m->stored = pax->has_stored ? pax->stored : m->stored;
  m->uid = pax->has_uid ? pax->uid : m->uid;
  m->gid = pax->has_gid ? pax->gid : m->gid;
  m->mtime = pax->has_mtime ? pax->mtime : m->mtime;
  m->size = m->is_sparse ? pax->size : m->stored;
}

enum { MEMBER_FOUND, MEMBER_END, MEMBER_WRONG };

/* Reads the pax records of the header at *offset and passes them. */
static int pass_pax(struct plain* p, uint64_t* offset, const byte* block, struct pax* pax,
                    struct member* m) {
  int64_t size;
  byte* text;
  int good;
  if (!tar_number(block + 124, 12, &size) || size < 0 || size > MAX_PAX) {
    return 0;
  }
  text = allocate((size_t)size);
  good = plain_read_all(p, *offset + BLOCK, text, (size_t)size) &&
         read_pax(pax, m, text, (size_t)size);
  free(text);
  *offset += BLOCK + ((uint64_t)size + BLOCK - 1) / BLOCK * BLOCK;
  return good;
}

/* The member whose headers begin at *offset, which then is behind its data. */
static int next_member(struct plain* p, uint64_t* offset, struct member* m) {
  static const byte zero[BLOCK];
  struct pax pax;
  byte block[BLOCK];
  memset(m, 0, sizeof *m);
  memset(&pax, 0, sizeof pax);
  m->begin = *offset;
  if (!plain_read_all(p, *offset, block, BLOCK)) {
    return MEMBER_WRONG;
  }
  if (memcmp(block, zero, BLOCK) == 0) {
    return MEMBER_END;
  }
  if (is_tar_header(block) && block[156] == 'x') {
    if (!pass_pax(p, offset, block, &pax, m) || !plain_read_all(p, *offset, block, BLOCK)) {
      return MEMBER_WRONG;
    }
  }
  if (!is_tar_header(block) || strchr("01234567", block[156] != 0 ? block[156] : '0') == NULL ||
      !read_fields(m, block)) {
    return MEMBER_WRONG;
  }
  apply_pax(&pax, m);
  if (m->type != '0') {
    m->stored = m->size = 0;
  }
  m->data = *offset + BLOCK;
  *offset = m->data + ((uint64_t)m->stored + BLOCK - 1) / BLOCK * BLOCK;
  return MEMBER_FOUND;
}

/* A piece of a file that has data. */
struct extent {
  int64_t offset, size;
};

/* One line of a sparse map; the numbers are decimal. */
static int map_number(struct plain* p, uint64_t* offset, int64_t* value) {
  byte digits[20];
  int i;
  for (i = 0; i < 20; ++i) {
    if (!plain_read_all(p, (*offset)++, &digits[i], 1)) {
      return 0;
    }
    if (digits[i] == '\n') {
      return decimal(digits, digits + i, value);
    }
  }
  return 0;
}

/* The map of a sparse file, at *offset, which then is at the data: tar.md, 4. */
static int read_map(struct plain* p, uint64_t* offset, int64_t stored, int64_t size,
                    struct list* extents) {
  uint64_t begin = *offset;
  int64_t count, i, end = 0, sum = 0;
  if (!map_number(p, offset, &count) || count > MAX_EXTENTS) {
    return 0;
  }
  for (i = 0; i < count; ++i) {
    struct extent extent, *kept;
    if (!map_number(p, offset, &extent.offset) || !map_number(p, offset, &extent.size) ||
        extent.offset < end || extent.offset > size || extent.size > size - extent.offset) {
      return 0;
    }
    end = extent.offset + extent.size;
    sum += extent.size;
    kept = append(extents);
    *kept = extent;
  }
  *offset = begin + (*offset - begin + BLOCK - 1) / BLOCK * BLOCK;
  return *offset - begin + (uint64_t)sum == (uint64_t)stored;
}

/* Names below the output directory only: no empty, "." or ".." component, no NUL. */
static int is_safe_path(const char* path, size_t size) {
  size_t start = 0, end;
  if (size == 0 || size >= MAX_PATH_BYTES || memchr(path, 0, size) != NULL) {
    return 0;
  }
  while (start <= size) {
    const char* slash = memchr(path + start, '/', size - start);
    end = slash != NULL ? (size_t)(slash - path) : size;
    if (end == start || (end - start == 1 && path[start] == '.') ||
        (end - start == 2 && path[start] == '.' && path[start + 1] == '.')) {
      return 0;
    }
    start = end + 1;
  }
  return 1;
}

/* --- What the medium says about itself: tape-format.md, 4. */

/* The value of a key of the outermost JSON object; NULL: there is none. */
static const char* json_value(const char* text, const char* key) {
  int depth = 0;
  for (; *text != 0; ++text) {
    depth += (*text == '{' || *text == '[') - (*text == '}' || *text == ']');
    if (*text == '"') {
      const char* start = text + 1;
      size_t size;
      for (++text; *text != '"' && *text != 0; ++text) {
        text += *text == '\\' && text[1] != 0;
      }
      if (*text == 0) {
        return NULL;
      }
      size = (size_t)(text - start);
      if (depth == 1 && size == strlen(key) && memcmp(start, key, size) == 0) {
        const char* value = text + 1 + strspn(text + 1, " \t\r\n");
        if (*value == ':') {
          return value + 1 + strspn(value + 1, " \t\r\n");
        }
      }
    }
  }
  return NULL;
}

static int parse_uuid(const char* text, byte uuid[16]) {
  static const char digits[] = "0123456789abcdef";
  int i;
  if (text == NULL || *text++ != '"') {
    return 0;
  }
  for (i = 0; i < 16; ++i) {
    int high, low;
    text += *text == '-';
    high = symbol_value(digits, *text);
    low = high >= 0 ? symbol_value(digits, text[1]) : -1;
    if (low < 0) {
      return 0;
    }
    uuid[i] = (byte)(high << 4 | low);
    text += 2;
  }
  return *text == '"';
}

static int use_label(struct medium* m, const char* json) {
  const char* format = json_value(json, "format");
  long version = format != NULL ? strtol(format, NULL, 10) : 0;
  if (version > TAPE_FORMAT) {
    refuse_newer("format of this medium", version, TAPE_FORMAT);
  }
  m->uuid_known = parse_uuid(json_value(json, "medium"), m->uuid);
  return version > 0 && m->uuid_known;
}

/* Looks for mixtape-tape.json, which comes early. */
static void read_label(struct medium* m) {
  struct plain* p = allocate(sizeof *p);
  struct member member;
  uint64_t offset = 0;
  int i, done = 0;
  plain_open_unencrypted(p, m, 0);
  for (i = 0; i < 16 && !done && next_member(p, &offset, &member) == MEMBER_FOUND; ++i) {
    if (strcmp((char*)member.path.start, "mixtape-tape.json") == 0 && member.stored < 65536) {
      char* json = allocate((size_t)member.stored + 1);
      json[member.stored] = 0;
      done =
          plain_read_all(p, member.data, (byte*)json, (size_t)member.stored) && use_label(m, json);
      free(json);
    }
    free_member(&member);
  }
  free(p);
  if (!done) {
    trouble("tape file 0 does not say what this medium is; going on without");
  }
}

/* The newest index that opens: tape-format.md, 10. 0: there is none. */
static int newest_index(struct medium* m, struct index* x) {
  struct plain* p = allocate(sizeof *p);
  size_t i, locked = 0;
  int found = 0;
  for (i = m->files.count; i > 0 && !found; --i) {
    int64_t number = ((struct tape_file*)at(&m->files, i - 1))->number;
    const char* defect = "has a header that is damaged";
    byte* data;
    size_t size;
    int opened, is_archive = 0;
    if (number == 0) {
      continue;
    }
    opened = plain_open(p, m, number, NULL, 0);
    if (opened == END_GOOD) {
      defect = decrypt_database(p, &data, &size, &is_archive);
      if (defect == NULL) {
        defect = read_index(x, data, size);
        if (defect == NULL && x->tape_file != number) {
          defect = "says that it is another tape file";
        }
        if (defect == NULL && m->uuid_known && memcmp(m->uuid, x->medium, 16) != 0) {
          defect = "is of another medium";
        }
        found = defect == NULL;
        if (!found) {
          close_index(x);
        }
      } else {
        free(data);
      }
    }
    locked += opened == END_NO_KEY;
    if (opened == END_NO_KEY) {
      say("tape file %d opens with none of your keys", (int)number);
    } else if (!found && !is_archive) {
      trouble("tape file %d cannot be used as an index: %s; looking for an older one", (int)number,
              defect);
    }
  }
  free(p);
  if (!found && locked > 0) {
    die(END_NO_KEY, "no index of %s opens with your keys", shown_text(m->name));
  }
  return found;
}

/* An index that was decrypted to a file, from whatever medium: the one that knows most. What it
 * says of this medium is used. */
static void index_from_file(const struct medium* m, struct index* x, const char* name) {
  FILE* file = fopen(name, "rb");
  const char* defect;
  struct list bytes = LIST_OF(byte);
  size_t i, got;
  if (file == NULL) {
    die(END_FILE, "cannot open %s: %s", shown_text(name), strerror(errno));
  }
  do {
    byte piece[4096];
    got = fread(piece, 1, sizeof piece, file);
    for (i = 0; i < got; ++i) {
      *(byte*)append(&bytes) = piece[i];
    }
  } while (got > 0);
  fclose(file);
  defect = read_index(x, bytes.items, bytes.count);
  if (defect != NULL) {
    die(END_DAMAGED, "%s cannot be used as an index: %s", shown_text(name), defect);
  }
  if (!m->uuid_known) {
    die(END_DAMAGED, "without tape file 0 an index of another medium is of no use");
  }
  if (memcmp(x->medium, m->uuid, 16) != 0) {
    x->this_medium = x->this_bundle = -1;
    for (i = 0; i < x->media.count; ++i) {
      const struct medium_row* row = at(&x->media, i);
      if (row->uuid != NULL && memcmp(row->uuid, m->uuid, 16) == 0) {
        x->this_medium = row->id;
      }
    }
  }
  if (x->this_medium < 0) {
    die(END_DAMAGED, "%s does not know this medium", shown_text(name));
  }
}

/* --- 15. The tree: from an index, or from tar headers: tape-format.md, 5.3 and 6 */

/* A file, directory, link or other thing as it was at one time. */
struct item {
  char* path;
  size_t path_size;
  int64_t mode, uid, gid, mtime, device;
  const byte *xattrs, *target;
  size_t xattrs_size, target_size;
  int64_t content;     /* id, or -1 */
  int64_t inode;       /* items with the same one are hard links of each other; 0: none */
  int64_t since;       /* when the job that found it so began, in seconds */
  size_t order;        /* in the tree */
  int64_t file, block; /* where its content stands on this medium; file -1: nowhere */
};

/* Where a content stands on this medium. */
struct place {
  int64_t content;
  int64_t known_bad; /* the good ones come first */
  int64_t file, block, headers;
  int64_t stored; /* -1: as many bytes as the content has */
};

struct tree {
  struct medium* medium;
  struct index* index; /* NULL: made from tar headers */
  struct list items, places, contents;
  uint64_t path_bytes; /* of all items */
  int64_t this_length; /* of the archive that follows the index, -1: there is none */
};

enum {
  KIND_FIFO = 1,
  KIND_CHARACTER = 2,
  KIND_DIRECTORY = 4,
  KIND_BLOCK = 6,
  KIND_FILE = 8,
  KIND_SYMLINK = 10
};

static int kind_of(const struct item* item) {
  return (int)(item->mode >> 12);
}

static struct item* add_item(struct tree* tree, const char* path, size_t size) {
  struct item* item = append(&tree->items);
  tree->path_bytes += size;
  if (tree->path_bytes > (uint64_t)1 << 32) {
    die(END_DAMAGED, "the names on this medium are longer than any file system has");
  }
  item->path = allocate(size + 1);
  memcpy(item->path, path, size);
  item->path[size] = 0;
  item->path_size = size;
  item->content = item->file = -1;
  item->order = tree->items.count;
  return item;
}

/* What is not asked for. Attributes and targets belong to the index, if there is one. */
static void drop_item(const struct tree* tree, struct item* item) {
  free(item->path);
  if (tree->index == NULL) {
    free((void*)item->xattrs);
    free((void*)item->target);
  }
}

enum { BUNDLE_WRITTEN = 1, BUNDLE_ABANDONED = 2 };

/* Whether it is the bundle whose archive follows this very index, which did not know what would
 * become of it. */
static int is_this_bundle(const struct tree* tree, const struct bundle* bundle) {
  return bundle->state != BUNDLE_WRITTEN && bundle->id == tree->index->this_bundle &&
         bundle->medium == tree->index->this_medium;
}

/* Whether a bundle is on the medium: tape-format.md, 8. */
static int bundle_exists(const struct tree* tree, const struct bundle* bundle) {
  return bundle->state == BUNDLE_WRITTEN ||
         (is_this_bundle(tree, bundle) && tree->this_length >= 0);
}

/* Whether a copy is: an archive that was cut at the end of its medium has only what it reaches. */
static int copy_exists(const struct tree* tree, const struct copy* copy) {
  const struct bundle* bundle = find(&tree->index->bundles, copy->bundle);
  const struct content* content = find(&tree->index->contents, copy->content);
  int64_t begin, size;
  if (bundle == NULL || !bundle_exists(tree, bundle) || copy->block > INT64_MAX / BLOCK / 4 ||
      copy->headers > INT64_MAX / BLOCK / 4) {
    return 0;
  }
  begin = (copy->block + copy->headers) * BLOCK;
  size = copy->stored >= 0 ? copy->stored : content != NULL ? content->size : 0;
  return !is_this_bundle(tree, bundle) ||
         (begin <= tree->this_length && size <= tree->this_length - begin);
}

/* Power may have failed in the archive that follows the index, and its tape file be there all the
 * same: Linux' tape driver writes the filemark. */
static void look_at_this_bundle(struct tree* tree) {
  const struct index* x = tree->index;
  const struct bundle* bundle = find(&x->bundles, x->this_bundle);
  struct plain* p;
  tree->this_length = -1;
  if (bundle == NULL || !is_this_bundle(tree, bundle) ||
      find(&tree->medium->files, bundle->index_file + 1) == NULL) {
    return;
  }
  p = allocate(sizeof *p);
  /* Whoever cannot open it is told so when something is wanted of it. */
  tree->this_length = plain_open(p, tree->medium, bundle->index_file + 1, bundle->preamble,
                                 bundle->preamble_size) == END_GOOD
                          ? plain_length(p)
                          : INT64_MAX;
  free(p);
  if (tree->this_length < 0) {
    trouble(
        "tape file %d was not written to its end: nothing in it counts as stored; what it has "
        "can be looked for with \"-s\"",
        (int)bundle->index_file + 1);
  }
}

/* Whether bytes of it were ever written as far as this index knows. */
static int content_exists(const struct tree* tree, int64_t id) {
  const struct index* x = tree->index;
  const struct content* content = find(&x->contents, id);
  size_t i;
  if (content == NULL || content->written == 1) {
    return content != NULL;
  }
  for (i = lower_bound(&x->copies, id); i < x->copies.count; ++i) {
    const struct copy* copy = at(&x->copies, i);
    if (copy->content != id) {
      break;
    }
    if (copy_exists(tree, copy)) {
      return 1;
    }
  }
  return 0;
}

/* The places on this medium, and the block addresses of its archives. */
static void find_places(struct tree* tree) {
  const struct index* x = tree->index;
  size_t i;
  look_at_this_bundle(tree);
  for (i = 0; i < x->bundles.count; ++i) {
    struct bundle* bundle = at(&x->bundles, i);
    struct tape_file* file = find(&tree->medium->files, bundle->index_file + 1);
    if (bundle->medium == x->this_medium && bundle_exists(tree, bundle) && file == NULL) {
      trouble("tape file %d, an archive, is missing", (int)bundle->index_file + 1);
      bundle->state = BUNDLE_ABANDONED;
    } else if (bundle->medium == x->this_medium && file != NULL) {
      file->block = bundle->archive_block < (int64_t)1 << 40 ? bundle->archive_block : -1;
    }
  }
  for (i = 0; i < x->copies.count; ++i) {
    const struct copy* copy = at(&x->copies, i);
    const struct bundle* bundle = find(&x->bundles, copy->bundle);
    struct place* place;
    if (bundle == NULL || bundle->medium != x->this_medium || !copy_exists(tree, copy)) {
      continue;
    }
    place = append(&tree->places);
    place->content = copy->content;
    place->known_bad = copy->state != 0;
    place->file = bundle->index_file + 1;
    place->block = copy->block;
    place->headers = copy->headers;
    place->stored = copy->stored;
  }
  sort(&tree->places, compare_two_keys);
  tree->contents = x->contents;
}

static void set_place(struct tree* tree, struct item* item) {
  const struct place* place = item->content >= 0 ? find(&tree->places, item->content) : NULL;
  if (place != NULL) {
    item->file = place->file;
    item->block = place->block;
  }
}

/* Unsigned, since a hostile index may have numbers that do not fit. */
static int64_t inode_of(const struct version* v) {
  if (v->node >= 4096) {
    return v->node;
  }
  return as_signed(v->content >= 0
                       ? (uint64_t)v->content * 4096 + (uint64_t)v->node
                       : ((uint64_t)1 << 62) + ((uint64_t)v->path << 23) + (uint64_t)v->first_job);
}

static void add_version(struct tree* tree, const struct version* v, const char* path, size_t size) {
  const struct index* x = tree->index;
  const struct attribute* attribute = find(&x->attributes, v->attribute);
  const struct job* job = find(&x->jobs, v->first_job);
  struct item* item;
  size_t i;
  if (attribute == NULL) {
    trouble("the index does not know what %s is", shown(path, size));
    return;
  }
  item = add_item(tree, path, size);
  item->mode = attribute->mode;
  item->uid = attribute->uid;
  item->gid = attribute->gid;
  item->device = attribute->device;
  item->xattrs = attribute->xattrs;
  item->xattrs_size = attribute->xattrs_size;
  item->mtime = v->mtime;
  item->content = v->content;
  item->since = job != NULL ? job->started : 0;
  item->inode = inode_of(v);
  for (i = lower_bound(&x->symlinks, v->path); i < x->symlinks.count; ++i) {
    const struct symlink* link = at(&x->symlinks, i);
    if (link->path == v->path && link->first_job == v->first_job) {
      item->target = link->target;
      item->target_size = link->size;
    }
    if (link->path != v->path) {
      break;
    }
  }
  set_place(tree, item);
}

/* Which versions are asked for. */
struct moment {
  int64_t job; /* INT64_MAX: now */
  int all;     /* every version */
};

/* Adds what a path was at the moment: tape-format.md, 5.3. */
static void add_versions(struct tree* tree, const struct moment* when, int64_t path_number,
                         const char* path, size_t size) {
  const struct index* x = tree->index;
  const struct version* chosen = NULL;
  size_t i;
  for (i = lower_bound(&x->versions, path_number); i < x->versions.count; ++i) {
    const struct version* v = at(&x->versions, i);
    if (v->path != path_number) {
      break;
    }
    if (v->first_job > when->job || (v->content >= 0 && !content_exists(tree, v->content))) {
      continue;
    }
    if (when->all) {
      add_version(tree, v, path, size);
    }
    chosen = v;
  }
  if (!when->all && chosen != NULL &&
      (chosen->last_job < 0 || (when->job != INT64_MAX && chosen->last_job >= when->job))) {
    add_version(tree, chosen, path, size);
  }
}

enum { MAX_TREE_DEPTH = 4096 };

/* Everything below a directory, whose path with a slash stands in path[0..size]. */
static void add_directory(struct tree* tree, const struct moment* when, int64_t directory,
                          char* path, size_t size, int depth) {
  const struct list* names = &tree->index->names;
  size_t i;
  for (i = lower_bound(names, directory); i < names->count; ++i) {
    const struct name* name = at(names, i);
    size_t end = size + name->size;
    if (name->parent != directory) {
      break;
    }
    if (name->size >= MAX_PATH_BYTES || end + 1 >= MAX_PATH_BYTES || depth >= MAX_TREE_DEPTH ||
        name->bytes == NULL || memchr(name->bytes, '/', name->size) != NULL ||
        !is_safe_path((const char*)name->bytes, name->size)) {
      trouble("the index has a name that no file can have, in %s: it is left out",
              shown(path, size));
      continue;
    }
    memcpy(path + size, name->bytes, name->size);
    add_versions(tree, when, name->path, path, end);
    path[end] = '/';
    add_directory(tree, when, name->path, path, end + 1, depth + 1);
  }
}

static void tree_of_index(struct tree* tree, const struct moment* when) {
  char* path = allocate(MAX_PATH_BYTES);
  find_places(tree);
  add_directory(tree, when, 0, path, 0, 0);
  free(path);
}

/* --- Without an index: what the tar headers of the archives say. */

static int64_t kind_of_type(int type) {
  switch (type) {
    case '2':
      return KIND_SYMLINK;
    case '3':
      return KIND_CHARACTER;
    case '4':
      return KIND_BLOCK;
    case '5':
      return KIND_DIRECTORY;
    case '6':
      return KIND_FIFO;
    default:
      return KIND_FILE;
  }
}

/* The item takes what belongs to the member. */
static void add_member(struct tree* tree, int64_t file, struct member* m) {
  struct item* item;
  size_t size = m->path.size;
  size -= size > 1 && m->path.start[size - 1] == '/';
  if (!is_safe_path((char*)m->path.start, size)) {
    trouble("tape file %d has a member with the name %s, which no file can have: it is left out",
            (int)file, shown(m->path.start, m->path.size));
    free_member(m);
    return;
  }
  item = add_item(tree, (char*)m->path.start, size);
  item->mode = m->mode | kind_of_type(m->type) << 12;
  item->uid = m->uid;
  item->gid = m->gid;
  item->mtime = m->mtime;
  item->device = m->device;
  item->file = file;
  item->block = (int64_t)(m->begin / BLOCK);
  item->xattrs = m->xattrs.start;
  item->xattrs_size = m->xattrs.size;
  if (m->type == '0' && m->size > 0) {
    struct content* content = append(&tree->contents);
    struct place* place = append(&tree->places);
    content->id = place->content = item->content = (int64_t)tree->contents.count;
    content->size = m->size;
    place->file = file;
    place->block = item->block;
    place->headers = (int64_t)(m->data / BLOCK) - item->block;
    place->stored = m->is_sparse ? m->stored : -1;
  }
  if (m->type == '1' || m->type == '2') {
    item->target = m->link.start;
    item->target_size = m->link.size;
    item->inode = m->type == '1' ? (m->same_content ? -2 : -1) : 0; /* until links are resolved */
    m->link.start = NULL;
  }
  m->xattrs.start = NULL;
  free_member(m);
}

/* Damaged chunks behind which the rest is given up: no tape goes on like this. */
enum { MAX_HOLES = 65536 };

/* Behind damage: the next block that looks like a header. */
static int find_header(struct plain* p, uint64_t* offset) {
  byte block[BLOCK];
  int holes = 0;
  for (;;) {
    if (plain_read_all(p, *offset, block, BLOCK)) {
      if (is_tar_header(block)) {
        return 1;
      }
      *offset += BLOCK;
    } else if (p->damage != NULL && p->size == 0 && !p->is_absent && ++holes < MAX_HOLES) {
      *offset = (*offset / CHUNK + 1) * CHUNK;
    } else {
      return 0;
    }
  }
}

static void scan_archive(struct tree* tree, struct plain* p, int64_t file) {
  struct member m;
  uint64_t offset = 0;
  for (;;) {
    uint64_t begin = offset;
    int found = next_member(p, &offset, &m);
    if (found == MEMBER_FOUND) {
      add_member(tree, file, &m);
      continue;
    }
    free_member(&m);
    if (found == MEMBER_END) {
      return;
    }
    trouble("tape file %d is damaged at byte %" PRIu64
            " of its content; what is found behind it"
            " may come from inside of a tar file that was archived",
            (int)file, begin);
    offset = begin / BLOCK * BLOCK + BLOCK;
    if (!find_header(p, &offset)) {
      return;
    }
  }
}

/* Of one path the one that was written last comes last. */
static int compare_items(const void* a, const void* b) {
  const struct item *x = a, *y = b;
  int order = compare_bytes(x->path, x->path_size, y->path, y->path_size);
  return order != 0 ? order : compare_numbers((int64_t)x->order, (int64_t)y->order);
}

/* The member of the same archive that a hard link names: the last such one in front of it. */
static const struct item* link_target(const struct list* items, const struct item* link) {
  struct item key = *link;
  size_t low = 0, high = items->count;
  key.path = (char*)link->target;
  key.path_size = link->target_size;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (compare_items(at(items, middle), &key) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low > 0) {
    const struct item* found = at(items, low - 1);
    if (found->file == link->file &&
        compare_bytes(found->path, found->path_size, link->target, link->target_size) == 0) {
      return found;
    }
  }
  return NULL;
}

static void resolve_links(struct tree* tree) {
  size_t i, kept = 0;
  sort(&tree->items, compare_items);
  for (i = 0; i < tree->items.count; ++i) {
    struct item* item = at(&tree->items, i);
    if (item->inode >= 0) {
      item->inode = (int64_t)item->order;
    }
  }
  for (i = 0; i < tree->items.count; ++i) {
    struct item* item = at(&tree->items, i);
    const struct item* target = item->inode < 0 ? link_target(&tree->items, item) : NULL;
    if (item->inode >= 0) {
      continue;
    }
    if (target == NULL || target->inode < 0 || kind_of(target) != KIND_FILE) {
      trouble("%s is a link to %s, which is not in front of it", shown(item->path, item->path_size),
              shown(item->target, item->target_size));
      item->mode = 0; /* nothing can be made of it */
    } else {
      item->content = target->content;
      item->block = target->block;
      item->inode = item->inode == -1 ? target->inode : (int64_t)item->order;
    }
    free((void*)item->target);
    item->target = NULL;
    item->target_size = 0;
  }
  for (i = 0; i < tree->items.count; ++i) { /* the last of each path */
    struct item* item = at(&tree->items, i);
    const struct item* next = i + 1 < tree->items.count ? at(&tree->items, i + 1) : NULL;
    if (next == NULL ||
        compare_bytes(item->path, item->path_size, next->path, next->path_size) != 0) {
      struct item* to = at(&tree->items, kept++);
      *to = *item;
      to->order = kept;
    } else {
      drop_item(tree, item);
    }
  }
  tree->items.count = kept;
}

static void tree_of_archives(struct tree* tree) {
  struct plain* p = allocate(sizeof *p);
  byte start[16];
  size_t i;
  tree->contents.size = sizeof(struct content);
  for (i = 0; i < tree->medium->files.count; ++i) {
    int64_t number = ((struct tape_file*)at(&tree->medium->files, i))->number;
    if (number == 0) {
      continue;
    }
    if (plain_open(p, tree->medium, number, NULL, 0) != END_GOOD) {
      trouble("tape file %d does not open with your keys", (int)number);
    } else if (!plain_read_all(p, 0, start, 16) || memcmp(start, "SQLite format 3", 16) != 0) {
      scan_archive(tree, p, number);
    }
  }
  free(p);
  resolve_links(tree);
}

/* --- 16. Contents: reading and checking one: tape-format.md, 5.4 */

/* The archive that is open; they are read in order, so one at a time is enough. */
struct archive {
  struct plain plain;
  int64_t file;    /* -1: none */
  int opened;      /* END_GOOD or what is wrong */
  int64_t checked; /* the content that verify has checked last, or -1 */
};

/* The bundle whose archive a tape file is; NULL: none is known. */
static const struct bundle* bundle_of(const struct tree* tree, int64_t file) {
  const struct index* x = tree->index;
  const struct bundle* found = NULL;
  size_t i;
  for (i = 0; x != NULL && i < x->bundles.count; ++i) {
    const struct bundle* bundle = at(&x->bundles, i);
    if (bundle->medium == x->this_medium && bundle->index_file + 1 == file &&
        bundle_exists(tree, bundle)) {
      found = bundle;
    }
  }
  return found;
}

static struct plain* open_archive(const struct tree* tree, struct archive* archive, int64_t file) {
  if (archive->file != file) {
    const struct bundle* bundle = bundle_of(tree, file);
    archive->file = file;
    archive->opened =
        plain_open(&archive->plain, tree->medium, file, bundle != NULL ? bundle->preamble : NULL,
                   bundle != NULL ? bundle->preamble_size : 0);
    if (archive->opened != END_GOOD) {
      trouble("tape file %d %s", (int)file,
              archive->opened == END_NO_KEY ? "opens with none of your keys"
                                            : "has a header that is damaged");
    }
  }
  return archive->opened == END_GOOD ? &archive->plain : NULL;
}

/* A content on its way to a file and to its hash. */
struct sink {
  int fd; /* -1: the content is only checked */
  struct blake2b hash;
  int64_t position;
  const struct item* item; /* for messages */
  int holes;               /* pieces that are lost */
  int failed;              /* it cannot be written */
};

enum { MAX_HOLES_TOLD = 20 };

static void write_at(struct sink* s, const byte* bytes, size_t size, int64_t offset) {
  while (size > 0 && s->fd >= 0 && !s->failed) {
    ssize_t done = pwrite(s->fd, bytes, size, (off_t)offset);
    if (done < 0 && errno != EINTR) {
      trouble("cannot write %s: %s", shown(s->item->path, s->item->path_size), strerror(errno));
      s->failed = 1;
      return;
    }
    bytes += done > 0 ? done : 0;
    size -= done > 0 ? (size_t)done : 0;
    offset += done > 0 ? done : 0;
  }
}

/* Zero bytes up to `end`: they are in the hash, and a hole in the file. */
static void pass_hole(struct sink* s, int64_t end) {
  static const byte zero[4096];
  while (s->position < end) {
    int64_t piece = end - s->position < 4096 ? end - s->position : 4096;
    blake2b_add(&s->hash, zero, (size_t)piece);
    s->position += piece;
  }
}

/* Bytes of the archive from `from` on. What is damaged becomes a hole, and is told. */
static void copy_extent(struct plain* p, uint64_t from, int64_t size, struct sink* s) {
  static byte bytes[CHUNK];
  while (size > 0 && !s->failed) {
    size_t want = (size_t)(size < CHUNK ? size : CHUNK);
    size_t got = plain_read(p, from, bytes, want);
    write_at(s, bytes, got, s->position);
    blake2b_add(&s->hash, bytes, got);
    s->position += (int64_t)got;
    from += got;
    size -= (int64_t)got;
    if (got < want) {
      int64_t lost = p->damage != NULL && !p->is_absent && s->holes < MAX_HOLES
                         ? (int64_t)(CHUNK - from % CHUNK)
                         : size;
      lost = lost < size ? lost : size;
      if (++s->holes <= MAX_HOLES_TOLD) {
        say("DAMAGED: bytes %" PRId64 " to %" PRId64 " of %s are lost: tape file %d %s",
            s->position, s->position + lost, shown(s->item->path, s->item->path_size),
            (int)p->number, p->damage != NULL ? p->damage : "ends before");
      }
      s->position += lost; /* without the hash, which is of no use now */
      from += (uint64_t)lost;
      size -= lost;
    }
  }
}

/* Larger ones are not believed: their holes would be hashed for weeks. */
#define MAX_SPARSE ((int64_t)1 << 46)

/* Copies a content from one place. Whether every byte is right, as far as can be known. */
static int copy_content(const struct tree* tree, struct archive* archive, const struct place* place,
                        const struct content* content, struct sink* s) {
  struct list extents = LIST_OF(struct extent);
  struct plain* p = open_archive(tree, archive, place->file);
  uint64_t from = (uint64_t)(place->block + place->headers) * BLOCK;
  const char* path = shown(s->item->path, s->item->path_size);
  byte hash[32];
  size_t i;
  if (p == NULL) {
    return 0;
  }
  blake2b_start(&s->hash);
  s->position = 0;
  s->holes = 0;
  if (place->stored < 0) {
    copy_extent(p, from, content->size, s);
  } else if (content->size > MAX_SPARSE) {
    say("DAMAGED: %s would have more than 64 TiB", path);
    s->holes = 1;
  } else if (read_map(p, &from, place->stored, content->size, &extents)) {
    for (i = 0; i < extents.count; ++i) {
      const struct extent* extent = at(&extents, i);
      pass_hole(s, extent->offset);
      copy_extent(p, from, extent->size, s);
      from += (uint64_t)extent->size;
    }
    pass_hole(s, content->size);
  } else {
    say("DAMAGED: the map of the sparse file %s in tape file %d", path, (int)place->file);
    s->holes = 1;
  }
  empty(&extents);
  if (s->holes > 0 || s->failed) {
    return 0;
  }
  blake2b_end(&s->hash, hash);
  if (content->hash != NULL && memcmp(hash, content->hash, 32) != 0) {
    say("DAMAGED: what stands for %s in tape file %d is not what was archived (another hash)", path,
        (int)place->file);
    return 0;
  }
  return 1;
}

/* Tries the places of a content, the good ones first. */
static int copy_from_any_place(const struct tree* tree, struct archive* archive,
                               const struct content* content, struct sink* s) {
  size_t i;
  int good = 0;
  /* First of all, so that a size that no file can have costs nothing. */
  if (s->fd >= 0 && ftruncate(s->fd, (off_t)content->size) != 0) {
    trouble("cannot make %s as long as it was: %s", shown(s->item->path, s->item->path_size),
            strerror(errno));
    return 0;
  }
  for (i = lower_bound(&tree->places, content->id); i < tree->places.count && !good; ++i) {
    const struct place* place = at(&tree->places, i);
    if (place->content != content->id || s->failed) {
      break;
    }
    good = copy_content(tree, archive, place, content, s);
  }
  return good;
}

/* --- 17. Writing below the output directory */

/* Nothing leads through a symbolic link, whoever made it: each component of a path is opened from
 * the one before. Files are made under a name of their own, and get theirs when they are whole, if
 * nothing has it. */
struct output {
  int top;
  int parent; /* directory of the path that was used last, or -1 */
  char parent_path[MAX_PATH_BYTES];
  char temporary[64];
};

/* Opens the directory that the path is in, and gives its last component. -1: told why not. */
static int enter_parent(struct output* out, const struct item* item, const char** last) {
  const char *slash = strrchr(item->path, '/'), *start = item->path;
  size_t size = slash != NULL ? (size_t)(slash - item->path) : 0;
  int fd, next;
  char component[MAX_PATH_BYTES];
  *last = slash != NULL ? slash + 1 : item->path;
  if (out->parent >= 0 && strlen(out->parent_path) == size &&
      memcmp(out->parent_path, item->path, size) == 0) {
    return out->parent;
  }
  fd = dup(out->top);
  while (fd >= 0 && slash != NULL && start < slash) {
    size_t length = strcspn(start, "/");
    memcpy(component, start, length);
    component[length] = 0;
    next = openat(fd, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (next < 0 && errno == ENOENT && mkdirat(fd, component, 0777) == 0) {
      next = openat(fd, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    }
    close(fd);
    fd = next;
    start += length + 1;
  }
  if (fd < 0) {
    trouble("cannot make %s: the way to it is no directory that can be used (%s)",
            shown(item->path, item->path_size), strerror(errno));
    return -1;
  }
  if (out->parent >= 0) {
    close(out->parent);
  }
  memcpy(out->parent_path, item->path, size);
  out->parent_path[size] = 0;
  out->parent = fd;
  return fd;
}

/* Nobody but root hands out the rights of an owner or a group. */
static mode_t permissions(const struct item* item) {
  return (mode_t)(item->mode & (geteuid() == 0 ? 07777 : 01777));
}

static void times_of(const struct item* item, struct timespec times[2]) {
  int64_t fraction = item->mtime % 1000000000, seconds = item->mtime / 1000000000;
  seconds -= fraction < 0;
  fraction += fraction < 0 ? 1000000000 : 0;
  times[0].tv_sec = times[1].tv_sec = (time_t)seconds;
  times[0].tv_nsec = times[1].tv_nsec = (long)fraction;
}

#ifdef HAVE_XATTR
static int set_xattr(int fd, const char* name, const char* attribute, const byte* value,
                     size_t size) {
  return fd >= 0 ? fsetxattr(fd, attribute, value, size, 0)
                 : lsetxattr(name, attribute, value, size, 0);
}
#else
static int set_xattr(int fd, const char* name, const char* attribute, const byte* value,
                     size_t size) {
  (void)fd, (void)name, (void)attribute, (void)value, (void)size;
  errno = ENOTSUP;
  return -1;
}
#endif

/* Sets the extended attributes of a descriptor, or of a name in the directory one is in. */
static void set_xattrs(int fd, const char* name, const struct item* item) {
  const byte *place = item->xattrs, *end;
  char attribute[256];
  if (item->xattrs_size == 0) {
    return;
  }
  end = place + item->xattrs_size;
  while (end - place >= 2) {
    size_t name_size = (size_t)big_endian(place, 2), value_size;
    place += 2;
    if (name_size > 255 || (size_t)(end - place) < name_size + 4) {
      break;
    }
    memcpy(attribute, place, name_size);
    attribute[name_size] = 0;
    value_size = (size_t)big_endian(place + name_size, 4);
    place += name_size + 4;
    if ((size_t)(end - place) < value_size) {
      break;
    }
    /* Some belong to root alone. */
    if (set_xattr(fd, name, attribute, place, value_size) != 0 &&
        !(geteuid() != 0 && errno == EPERM)) {
      trouble("cannot set the attribute %s of %s: %s", shown_text(attribute),
              shown(item->path, item->path_size), strerror(errno));
    }
    place += value_size;
  }
  if (place != end) {
    trouble("the attributes of %s are damaged", shown(item->path, item->path_size));
  }
}

/* Owner, attributes, mode and times, of what is open or of a name that cannot be opened. */
static void set_metadata(int directory, int fd, const char* name, const struct item* item) {
  struct timespec times[2];
  int before, done = 1;
  times_of(item, times);
  if (geteuid() == 0) {
    done = fchownat(directory, name, (uid_t)item->uid, (gid_t)item->gid, AT_SYMLINK_NOFOLLOW) == 0;
  }
  if (item->xattrs_size > 0 && fd < 0) {
    before = open(".", O_RDONLY | O_DIRECTORY);
    if (before >= 0 && fchdir(directory) == 0) {
      set_xattrs(-1, name, item);
      done = done && fchdir(before) == 0;
    }
    close(before);
  } else {
    set_xattrs(fd, name, item);
  }
  if (fd >= 0) {
    done = done && fchmod(fd, permissions(item)) == 0;
  } else if (kind_of(item) != KIND_SYMLINK) {
    done = done && fchmodat(directory, name, permissions(item), 0) == 0;
  }
  done = done && utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) == 0;
  if (!done) {
    trouble("cannot give owner, mode or time to %s: %s", shown(item->path, item->path_size),
            strerror(errno));
  }
}

/* A new file under a name that nothing has. */
static int create_temporary(struct output* out, int directory) {
  int i, fd = -1;
  for (i = 0; i < 1000 && fd < 0; ++i) {
    sprintf(out->temporary, ".unmixtape-%ld-%d", (long)getpid(), i);
    fd = openat(directory, out->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (fd < 0 && errno != EEXIST) {
      break;
    }
  }
  return fd;
}

/* Gives the temporary file its name. Never over something: a link is refused if that is there. */
static int name_temporary(struct output* out, int directory, const char* name) {
  struct stat status;
  int done = linkat(directory, out->temporary, directory, name, 0) == 0;
  if (done) {
    unlinkat(directory, out->temporary, 0);
  } else if (errno != EEXIST && fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    done = renameat(directory, out->temporary, directory, name) == 0; /* no links on this disk */
  }
  return done;
}

/* Keeps what came of a file under a name that nobody takes for the file's. */
static void keep_damaged(struct output* out, int directory, const char* name,
                         const struct item* item) {
  char kept[256];
  sprintf(kept, "%.*s.damaged", 247, name);
  if (name_temporary(out, directory, kept)) {
    trouble("DAMAGED: %s; what came of it is %s beside it, with zeros for what is lost",
            shown(item->path, item->path_size), shown_text(kept));
  } else {
    unlinkat(directory, out->temporary, 0);
    trouble("DAMAGED: %s; nothing of it was kept: %s", shown(item->path, item->path_size),
            strerror(errno));
  }
}

/* Whether the file that has the name already is the very content. */
static int has_content(int directory, const char* name, const struct content* content) {
  struct blake2b state;
  struct stat status;
  byte hash[32], *bytes;
  ssize_t got;
  int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size != content->size || content->hash == NULL) {
    if (fd >= 0) {
      close(fd);
    }
    return 0;
  }
  bytes = allocate(CHUNK);
  blake2b_start(&state);
  while ((got = read(fd, bytes, CHUNK)) > 0) {
    blake2b_add(&state, bytes, (size_t)got);
  }
  blake2b_end(&state, hash);
  free(bytes);
  close(fd);
  return memcmp(hash, content->hash, 32) == 0;
}

static int exists(int directory, const char* name, struct stat* status) {
  return fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW) == 0;
}

static void refuse_existing(const struct item* item) {
  trouble("%s is there already and is something else: it stays as it is",
          shown(item->path, item->path_size));
}

/* Writes a file with bytes. Whether it is there and whole. */
static int extract_file(const struct tree* tree, struct output* out, struct archive* archive,
                        const struct item* item) {
  const struct content* content = find(&tree->contents, item->content);
  const char* name;
  int directory = enter_parent(out, item, &name), good;
  struct sink s;
  struct stat status;
  if (directory < 0) {
    return 0;
  }
  if (content == NULL) {
    trouble("the index does not know the content of %s", shown(item->path, item->path_size));
    return 0;
  }
  if (exists(directory, name, &status)) {
    good = has_content(directory, name, content);
    if (!good) {
      refuse_existing(item);
    }
    return good;
  }
  memset(&s, 0, sizeof s);
  s.item = item;
  s.fd = create_temporary(out, directory);
  if (s.fd < 0) {
    trouble("cannot make a file for %s: %s", shown(item->path, item->path_size), strerror(errno));
    return 0;
  }
  good = copy_from_any_place(tree, archive, content, &s);
  if (good) {
    set_metadata(directory, s.fd, out->temporary, item);
    if (close(s.fd) != 0 || !name_temporary(out, directory, name)) {
      trouble("cannot finish %s: %s", shown(item->path, item->path_size), strerror(errno));
      unlinkat(directory, out->temporary, 0);
      good = 0;
    }
  } else {
    close(s.fd);
    keep_damaged(out, directory, name, item);
  }
  return good;
}

/* Another name for an item that is there. 0: the file system has none, or `name` exists. */
static int extract_link(struct output* out, const struct item* item, const struct item* first) {
  const char *name, *first_name;
  int directory = enter_parent(out, first, &first_name), other, done;
  struct stat a, b;
  if (directory < 0 || (directory = dup(directory)) < 0) {
    return 0;
  }
  other = enter_parent(out, item, &name);
  done = other >= 0 && linkat(directory, first_name, other, name, 0) == 0;
  if (!done && other >= 0 && exists(directory, first_name, &a) && exists(other, name, &b)) {
    done = a.st_dev == b.st_dev && a.st_ino == b.st_ino;
  }
  close(directory);
  return done;
}

static void extract_directory(struct output* out, const struct item* item) {
  const char* name;
  int directory = enter_parent(out, item, &name);
  struct stat status;
  if (directory >= 0 && mkdirat(directory, name, 0700) != 0 &&
      !(exists(directory, name, &status) && S_ISDIR(status.st_mode))) {
    trouble("cannot make the directory %s: it is there and no directory, or %s",
            shown(item->path, item->path_size), strerror(errno));
  }
}

static void finish_directory(struct output* out, const struct item* item) {
  const char* name;
  int directory = enter_parent(out, item, &name);
  int fd = directory >= 0 ? openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -1;
  if (fd >= 0) {
    set_metadata(directory, fd, name, item);
    close(fd);
  }
}

/* Whether the very same symbolic link, or the same kind of empty thing, is there already. */
static int is_same_thing(int directory, const char* name, const struct stat* status,
                         const struct item* item) {
  char target[MAX_PATH_BYTES];
  ssize_t size;
  if (kind_of(item) == KIND_FILE) {
    return S_ISREG(status->st_mode) && status->st_size == 0;
  }
  if (kind_of(item) != KIND_SYMLINK) {
    return (int64_t)(status->st_mode >> 12) == kind_of(item) &&
           (kind_of(item) == KIND_FIFO || (int64_t)status->st_rdev == item->device);
  }
  size = readlinkat(directory, name, target, sizeof target);
  return size >= 0 && compare_bytes(target, (size_t)size, item->target, item->target_size) == 0;
}

static int make_symlink(int directory, const char* name, const struct item* item) {
  char target[MAX_PATH_BYTES];
  if (item->target == NULL || item->target_size >= sizeof target ||
      memchr(item->target, 0, item->target_size) != NULL) {
    errno = EINVAL;
    return -1;
  }
  memcpy(target, item->target, item->target_size);
  target[item->target_size] = 0;
  return symlinkat(target, directory, name);
}

/* What has no bytes: empty files, symbolic links, FIFOs, devices. */
static int extract_without_bytes(struct output* out, const struct item* item) {
  const char* name;
  int directory = enter_parent(out, item, &name), made;
  struct stat status;
  if (directory < 0) {
    return 0;
  }
  if (exists(directory, name, &status)) {
    made = is_same_thing(directory, name, &status, item);
    if (!made) {
      refuse_existing(item);
    }
    return made;
  }
  if (kind_of(item) == KIND_SYMLINK) {
    made = make_symlink(directory, name, item);
  } else if (kind_of(item) == KIND_FILE) {
    made = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  } else if (kind_of(item) == KIND_FIFO) {
    made = mkfifoat(directory, name, 0600);
  } else {
    made = mknodat(directory, name, (mode_t)item->mode & (S_IFMT | 0600), (dev_t)item->device);
  }
  if (made < 0) {
    trouble("cannot make %s: %s", shown(item->path, item->path_size), strerror(errno));
    return 0;
  }
  set_metadata(directory, kind_of(item) == KIND_FILE ? made : -1, name, item);
  if (kind_of(item) == KIND_FILE) {
    close(made);
  }
  return 1;
}

/* --- 18. The commands */

struct request {
  const char *command, *medium, *path, *output, *index;
  int64_t moment; /* seconds since 1970; INT64_MAX: now */
  int all_versions, without_index;
};

/* Whether it is the path that was asked for, or below it. */
static int is_wanted(const struct item* item, const char* path) {
  size_t size = path != NULL ? strlen(path) : 0;
  return size == 0 || (item->path_size >= size && memcmp(item->path, path, size) == 0 &&
                       (item->path_size == size || item->path[size] == '/'));
}

/* Keeps only what was asked for. */
static void select_items(struct tree* tree, const char* path) {
  size_t i, kept = 0;
  for (i = 0; i < tree->items.count; ++i) {
    struct item* item = at(&tree->items, i);
    if (is_wanted(item, path)) {
      struct item* to = at(&tree->items, kept++);
      *to = *item;
    } else {
      drop_item(tree, item);
    }
  }
  tree->items.count = kept;
  if (kept == 0 && path != NULL) {
    die(END_DAMAGED, "nothing on this medium is named %s", shown_text(path));
  }
}

/* The labels of the media that have the content, separated by commas. */
static const char* holders(const struct tree* tree, int64_t content, char* labels, size_t room) {
  const struct index* x = tree->index;
  size_t i, used = 0;
  labels[0] = 0;
  for (i = x != NULL ? lower_bound(&x->copies, content) : 0; x != NULL && i < x->copies.count;
       ++i) {
    const struct copy* copy = at(&x->copies, i);
    const struct bundle* bundle = find(&x->bundles, copy->bundle);
    const struct medium_row* medium = bundle != NULL ? find(&x->media, bundle->medium) : NULL;
    if (copy->content != content) {
      break;
    }
    if (medium != NULL && medium->label != NULL && bundle_exists(tree, bundle) &&
        copy->state == 0 && used + medium->label_size * 4 + 2 < room) {
      used +=
          (size_t)sprintf(labels + used, "%s%s", used > 0 ? "," : "",
                          shown(medium->label, medium->label_size < 40 ? medium->label_size : 40));
    }
  }
  return labels;
}

/* Seconds since 1970 as year, month, ... second: in 400 years there are 146097 days, always. */
static void calendar(int64_t seconds, int64_t parts[6]) {
  int64_t days = seconds / 86400, rest = seconds % 86400, era, day, year, month;
  days -= rest < 0;
  rest += rest < 0 ? 86400 : 0;
  days += 719468; /* from March 1st of year 0 on, so that a leap day is the last of its year */
  era = (days >= 0 ? days : days - 146096) / 146097;
  day = days - era * 146097;
  year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  day -= 365 * year + year / 4 - year / 100;
  month = (5 * day + 2) / 153;
  parts[0] = year + era * 400 + (month >= 10);
  parts[1] = month < 10 ? month + 3 : month - 9;
  parts[2] = day - (153 * month + 2) / 5 + 1;
  parts[3] = rest / 3600;
  parts[4] = rest / 60 % 60;
  parts[5] = rest % 60;
}

static void print_time(int64_t seconds, const char* format) {
  int64_t t[6];
  calendar(seconds, t);
  printf(format, (int)t[0], (int)t[1], (int)t[2], (int)t[3], (int)t[4], (int)t[5]);
}

/* The moment 20261121T191403Z in seconds; days are counted until it fits. */
static int64_t parse_moment(const char* text) {
  int year, month, day, hour, minute, second, length = 0;
  int64_t days = 0, parts[6], low = -200000, high = 3000000;
  if (sscanf(text, "%4d%2d%2dT%2d%2d%2dZ%n", &year, &month, &day, &hour, &minute, &second,
             &length) != 6 ||
      length != 16 || text[16] != 0) {
    die(END_USAGE, "%s is no time like 20261121T191403Z", shown_text(text));
  }
  while (low < high) {
    days = low + (high - low) / 2;
    calendar(days * 86400, parts);
    if (parts[0] * 10000 + parts[1] * 100 + parts[2] < year * 10000L + month * 100 + day) {
      low = days + 1;
    } else {
      high = days;
    }
  }
  return low * 86400 + hour * 3600L + minute * 60 + second;
}

static void print_path(const char* path, size_t size) {
  size_t i;
  for (i = 0; i < size; ++i) {
    byte c = (byte)path[i];
    if (c < 32 || c == 127 || c == '\\') {
      printf("\\%03o", c);
    } else {
      putchar(c);
    }
  }
}

static void print_mode(const struct item* item) {
  static const char kinds[] = "?pc?d?b?-?l?s???", letters[] = "rwxrwxrwx";
  char text[11];
  int i;
  text[0] = kinds[kind_of(item) & 15];
  for (i = 0; i < 9; ++i) {
    text[i + 1] = item->mode >> (8 - i) & 1 ? letters[i] : '-';
  }
  text[3] = item->mode & 04000 ? (text[3] == 'x' ? 's' : 'S') : text[3];
  text[6] = item->mode & 02000 ? (text[6] == 'x' ? 's' : 'S') : text[6];
  text[9] = item->mode & 01000 ? (text[9] == 'x' ? 't' : 'T') : text[9];
  text[10] = 0;
  printf("%s", text);
}

/* mode, owner, size, time, version, media, path. In the path stands \ooo for a control character
 * and for a backslash. */
static void list_items(const struct tree* tree) {
  char labels[2048];
  size_t i;
  for (i = 0; i < tree->items.count; ++i) {
    const struct item* item = at(&tree->items, i);
    const struct content* content = find(&tree->contents, item->content);
    int64_t seconds = item->mtime / 1000000000 - (item->mtime % 1000000000 < 0);
    print_mode(item);
    printf(" %" PRId64 ":%" PRId64 " %" PRId64, item->uid, item->gid,
           content != NULL ? content->size : 0);
    print_time(seconds, " %04d-%02d-%02d %02d:%02d:%02d");
    if (tree->index != NULL) {
      print_time(item->since, " %04d%02d%02dT%02d%02d%02dZ");
      holders(tree, item->content, labels, sizeof labels);
      printf(" %s ", item->content < 0 ? "-" : labels[0] != 0 ? labels : "nowhere");
    } else {
      printf(" - tape-file-%d ", (int)item->file);
    }
    print_path(item->path, item->path_size);
    if (kind_of(item) == KIND_SYMLINK && item->target != NULL) {
      printf(" -> ");
      print_path((const char*)item->target, item->target_size);
    }
    putchar('\n');
  }
}

/* In the order of the medium; links of each other together. */
static int compare_by_place(const void* a, const void* b) {
  const struct item *x = *(struct item*const*)a, *y = *(struct item*const*)b;
  int order = compare_numbers(x->file, y->file);
  order = order != 0 ? order : compare_numbers(x->block, y->block);
  order = order != 0 ? order : compare_numbers(x->content, y->content);
  order = order != 0 ? order : compare_numbers(x->inode, y->inode);
  return order != 0 ? order : compare_numbers((int64_t)x->order, (int64_t)y->order);
}

static void tell_missing(const struct tree* tree, const struct item* item) {
  char labels[2048];
  if (holders(tree, item->content, labels, sizeof labels)[0] != 0) {
    say("not on this medium: %s, but on %s", shown(item->path, item->path_size), labels);
    note(END_ELSEWHERE);
  } else {
    trouble("not on this medium, nor on another one: %s", shown(item->path, item->path_size));
  }
}

/* Everything but directories, in the order of the medium. */
static struct list by_place(const struct tree* tree) {
  struct list order = LIST_OF(struct item*);
  size_t i;
  for (i = 0; i < tree->items.count; ++i) {
    struct item* item = at(&tree->items, i);
    if (kind_of(item) != KIND_DIRECTORY && kind_of(item) != 0) {
      *(struct item**)append(&order) = item;
    }
  }
  sort(&order, compare_by_place);
  return order;
}

static void extract(const struct tree* tree, const char* to) {
  struct output* out = allocate(sizeof *out);
  struct archive* archive = allocate(sizeof *archive);
  const struct item* before = NULL; /* the last one that is there */
  struct list order = by_place(tree);
  size_t i, done = 0;
  out->parent = archive->file = -1;
  mkdir(to, 0777);
  out->top = open(to, O_RDONLY | O_DIRECTORY);
  if (out->top < 0) {
    die(END_FILE, "cannot open the directory %s to write to: %s", shown_text(to), strerror(errno));
  }
  for (i = 0; i < tree->items.count; ++i) {
    const struct item* item = at(&tree->items, i);
    if (kind_of(item) == KIND_DIRECTORY) {
      extract_directory(out, item);
    }
  }
  for (i = 0; i < order.count; ++i) {
    const struct item* item = *(struct item**)at(&order, i);
    int good;
    if (item->content >= 0 && item->file < 0) {
      tell_missing(tree, item);
      continue;
    }
    good = before != NULL && before->inode == item->inode && item->inode != 0 &&
           before->content == item->content && extract_link(out, item, before);
    if (!good) {
      good = item->content >= 0 ? extract_file(tree, out, archive, item)
                                : extract_without_bytes(out, item);
    }
    before = good ? item : before;
    done += (size_t)good;
  }
  for (i = tree->items.count; i > 0; --i) {
    const struct item* item = at(&tree->items, i - 1);
    if (kind_of(item) == KIND_DIRECTORY) {
      finish_directory(out, item);
    }
  }
  say("%" PRIu64 " of %" PRIu64 " files are there", (uint64_t)done, (uint64_t)order.count);
  empty(&order);
  free(archive);
  free(out);
}

/* --- verify: every byte of the medium, or of one path. */

/* Checks the items of a content, which follow each other in `order`. */
static int verify_content(const struct tree* tree, struct archive* archive,
                          const struct list* order, size_t first) {
  const struct item* item = *(struct item**)at(order, first);
  const struct content* content = find(&tree->contents, item->content);
  struct sink s;
  int good = 1;
  size_t i;
  memset(&s, 0, sizeof s);
  s.fd = -1;
  s.item = item;
  if (content == NULL) {
    return 0;
  }
  for (i = lower_bound(&tree->places, content->id); i < tree->places.count; ++i) {
    const struct place* place = at(&tree->places, i);
    if (place->content != content->id) {
      break;
    }
    if (place->file == item->file && !copy_content(tree, archive, place, content, &s)) {
      good = 0;
    }
  }
  for (i = first; !good && i < order->count; ++i) {
    const struct item* other = *(struct item**)at(order, i);
    if (other->content != item->content) {
      break;
    }
    trouble("DAMAGED: %s (tape file %d)", shown(other->path, other->path_size), (int)other->file);
  }
  return good;
}

/* Those of one path. */
static void verify_contents(const struct tree* tree, struct archive* archive) {
  struct list order = by_place(tree);
  int64_t content = -1;
  size_t i, checked = 0, bad = 0;
  for (i = 0; i < order.count; ++i) {
    const struct item* item = *(struct item**)at(&order, i);
    if (item->content >= 0 && item->content != content && item->file < 0) {
      tell_missing(tree, item);
    } else if (item->content >= 0 && item->content != content) {
      ++checked;
      bad += !verify_content(tree, archive, &order, i);
    }
    content = item->content;
  }
  empty(&order);
  printf("%" PRIu64 " contents read, %" PRIu64 " damaged\n", (uint64_t)checked, (uint64_t)bad);
}

/* Reads a part of the plaintext, for its own sake. Whether it is good. */
static int read_range(struct plain* p, uint64_t from, uint64_t to) {
  static byte bytes[CHUNK];
  int good = 1, holes = 0;
  while (from < to) {
    size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
    size_t got = plain_read(p, from, bytes, want);
    from += got;
    if (got < want && p->damage == NULL) {
      break;
    }
    if (got < want) {
      trouble("tape file %d %s at byte %" PRIu64 " of its content", (int)p->number, p->damage,
              from);
      from = (from / CHUNK + 1) * CHUNK;
      good = 0;
      if (p->is_absent || ++holes == MAX_HOLES) {
        break;
      }
    }
  }
  return good;
}

/* The header in the index must be the one that stands in front of the archive. */
static int verify_preamble(const struct tree* tree, const struct bundle* bundle) {
  size_t size = bundle->preamble_size;
  byte* bytes = allocate(size);
  int good = bundle->preamble != NULL &&
             medium_read(tree->medium, bundle->index_file + 1, 0, bytes, size) == (long)size &&
             memcmp(bytes, bundle->preamble, size) == 0;
  free(bytes);
  if (!good) {
    trouble("tape file %d does not begin as the index says", (int)bundle->index_file + 1);
  }
  return good;
}

/* An archive on its way through verify: once from its beginning to its end. */
struct passage {
  const struct tree* tree;
  struct archive* archive;
  struct list order; /* items by their places */
  size_t next;       /* the first of them that was not checked */
  int64_t file, members, contents;
  int good;
};

/* Checks the contents that begin before `end`. */
static void verify_up_to(struct passage* v, uint64_t end) {
  for (; v->next < v->order.count; ++v->next) {
    const struct item* item = *(struct item**)at(&v->order, v->next);
    if (item->file > v->file || (item->file == v->file && (uint64_t)item->block * BLOCK >= end)) {
      return;
    }
    if (item->file == v->file && item->content >= 0 && item->content != v->archive->checked) {
      v->archive->checked = item->content;
      v->good &= verify_content(v->tree, v->archive, &v->order, v->next);
      ++v->contents;
    }
  }
}

/* Where the next content begins according to the index; behind everything if there is none. */
static uint64_t next_content(const struct passage* v) {
  size_t i;
  for (i = v->next; i < v->order.count; ++i) {
    const struct item* item = *(struct item**)at(&v->order, i);
    if (item->file == v->file && item->content != v->archive->checked) {
      return (uint64_t)item->block * BLOCK;
    }
  }
  return UINT64_MAX;
}

/* Whether a member is what the index says of the content that begins there. */
static void compare_with_index(struct passage* v, const struct member* m) {
  const struct tree* tree = v->tree;
  const struct item* item = *(struct item**)at(&v->order, v->next);
  const struct content* content = find(&tree->contents, item->content);
  size_t i;
  for (i = lower_bound(&tree->places, item->content); i < tree->places.count; ++i) {
    const struct place* place = at(&tree->places, i);
    if (place->content != item->content) {
      break;
    }
    if (place->file == v->file && content != NULL &&
        ((uint64_t)(place->block + place->headers) * BLOCK != m->data || m->type != '0' ||
         m->size != content->size || (m->is_sparse ? m->stored : -1) != place->stored)) {
      trouble("tape file %d: the index and the tar headers disagree about %s", (int)v->file,
              shown(item->path, item->path_size));
      v->good = 0;
    }
  }
}

/* From member to member, each content on the way. Gives the place where the members end. */
static uint64_t verify_members(struct passage* v, struct plain* p) {
  struct member m;
  uint64_t offset = 0;
  int64_t contents;
  for (;;) {
    uint64_t begin = offset;
    int found = next_member(p, &offset, &m);
    if (found == MEMBER_FOUND) {
      ++v->members;
      verify_up_to(v, begin);
      if (next_content(v) == begin) {
        compare_with_index(v, &m);
      }
      contents = v->contents;
      verify_up_to(v, m.data);
      if (contents == v->contents) { /* else every byte of it was read */
        v->good &= read_range(p, m.data, offset);
      }
      free_member(&m);
      continue;
    }
    free_member(&m);
    if (found == MEMBER_END ||
        (p->damage == NULL && p->last_chunk >= 0 && begin / CHUNK >= (uint64_t)p->last_chunk)) {
      return begin; /* without an end it was cut short at the end of its medium */
    }
    trouble("tape file %d: no tar member begins at byte %" PRIu64 " of its content", (int)v->file,
            begin);
    v->good = 0;
    verify_up_to(v, begin + 1);
    offset = next_content(v);
    if (offset == UINT64_MAX) {
      return begin;
    }
  }
}

static void verify_archive(const struct tree* tree, struct archive* archive, int64_t number) {
  const struct bundle* bundle = bundle_of(tree, number);
  struct plain* p = open_archive(tree, archive, number);
  struct passage v = {NULL, NULL, LIST_OF(struct item*), 0, 0, 0, 0, 1};
  uint64_t end;
  if (p == NULL) {
    return;
  }
  v.tree = tree;
  v.archive = archive;
  v.order = by_place(tree);
  v.file = number;
  archive->checked = -1;
  v.good = bundle == NULL || verify_preamble(tree, bundle);
  end = verify_members(&v, p);
  verify_up_to(&v, UINT64_MAX);
  v.good &= read_range(p, end, UINT64_MAX - CHUNK);
  end = (uint64_t)p->chunk * CHUNK + p->size;
  if (bundle != NULL && bundle->state == BUNDLE_WRITTEN && v.good &&
      end != (uint64_t)bundle->plain_bytes) {
    trouble("tape file %d has %" PRIu64 " bytes of content, and the index says %" PRId64,
            (int)number, end, bundle->plain_bytes);
    v.good = 0;
  }
  if (bundle == NULL && tree->index != NULL && number != tree->index->tape_file + 1) {
    trouble("tape file %d is an archive that the index does not know", (int)number);
  }
  empty(&v.order);
  printf("tape file %d: archive, %" PRId64 " members, %" PRId64 " contents, %s\n", (int)number,
         v.members, v.contents, v.good ? "good" : "DAMAGED");
}

static void verify_index(struct medium* m, struct plain* p, int64_t number, byte* data,
                         size_t size) {
  struct index x;
  const char* defect = read_index(&x, data, size);
  if (defect == NULL && x.tape_file != number) {
    defect = "says that it is another tape file";
  } else if (defect == NULL && m->uuid_known && memcmp(m->uuid, x.medium, 16) != 0) {
    defect = "is of another medium";
  }
  close_index(&x);
  printf("tape file %d: index, %s\n", (int)p->number, defect == NULL ? "good" : "DAMAGED");
  if (defect != NULL) {
    trouble("tape file %d is a database, but %s", (int)number, defect);
  }
}

/* It is not encrypted, so that only its tar headers tell damage. */
static void verify_archaeology(const struct tree* tree, struct plain* p) {
  struct member m;
  uint64_t offset = 0;
  int found, good;
  plain_open_unencrypted(p, tree->medium, 0);
  do {
    found = next_member(p, &offset, &m);
    free_member(&m);
  } while (found == MEMBER_FOUND);
  good = found == MEMBER_END && read_range(p, offset, UINT64_MAX - CHUNK);
  printf("tape file 0: archaeology, %s\n", good ? "good" : "DAMAGED");
  if (!good) {
    trouble("tape file 0 is damaged at byte %" PRIu64, offset);
  }
}

static void verify_tape_file(const struct tree* tree, struct archive* archive, int64_t number) {
  struct plain* p = allocate(sizeof *p);
  const char* defect;
  byte* data;
  size_t size, i;
  int opened, is_archive = 0;
  if (number == 0) {
    verify_archaeology(tree, p);
    free(p);
    return;
  }
  /* What the index knows as an archive is one, even if its beginning is damaged. */
  for (i = 0; i < tree->places.count && !is_archive; ++i) {
    is_archive = ((struct place*)at(&tree->places, i))->file == number;
  }
  if (!is_archive) {
    opened = plain_open(p, tree->medium, number, NULL, 0);
    if (opened != END_GOOD) {
      trouble(
          "tape file %d %s", (int)number,
          opened == END_NO_KEY ? "opens with none of your keys" : "has a header that is damaged");
      free(p);
      return;
    }
    defect = decrypt_database(p, &data, &size, &is_archive);
    if (defect == NULL) {
      verify_index(tree->medium, p, number, data, size);
    } else {
      free(data);
    }
    if (defect != NULL && !is_archive) {
      trouble("tape file %d %s", (int)number, defect);
    }
  }
  free(p);
  if (is_archive) {
    verify_archive(tree, archive, number);
  }
}

static void verify(const struct tree* tree, const char* path) {
  struct archive* archive = allocate(sizeof *archive);
  size_t i;
  archive->file = -1;
  if (path != NULL) {
    verify_contents(tree, archive);
  }
  for (i = 0; path == NULL && i < tree->medium->files.count; ++i) {
    verify_tape_file(tree, archive, ((struct tape_file*)at(&tree->medium->files, i))->number);
  }
  free(archive);
}

/* --- age -d */

static void give_output(void* to, const byte* bytes, size_t size) {
  if (fwrite(bytes, 1, size, to) != size) {
    die(END_FILE, "cannot write the plaintext: %s", strerror(errno));
  }
}

static int decrypt_file(const char* name) {
  struct stream s;
  FILE* file = name == NULL || strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
  int end;
  if (file == NULL) {
    die(END_FILE, "cannot open %s: %s", shown_text(name), strerror(errno));
  }
  if (identities.count == 0 && passphrases.count == 0) {
    ask_passphrase(name != NULL ? name : "the input");
  }
  stream_of_file(&s, file);
  end = age_decrypt(&s, give_output, stdout);
  if (fflush(stdout) != 0) {
    die(END_FILE, "cannot write the plaintext: %s", strerror(errno));
  }
  switch (end) {
    case END_GOOD:
      break;
    case END_NO_KEY:
      say("none of your keys opens this file");
      break;
    case END_HEADER:
      say("this is no age file, or its header is malformed or was changed");
      break;
    case END_PAYLOAD:
      say("damaged or cut off: what was written is only the beginning");
      break;
    case END_ARMOR:
      say("the text around the base64 is malformed, or its base64");
      break;
    default:
      say("cannot read: %s", strerror(errno));
      break;
  }
  return end;
}

/* --- The command line */

static void usage(void) {
  fputs(
      "unmixtape reads media that Mixtape has written:\n"
      "\n"
      "  unmixtape list        -i KEY [-t TIME | -a] MEDIUM [PATH]\n"
      "  unmixtape extract     -i KEY [-t TIME] [-o DIR] MEDIUM PATH\n"
      "  unmixtape extract-all -i KEY [-t TIME] [-o DIR] MEDIUM\n"
      "  unmixtape verify      -i KEY MEDIUM [PATH]\n"
      "  unmixtape age -d      -i KEY [FILE]\n"
      "\n"
      "MEDIUM  a tape drive (/dev/nst0), or a directory with tape files: a medium on a disk, or "
      "what\n"
      "        was dumped from a tape with dd; their names begin with their number (0, 1, 2, ...)\n"
      "PATH    a file, or a directory and what is below it, as list shows it\n"
      "-i KEY  a file with a secret key (AGE-SECRET-KEY-1...), itself encrypted with a passphrase "
      "or\n"
      "        not; may be repeated\n"
      "-p FILE a file whose first line is the passphrase, in place of asking for it\n"
      "-o DIR  where to write to (here, unless told otherwise). What is there is never "
      "overwritten\n"
      "-t TIME as it was then, like 20261121T191403Z\n"
      "-a      every version of everything\n"
      "-x FILE a decrypted index (age -d) that knows more than the last one of MEDIUM\n"
      "-s      do not use an index: what the archives themselves say\n"
      "\n"
      "Ends with 0: good. 1: something is damaged or was not written, and was named. 2: not\n"
      "understood. 3: good, but some files have their data on other media, and were named.\n"
      "5: MEDIUM, KEY or FILE cannot be read. 11, 12, 13, 14: header damaged, no key fits, "
      "payload\n"
      "damaged, armor malformed.\n",
      stderr);
  exit(END_USAGE);
}

static void read_arguments(int count, char** words, struct request* r) {
  const char* operands[2] = {NULL, NULL};
  int i, used = 0, options = 1, decrypt = 0;
  if (count < 2) {
    usage();
  }
  r->command = words[1];
  for (i = 2; i < count; ++i) {
    const char* word = words[i];
    if (!options || word[0] != '-' || word[1] == 0) {
      if (used == 2) {
        usage();
      }
      operands[used++] = word;
    } else if (strcmp(word, "--") == 0) {
      options = 0;
    } else if (word[2] == 0 && strchr("das", word[1]) != NULL) {
      decrypt |= word[1] == 'd';
      r->all_versions |= word[1] == 'a';
      r->without_index |= word[1] == 's';
    } else if (word[2] == 0 && strchr("ipotx", word[1]) != NULL && i + 1 < count) {
      const char* value = words[++i];
      switch (word[1]) {
        case 'i':
          *(const char**)append(&identity_files) = value;
          break;
        case 'p':
          add_passphrase_file(value);
          break;
        case 'o':
          r->output = value;
          break;
        case 'x':
          r->index = value;
          break;
        default:
          r->moment = parse_moment(value);
          break;
      }
    } else {
      usage();
    }
  }
  r->medium = operands[0];
  r->path = operands[1];
  if (strcmp(r->command, "age") == 0 && (!decrypt || used > 1)) {
    usage();
  }
}

/* Without the slashes around it; NULL or empty: everything. */
static char* clean_path(const char* path) {
  char* clean;
  size_t size;
  if (path == NULL) {
    return NULL;
  }
  path += strspn(path, "/");
  size = strlen(path);
  while (size > 0 && path[size - 1] == '/') {
    --size;
  }
  clean = allocate(size + 1);
  memcpy(clean, path, size);
  clean[size] = 0;
  return clean;
}

/* The last job that had begun by then. */
static int64_t job_at(const struct index* x, int64_t moment) {
  int64_t job = -1;
  size_t i;
  if (moment == INT64_MAX) {
    return INT64_MAX;
  }
  for (i = 0; i < x->jobs.count; ++i) {
    const struct job* row = at(&x->jobs, i);
    if (row->started <= moment) {
      job = row->id;
    }
  }
  return job;
}

/* What stands behind the index that is used, and behind its archive, is not in it. */
static void tell_unknown(const struct medium* m, const struct index* x) {
  const struct tape_file* last = at(&m->files, m->files.count - 1);
  if (last->number > x->tape_file + (x->this_bundle >= 0)) {
    trouble(
        "the index that is used, tape file %d, does not know what tape file %d has: -s shows that",
        (int)x->tape_file, (int)last->number);
  }
}

static void read_medium(const struct request* r, struct medium* m, struct index* x,
                        struct tree* tree) {
  struct moment when;
  char* path;
  memset(tree, 0, sizeof *tree);
  tree->medium = m;
  tree->items.size = sizeof(struct item);
  tree->places.size = sizeof(struct place);
  open_medium(m, r->medium);
  read_label(m);
  if (r->index != NULL) {
    index_from_file(m, x, r->index);
  }
  if (r->index != NULL || (!r->without_index && newest_index(m, x))) {
    tree->index = x;
    if (r->index == NULL) {
      tell_unknown(m, x);
    }
    when.job = job_at(x, r->moment);
    when.all = r->all_versions;
    tree_of_index(tree, &when);
  } else {
    if (!r->without_index) {
      trouble("no index of %s can be used; what the archives themselves say is all that is known",
              shown_text(m->name));
    }
    tree_of_archives(tree);
  }
  path = clean_path(r->path);
  select_items(tree, path);
  free(path);
}

int main(int count, char** words) {
  static struct medium medium;
  static struct index index;
  static struct tree tree;
  struct request r = {NULL, NULL, NULL, ".", NULL, INT64_MAX, 0, 0};
  size_t i;
  int is_list, is_extract, is_all, is_verify;
  read_arguments(count, words, &r);
  for (i = 0; i < identity_files.count; ++i) {
    add_identity_file(*(const char**)at(&identity_files, i));
  }
  if (strcmp(r.command, "age") == 0) {
    return decrypt_file(r.medium);
  }
  is_list = strcmp(r.command, "list") == 0;
  is_extract = strcmp(r.command, "extract") == 0;
  is_all = strcmp(r.command, "extract-all") == 0;
  is_verify = strcmp(r.command, "verify") == 0;
  if (r.medium == NULL || is_list + is_extract + is_all + is_verify == 0 ||
      is_extract != (r.path != NULL && !is_list && !is_verify) || (r.all_versions && !is_list)) {
    usage();
  }
  r.all_versions |= is_verify;
  read_medium(&r, &medium, &index, &tree);
  if (is_list) {
    list_items(&tree);
  } else if (is_verify) {
    verify(&tree, r.path);
  } else {
    extract(&tree, r.output);
  }
  if (fflush(stdout) != 0) {
    die(END_FILE, "cannot write: %s", strerror(errno));
  }
  return outcome;
}
