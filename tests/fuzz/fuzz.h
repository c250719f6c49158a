/** \file
 * What the fuzz targets share: files in memory, a folder, and what must hold after each input. A target is one file with
 * LLVMFuzzerTestOneInput (libFuzzer); see tests/README.md. */
#ifndef BEELINE_TESTS_FUZZ_FUZZ_H
#define BEELINE_TESTS_FUZZ_FUZZ_H

#include "base/options.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The bytes as file number \a index, 0 or 1, in memory. Returns its path, which stays the same. */
const char *fuzz_file(int index, const uint8_t *data, size_t size);

/** The bytes as file \a name of a folder that lasts as long as the process. Returns the file's path in a static buffer. */
const char *fuzz_file_in_folder(const char *name, const uint8_t *data, size_t size);

/** That folder. */
const char *fuzz_folder(void);

/** Remove all files of the folder and of its folders. */
void fuzz_folder_empty(void);

/** Take \a count bytes, or as many as there are, off the front of the input. */
const uint8_t *fuzz_take(size_t *taken, const uint8_t **data, size_t *size, size_t count);

/** Take a number of two bytes (big-endian) and as many bytes as it says. */
const uint8_t *fuzz_take_counted(size_t *taken, const uint8_t **data, size_t *size);

/** Configuration of overrides, up to the NULL; it lasts as long as the process. */
bl_options *fuzz_options(const char *const *sets);

/** Start MPI once. */
void fuzz_mpi(void);

/** Call when a target starts: no warnings, how much memory is in use. */
void fuzz_begin(void);

/** What must hold when a reader returned: a refusal has one line of printable text, success has none. Clears it. */
void fuzz_check(bl_status status);

/** What must hold at the end of an input: no memory is left. */
void fuzz_end(void);

#endif
