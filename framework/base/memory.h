/** \file
 * Counted allocation: every test is a leak test, since bl_memory_balance() must be zero at the end. */
#ifndef BEELINE_BASE_MEMORY_H
#define BEELINE_BASE_MEMORY_H

#include "base/status.h"

#include <stddef.h>

/** Bytes of a limited address space that bl_allocate leaves to libraries, and that they ask for before they work. */
enum { BL_MEMORY_RESERVE = 64 << 20 };

/** Allocate \a count zeroed elements of \a size bytes, aligned to 64 bytes. Not collective.
 * \param [out] pointer  the caller's; release with bl_free.
 * Returns BL_ERROR_SYSTEM (with the amount asked for) when memory is short or count × size overflows. Where the address
 * space is limited (ulimit -v), its last 64 MiB are left to libraries, some of which crash without. */
bl_status bl_allocate(void *pointer, size_t count, size_t size);

/** Whether \a bytes more could be had now; asked before libraries that crash or hang without memory. Not collective.
 * \param [in] what  who needs them, for the message. Returns BL_ERROR_SYSTEM with the amount and the limit that is met. */
bl_status bl_memory_check(size_t bytes, const char *what);

/** For messages: which limit the address space of this process has, from "; " on, or "". Not collective. Returns \a text,
 * which is (size) and the caller's. */
const char *bl_memory_limit_text(char *text, size_t size);

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
