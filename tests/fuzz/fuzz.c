#define _GNU_SOURCE
#include "fuzz/fuzz.h"

#include "base/log.h"
#include "base/memory.h"

#include <dirent.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[256];
static long balance;

static void give_up(const char *what, const char *detail) {
  fprintf(stderr, "fuzz: %s: %s\n", what, detail);
  abort();
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

const char *fuzz_file(int index, const uint8_t *data, size_t size) {
  static char paths[2][64];
  static int files[2] = {-1, -1};
  if (files[index] < 0)
    files[index] = memfd_create("fuzz", 0);
  if (files[index] < 0 || ftruncate(files[index], 0) != 0 || pwrite(files[index], data, size, 0) != (ssize_t)size)
    give_up("cannot write", "memfd");
  snprintf(paths[index], sizeof paths[index], "/proc/self/fd/%d", files[index]);
  return paths[index];
}

static void remove_files(const char *path, int depth) {
  char name[1024];
  DIR *stream = opendir(path);
  const struct dirent *entry;
  while (stream != NULL && (entry = readdir(stream)) != NULL) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    if (unlink(name) != 0 && depth > 0)
      remove_files(name, depth - 1);
    rmdir(name);
  }
  if (stream != NULL)
    closedir(stream);
}

void fuzz_folder_empty(void) {
  if (folder[0] != '\0')
    remove_files(folder, 3);
}

static void remove_folder(void) {
  fuzz_folder_empty();
  rmdir(folder);
}

const char *fuzz_folder(void) {
  if (folder[0] == '\0') {
    snprintf(folder, sizeof folder, "%s/beeline-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
      give_up("cannot make", folder);
    atexit(remove_folder);
  }
  return folder;
}

const char *fuzz_file_in_folder(const char *name, const uint8_t *data, size_t size) {
  static char path[1024];
  snprintf(path, sizeof path, "%s/%s", fuzz_folder(), name);
  FILE *file = fopen(path, "wb");
  if (file != NULL) {
    fwrite(data, 1, size, file);
    fclose(file);
  }
  return path;
}

/* ---- Inputs --------------------------------------------------------------------------------------------------------- */

const uint8_t *fuzz_take(size_t *taken, const uint8_t **data, size_t *size, size_t count) {
  const uint8_t *start = *data;
  *taken = count < *size ? count : *size;
  *data += *taken;
  *size -= *taken;
  return start;
}

const uint8_t *fuzz_take_counted(size_t *taken, const uint8_t **data, size_t *size) {
  size_t digits;
  const uint8_t *number = fuzz_take(&digits, data, size, 2);
  return fuzz_take(taken, data, size, digits < 2 ? 0 : (size_t)number[0] << 8 | number[1]);
}

bl_options *fuzz_options(const char *const *sets) {
  bl_options *options = NULL;
  int count = 0;
  while (sets[count] != NULL)
    count++;
  if (bl_options_load(&options, NULL, count, sets) != BL_OK)
    give_up("configuration", bl_status_message());
  return options;
}

static void finalize(void) {
  MPI_Finalize();
}

void fuzz_mpi(void) {
  MPI_Init(NULL, NULL);
  atexit(finalize);
}

/* A file of ours with its checksum (store/container.h) gets a new one after a change, else the checksum alone would refuse
 * it. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t limit);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t limit, unsigned seed) {
  enum { ENDING = 24 };
  char ending[ENDING + 1];
  const bool has_checksum =
      size > ENDING && memcmp(data, "\211HDF", 4) == 0 && memcmp(data + size - ENDING, "\nbeeline-crc32=", 15) == 0;
  if (!has_checksum || limit <= ENDING || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, limit);
  size = LLVMFuzzerMutate(data, size - ENDING, limit - ENDING);
  snprintf(ending, sizeof ending, "\nbeeline-crc32=%08x\n", (unsigned)crc32_z(0, data, size));
  memcpy(data + size, ending, ENDING);
  return size + ENDING;
}

/* ---- What must hold ------------------------------------------------------------------------------------------------- */

void fuzz_begin(void) {
  bl_log_speak(false);
  bl_status_clear();
  balance = bl_memory_balance();
}

void fuzz_check(bl_status status) {
  const char *message = bl_status_message();
  if ((status == BL_OK) != (message[0] == '\0'))
    give_up(status == BL_OK ? "a message without an error" : "an error without a message", message);
  for (const char *at = message; *at != '\0'; at++)
    if (((unsigned char)*at < 0x20 && *at != '\n') || *at == 0x7f)
      give_up("a control character in a message", message);
  bl_status_clear();
}

void fuzz_end(void) {
  if (bl_memory_balance() != balance)
    give_up("memory is left", "");
}
