/* SPDX-License-Identifier: Apache-2.0
 *
 * Cuts an age file as a writer does that meets the end of its medium: the result is a complete age
 * file whose plaintext is a beginning of the other one's, in full records.
 *
 *   witness_cut KEY FILE                 prints the length of header and nonce
 *   witness_cut KEY FILE CHUNKS RECORD   writes the first CHUNKS chunks and a last one behind them
 *                                        to standard output
 */
#define main unmixtape_main
#include "archaeology/unmixtape.c"
#undef main

static void seal_last(const byte key[32], uint64_t number, byte* bytes, size_t size) {
  byte nonce[12] = {0}, stream[64];
  size_t i, j;
  for (i = 0; i < 8; ++i) {
    nonce[10 - i] = (byte)(number >> 8 * i);
  }
  nonce[11] = 1;
  for (i = 0; i < size; i += 64) {
    chacha_block(key, (uint32_t)(i / 64 + 1), nonce, stream);
    for (j = 0; j < 64 && i + j < size; ++j) {
      bytes[i + j] ^= stream[j];
    }
  }
  sealed_tag(key, nonce, bytes, size, bytes + size);
}

int main(int count, char** words) {
  byte key[32], *bytes, plain[SEALED_CHUNK];
  size_t room = (size_t)1 << 26, size, preamble, chunks, record, before, last;
  FILE* file = count > 2 ? fopen(words[2], "rb") : NULL;
  if (file == NULL) {
    return END_USAGE;
  }
  bytes = allocate(room);
  size = fread(bytes, 1, room, file);
  fclose(file);
  add_identity_file(words[1]);
  if (open_preamble(bytes, size, key, &preamble) != END_GOOD) {
    return END_HEADER;
  }
  if (count < 5) {
    printf("%d\n", (int)preamble);
    return END_GOOD;
  }
  chunks = (size_t)atol(words[3]);
  record = (size_t)atol(words[4]);
  before = preamble + chunks * SEALED_CHUNK;
  last = (before / record + 1) * record - before; /* the last chunk fills the record */
  if (last < 17 || last > SEALED_CHUNK || before + SEALED_CHUNK > size ||
      !open_chunk(key, chunks, 0, bytes + before, SEALED_CHUNK, plain)) {
    return END_PAYLOAD;
  }
  memcpy(bytes + before, plain, last - 16);
  seal_last(key, chunks, bytes + before, last - 16);
  return fwrite(bytes, 1, before + last, stdout) == before + last ? END_GOOD : END_FILE;
}
