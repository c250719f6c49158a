/** \file
 * safetensors: named tensors as the field publishes them. Eight bytes, the length N of the header (little-endian); N bytes
 * of JSON, {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...} with a map of texts "__metadata__",
 * perhaps spaces at its end; then the numbers, row-major, little-endian, without gaps.
 *
 * Nothing in a file is believed: the header is taken apart piece by piece, so that memory stays below its own length and
 * 96 bytes for each of at most 65,536 tensors; nothing nests deeper than a header may; lengths, shapes and offsets must fit
 * each other and the file. Each refusal names the file, the offset or tensor, what was found and what was expected.
 */
#ifndef BEELINE_STORE_SAFETENSORS_H
#define BEELINE_STORE_SAFETENSORS_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { BL_SAFETENSORS_DIMENSIONS = 8, BL_SAFETENSORS_NAME = 512 };

/** A tensor in a file. */
typedef struct bl_safetensors_tensor {
  const char *name; /**< shorter than BL_SAFETENSORS_NAME; borrowed from the file, may hold anything that is UTF-8 */
  const char *type; /**< "F32" and the like */
  int dimensions;
  size_t shape[BL_SAFETENSORS_DIMENSIONS];
  size_t begin, end; /**< bytes, from the end of the header */
} bl_safetensors_tensor;

/** A text that goes with a file. */
typedef struct bl_safetensors_text {
  const char *key, *value;
} bl_safetensors_text;

/** A file that is open for reading. */
typedef struct bl_safetensors {
  const char *path; /**< borrowed */
  int descriptor;   /**< -1 when it is not open */
  size_t size;      /**< bytes of the file */
  size_t start;     /**< where the numbers begin */
  char *header;     /**< its text, names in it decoded in place */
  size_t tensor_count, text_count;
  bl_safetensors_tensor *tensors;        /**< in the order of their numbers in the file */
  const bl_safetensors_tensor **by_name; /**< the same, sorted by name */
  bl_safetensors_text *texts;            /**< its metadata */
} bl_safetensors;

/** Whether a file is meant to be one, by the ending .safetensors or by its ninth byte, '{'. Not collective. */
bool bl_safetensors_meant(const char *path);

/** Open a file and read its header. Not collective. \param [out] file  the caller's; bl_safetensors_close, which is not
 * needed after a failure. Returns BL_ERROR_INPUT with the reason. */
bl_status bl_safetensors_open(bl_safetensors *file, const char *path);

/** Close; allowed on a file that is not open. Not collective. */
void bl_safetensors_close(bl_safetensors *file);

/** The tensor of that name, or NULL. Not collective. Borrowed. */
const bl_safetensors_tensor *bl_safetensors_find(const bl_safetensors *file, const char *name);

/** The text of metadata of that name, or NULL. Not collective. Borrowed. */
const char *bl_safetensors_text_of(const bl_safetensors *file, const char *key);

/** Elements of a tensor. Not collective. */
size_t bl_safetensors_count(const bl_safetensors_tensor *tensor);

/** Whether a tensor holds numbers that become single precision: F32, F16, BF16, F64. Not collective. */
bool bl_safetensors_is_real(const bl_safetensors_tensor *tensor);

/** Read a tensor as single precision; numbers of F64 are rounded to the nearest, the others keep their values. Not
 * collective. \param [out] values (bl_safetensors_count), caller's. Returns BL_ERROR_INPUT for integers. */
bl_status bl_safetensors_read(float *values, const bl_safetensors *file, const bl_safetensors_tensor *tensor);

/** The same, and all must be finite, before and after they are rounded. Not collective. Returns BL_ERROR_INPUT with the
 * name and element of the first that is not. */
bl_status bl_safetensors_read_finite(float *values, const bl_safetensors *file, const bl_safetensors_tensor *tensor);

/** Read bytes of the file as they are. Not collective. \param [out] bytes (size), caller's. Returns BL_ERROR_INPUT where
 * the file ends before. */
bl_status bl_safetensors_bytes(void *bytes, const bl_safetensors *file, size_t size, size_t offset);

/** "[64, 32, 3, 3]". Not collective. \param [out] text  (size) caller's. Returns \a text. */
const char *bl_safetensors_shape_text(char *text, size_t size, const size_t *shape, int dimensions);

/** What is written. */
typedef struct bl_safetensors_part {
  const char *name;
  int dimensions;
  size_t shape[BL_SAFETENSORS_DIMENSIONS];
  const float *values; /**< borrowed */
} bl_safetensors_part;

/** Write tensors as F32, in the order given, as store/output.h writes files; numbers begin at a multiple of 8 bytes. Not
 * collective. \param [in] texts  metadata; what is no UTF-8 in them is written as escapes. Returns the errors of
 * bl_output_write. */
bl_status bl_safetensors_write(const char *path, const bl_safetensors_part *parts, size_t count,
                               const bl_safetensors_text *texts, size_t text_count);

#endif
