/** \file
 * Counted allocation: every test is a leak test, since bl_memory_balance() must be zero at the end. */
#ifndef BEELINE_BASE_MEMORY_H
#define BEELINE_BASE_MEMORY_H

#include "base/status.h"

#include <stddef.h>

/** Allocate \a count zeroed elements of \a size bytes, aligned to 64 bytes. Not collective.
 * \param [out] pointer  the caller's; release with bl_free.
 * Returns BL_ERROR_SYSTEM (with the amount asked for) when memory is short or count × size overflows. */
bl_status bl_allocate(void *pointer, size_t count, size_t size);

/** Release *\a pointer (a pointer to a pointer from bl_allocate; it may be NULL) and set it to NULL. Not collective. */
void bl_free(void *pointer);

/** Have large blocks go back to the system as soon as they are released, where the C library can be told to (glibc keeps up
 * to 64 MiB of them otherwise). Not collective; at the start of a program. */
void bl_memory_return_large(void);

/** Blocks allocated and not yet released. Not collective. */
long bl_memory_balance(void);

/** Peak resident memory of this process in bytes (getrusage). Not collective. */
size_t bl_memory_peak(void);

#endif
