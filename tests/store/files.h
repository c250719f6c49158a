/** \file
 * Files of the tests of store: a scratch folder, bytes in and out, configurations. */
#ifndef BEELINE_TESTS_STORE_FILES_H
#define BEELINE_TESTS_STORE_FILES_H

#include "base/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Make the scratch folder; group setup of cmocka. */
int scratch_create(void **state);

/** Remove it with all that is in it, and check that no memory is left; group teardown of cmocka. */
int scratch_remove(void **state);

/** "FOLDER/NAME" in one of a few static buffers that are used in turn. */
const char *scratch(const char *name);

/** Entries of a folder whose names contain \a text. */
int count_entries(const char *folder, const char *text);

void write_bytes(const char *path, const void *bytes, size_t size);

/** \param [out] bytes caller's; free. */
size_t read_bytes(uint8_t **bytes, const char *path);

/** Whether the recorded message contains \a text; clears it, prints it when not. */
bool message_has(const char *text);

/** Load a configuration from overrides; up to the NULL. */
bl_options *options_of(const char *const *sets);

#endif
