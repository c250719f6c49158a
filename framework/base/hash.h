/** \file
 * A hash of bytes, by which texts and data are told apart: FNV-1a of 64 bits (Fowler, Noll & Vo). It finds accidents, not
 * forgeries. */
#ifndef BEELINE_BASE_HASH_H
#define BEELINE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/** The hash of no bytes. */
#define BL_HASH_EMPTY UINT64_C(0xcbf29ce484222325)

/** The hash of what \a hash is of, followed by \a size bytes. Not collective. */
uint64_t bl_hash_bytes(uint64_t hash, const void *bytes, size_t size);

/** The same for the characters of \a text without its end. Not collective. */
uint64_t bl_hash_text(uint64_t hash, const char *text);

#endif
