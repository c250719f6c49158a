#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static const double mebibyte = 1048576.0;

/* Atomic, since threads of a parallel region may allocate their scratch. */
static atomic_long balance;

/* More than the machine has: the system would promise it, and kill the process when it is touched. */
static bool exceeds_memory(size_t bytes) {
#ifdef _SC_PHYS_PAGES
  if (bytes >= (size_t)1 << 30) {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 && bytes / (size_t)page >= (size_t)pages;
  }
#else
  (void)bytes;
#endif
  return false;
}

const char *bl_memory_limit_text(char *text, size_t size) {
  struct rlimit limit;
  text[0] = '\0';
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    snprintf(text, size, "; the address space of a process is limited to %.0f MiB (ulimit -v)",
             (double)limit.rlim_cur / mebibyte);
  return text;
}

/* Whether a block of that size can be mapped. */
static bool can_map(size_t bytes) {
  void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED)
    return false;
  munmap(block, bytes);
  return true;
}

bl_status bl_memory_check(size_t bytes, const char *what) {
  char limit[128];
  if (can_map(bytes))
    return BL_OK;
  return bl_fail(BL_ERROR_SYSTEM, "out of memory: %s needs %.0f MiB, and fewer are left%s", what, (double)bytes / mebibyte,
                 bl_memory_limit_text(limit, sizeof limit));
}

/* Small blocks come from what malloc has already, and are not worth the question. */
static bool leaves_enough(size_t bytes) {
  enum { SMALL = 1 << 18 };
  struct rlimit limit;
  if (bytes < SMALL || getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return true;
  return bytes < SIZE_MAX - BL_MEMORY_RESERVE && can_map(bytes + BL_MEMORY_RESERVE);
}

bl_status bl_allocate(void *pointer, size_t count, size_t size) {
  void *block = NULL;
  char limit[128];
  memcpy(pointer, &block, sizeof block);
  if (size != 0 && count > SIZE_MAX / size)
    return bl_fail(BL_ERROR_SYSTEM, "cannot allocate %zu elements of %zu bytes: more than the address space", count, size);
  size_t bytes = count * size;
  /* Exactly the bytes asked for, not a multiple of 64, so that valgrind and sanitizers see the first byte too far. */
  if (exceeds_memory(bytes) || !leaves_enough(bytes) || posix_memalign(&block, 64, bytes > 0 ? bytes : 1) != 0)
    return bl_fail(BL_ERROR_SYSTEM,
                   "cannot allocate %.1f MiB: out of memory%s; use fewer ranks per node or a smaller batch",
                   (double)bytes / mebibyte, bl_memory_limit_text(limit, sizeof limit));
  memset(block, 0, bytes);
  memcpy(pointer, &block, sizeof block);
  atomic_fetch_add(&balance, 1);
  return BL_OK;
}

void bl_free(void *pointer) {
  void *block;
  memcpy(&block, pointer, sizeof block);
  if (block == NULL)
    return;
  free(block);
  atomic_fetch_sub(&balance, 1);
  block = NULL;
  memcpy(pointer, &block, sizeof block);
}

void bl_memory_return_large(void) {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

long bl_memory_balance(void) {
  return atomic_load(&balance);
}

size_t bl_memory_peak(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0)
    return 0;
#ifdef __APPLE__
  return (size_t)usage.ru_maxrss;
#else
  return (size_t)usage.ru_maxrss * 1024;
#endif
}
