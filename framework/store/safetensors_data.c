/* The numbers of safetensors files: into single precision, and out. */
#include "base/memory.h"
#include "base/text.h"
#include "store/output.h"
#include "store/safetensors.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 15, ALIGNMENT = 8 };

/* ---- Into single precision, by bits: what the processor does with numbers below the normal range does not matter ------
 */

static float from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t little16(const unsigned char *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t little32(const unsigned char *bytes) {
  return little16(bytes) | little16(bytes + 2) << 16;
}

static float of_f32(const unsigned char *bytes) {
  return from_bits(little32(bytes));
}

static float of_bf16(const unsigned char *bytes) {
  return from_bits(little16(bytes) << 16);
}

static float of_f16(const unsigned char *bytes) {
  const uint32_t bits = little16(bytes), sign = (bits & 0x8000U) << 16;
  uint32_t exponent = bits >> 10 & 0x1fU, fraction = bits & 0x3ffU;
  if (exponent == 0x1f) /* infinity, NaN */
    return from_bits(sign | 0x7f800000U | fraction << 13);
  if (exponent == 0 && fraction == 0)
    return from_bits(sign);
  if (exponent == 0) { /* below the normal range of halves, within that of floats */
    for (exponent = 1; (fraction & 0x400U) == 0; exponent--)
      fraction <<= 1;
    fraction &= 0x3ffU;
  }
  return from_bits(sign | (exponent + 112U) << 23 | fraction << 13);
}

static float of_f64(const unsigned char *bytes) {
  const uint64_t bits = little32(bytes) | (uint64_t)little32(bytes + 4) << 32;
  double value;
  memcpy(&value, &bits, sizeof value);
  return (float)value;
}

static const struct {
  const char *name;
  size_t bytes;
  float (*convert)(const unsigned char *bytes);
} reals[] = {{"F32", 4, of_f32}, {"F16", 2, of_f16}, {"BF16", 2, of_bf16}, {"F64", 8, of_f64}};

enum { REALS = sizeof reals / sizeof reals[0] };

/* The row of a tensor's type; REALS where it has none. */
static int row_of(const bl_safetensors_tensor *tensor) {
  int row = 0;
  while (row < REALS && strcmp(reals[row].name, tensor->type) != 0)
    row++;
  return row;
}

bool bl_safetensors_is_real(const bl_safetensors_tensor *tensor) {
  return row_of(tensor) < REALS;
}

bl_status bl_safetensors_bytes(void *bytes, const bl_safetensors *file, size_t size, size_t offset) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = pread(file->descriptor, (char *)bytes + done, size - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: %s, expected %zu bytes more", file->path, offset + done,
                     got < 0 ? strerror(errno) : "the file ends", size - done);
    done += (size_t)got;
  }
  return BL_OK;
}

bl_status bl_safetensors_read(float *values, const bl_safetensors *file, const bl_safetensors_tensor *tensor) {
  unsigned char block[BLOCK];
  const int row = row_of(tensor);
  if (row == REALS)
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found numbers of type %s, expected F32, F16, BF16 or F64", file->path,
                   tensor->name, tensor->type);
  const size_t each = reals[row].bytes;
  for (size_t at = tensor->begin; at < tensor->end;) {
    const size_t size = tensor->end - at < BLOCK ? tensor->end - at : BLOCK;
    BL_TRY(bl_safetensors_bytes(block, file, size, file->start + at));
    for (size_t i = 0; i < size; i += each)
      *values++ = reals[row].convert(block + i);
    at += size;
  }
  return BL_OK;
}

bl_status bl_safetensors_read_finite(float *values, const bl_safetensors *file, const bl_safetensors_tensor *tensor) {
  const size_t count = bl_safetensors_count(tensor);
  BL_TRY(bl_safetensors_read(values, file, tensor));
  for (size_t i = 0; i < count; i++)
    if (!isfinite(values[i]))
      return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: element %zu: found %g in single precision, expected a finite number",
                     file->path, tensor->name, i, (double)values[i]);
  return BL_OK;
}

/* ---- Out ------------------------------------------------------------------------------------------------------------ */

static json_t *describe(const bl_safetensors_part *part, size_t *offset) {
  json_t *shape = json_array();
  size_t count = 1;
  for (int d = 0; d < part->dimensions; d++) {
    json_array_append_new(shape, json_integer((json_int_t)part->shape[d]));
    count *= part->shape[d];
  }
  const size_t begin = *offset;
  *offset += count * sizeof(float);
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", "F32", "shape", shape, "data_offsets", (json_int_t)begin,
                   (json_int_t)*offset);
}

static int add_texts(json_t *header, const bl_safetensors_text *texts, size_t count) {
  json_t *all = json_object();
  int failed = 0;
  for (size_t i = 0; i < count; i++) {
    json_t *text = json_string(texts[i].value);
    const size_t room = text == NULL ? 12 * strlen(texts[i].value) + 1 : 0;
    char *escaped = text == NULL ? malloc(room) : NULL;
    if (escaped != NULL) {
      bl_text_escape(escaped, room, texts[i].value, true);
      text = json_string(escaped);
    }
    free(escaped);
    failed |= json_object_set_new(all, texts[i].key, text);
  }
  return failed | json_object_set_new(header, "__metadata__", all);
}

/* The header's text, padded with spaces. \param [out] text  the caller's; free. */
static bl_status write_header(char **text, size_t *size, const bl_safetensors_part *parts, size_t count,
                              const bl_safetensors_text *texts, size_t text_count) {
  size_t offset = 0, length = 0;
  json_t *header = json_object();
  int failed = text_count > 0 ? add_texts(header, texts, text_count) : 0;
  for (size_t i = 0; i < count; i++)
    failed |= json_object_set_new(header, parts[i].name, describe(&parts[i], &offset));
  char *json = failed == 0 ? json_dumps(header, JSON_COMPACT) : NULL;
  json_decref(header);
  if (json != NULL)
    length = strlen(json);
  *size = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  *text = json != NULL ? realloc(json, *size + 1) : NULL;
  if (*text == NULL) {
    free(json);
    return bl_fail(BL_ERROR_SYSTEM, "out of memory for the header of a safetensors file");
  }
  memset(*text + length, ' ', *size - length);
  return BL_OK;
}

bl_status bl_safetensors_write(const char *path, const bl_safetensors_part *parts, size_t count,
                               const bl_safetensors_text *texts, size_t text_count) {
#ifdef __BYTE_ORDER__
  _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they are in memory");
#endif
  unsigned char length[8];
  char *header = NULL;
  size_t size = 0;
  bl_bytes *pieces = NULL;
  bl_status status;
  BL_GOTO(write_header(&header, &size, parts, count, texts, text_count));
  BL_GOTO(bl_allocate(&pieces, count + 2, sizeof *pieces));
  for (int i = 0; i < 8; i++)
    length[i] = (unsigned char)((uint64_t)size >> 8 * i);
  pieces[0] = (bl_bytes){length, sizeof length};
  pieces[1] = (bl_bytes){header, size};
  for (size_t i = 0; i < count; i++) {
    size_t elements = 1;
    for (int d = 0; d < parts[i].dimensions; d++)
      elements *= parts[i].shape[d];
    pieces[i + 2] = (bl_bytes){parts[i].values, elements * sizeof(float)};
  }
  status = bl_output_write(path, pieces, (int)count + 2);
done:
  bl_free(&pieces);
  free(header);
  return status;
}
