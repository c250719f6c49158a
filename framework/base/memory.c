#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

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

bl_status bl_allocate(void *pointer, size_t count, size_t size) {
  void *block = NULL;
  memcpy(pointer, &block, sizeof block);
  if (size != 0 && count > SIZE_MAX / size)
    return bl_fail(BL_ERROR_SYSTEM, "cannot allocate %zu elements of %zu bytes: more than the address space", count, size);
  size_t bytes = count * size;
  /* Exactly the bytes asked for, not a multiple of 64, so that valgrind and sanitizers see the first byte too far. */
  if (exceeds_memory(bytes) || posix_memalign(&block, 64, bytes > 0 ? bytes : 1) != 0)
    return bl_fail(BL_ERROR_SYSTEM, "cannot allocate %.1f MiB: out of memory; use fewer ranks per node or a smaller batch",
                   (double)bytes / 1048576.0);
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
