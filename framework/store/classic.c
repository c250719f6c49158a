#include "store/classic.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

enum {
  DIMENSIONS = 10,
  VARIABLES = 11,
  ATTRIBUTES = 12,
  LARGEST_HEADER = 1 << 22,
  LONGEST_NAME = 256,
  MOST_DIMENSIONS = 1024
};

typedef struct header {
  const unsigned char *bytes;
  size_t size, offset; /* of what was read of the file; of what comes next */
  int version;         /* 1, 2 or 5 */
  uint64_t dimensions; /* how many there are */
  const char *path;
} header;

static bl_status refuse(const header *h, const char *what) {
  return bl_fail(BL_ERROR_INPUT, "%s: damaged: at byte %zu: %s, but the header of %zu bytes cannot hold it", h->path,
                 h->offset, what, h->size);
}

/* A big-endian number of 4 or 8 bytes. */
static bl_status number(uint64_t *value, header *h, size_t bytes, const char *what) {
  *value = 0;
  if (bytes > h->size - h->offset)
    return refuse(h, what);
  for (size_t i = 0; i < bytes; i++)
    *value = *value << 8 | h->bytes[h->offset + i];
  h->offset += bytes;
  return BL_OK;
}

/* A count of elements: 8 bytes in CDF-5, else 4. */
static bl_status count(uint64_t *value, header *h, const char *what) {
  return number(value, h, h->version == 5 ? 8 : 4, what);
}

/* Go over so many elements, and on to a multiple of 4 bytes. */
static bl_status skip(header *h, uint64_t elements, size_t bytes, const char *what) {
  const size_t left = h->size - h->offset;
  if (elements > left / bytes)
    return refuse(h, what);
  const size_t padded = ((size_t)elements * bytes + 3) / 4 * 4;
  if (padded > left)
    return refuse(h, what);
  h->offset += padded;
  return BL_OK;
}

static bl_status name(header *h) {
  uint64_t length;
  BL_TRY(count(&length, h, "a name"));
  if (length == 0 || length > LONGEST_NAME)
    return refuse(h, "a name that is empty or too long");
  return skip(h, length, 1, "a name");
}

/* The tag of a list and how many elements follow, of at least 8 bytes each. */
static bl_status list(uint64_t *elements, header *h, uint64_t tag, const char *what) {
  uint64_t found;
  BL_TRY(number(&found, h, 4, what));
  BL_TRY(count(elements, h, what));
  if (found != tag && (found != 0 || *elements != 0))
    return refuse(h, what);
  return *elements <= (h->size - h->offset) / 8 ? BL_OK : refuse(h, what);
}

static bl_status type(size_t *bytes, header *h) {
  static const unsigned char sizes[] = {0, 1, 1, 2, 4, 4, 8, 1, 2, 4, 8, 8};
  uint64_t found;
  BL_TRY(number(&found, h, 4, "a type"));
  if (found < 1 || found > (h->version == 5 ? 11U : 6U))
    return refuse(h, "a type that does not exist");
  *bytes = sizes[found];
  return BL_OK;
}

static bl_status attributes(header *h) {
  uint64_t elements, length;
  size_t bytes;
  BL_TRY(list(&elements, h, ATTRIBUTES, "a list of attributes"));
  for (uint64_t i = 0; i < elements; i++) {
    BL_TRY(name(h));
    BL_TRY(type(&bytes, h));
    BL_TRY(count(&length, h, "an attribute"));
    BL_TRY(skip(h, length, bytes, "an attribute"));
  }
  return BL_OK;
}

static bl_status variable(header *h) {
  uint64_t rank, value;
  size_t bytes;
  BL_TRY(name(h));
  BL_TRY(count(&rank, h, "a variable"));
  if (rank > MOST_DIMENSIONS)
    return refuse(h, "a variable of too many dimensions");
  for (uint64_t d = 0; d < rank; d++) {
    BL_TRY(count(&value, h, "a dimension of a variable"));
    if (value >= h->dimensions)
      return refuse(h, "a dimension that does not exist");
  }
  BL_TRY(attributes(h));
  BL_TRY(type(&bytes, h));
  BL_TRY(count(&value, h, "the size of a variable"));
  return number(&value, h, h->version == 1 ? 4 : 8, "where a variable begins");
}

static bl_status check(header *h) {
  uint64_t value, elements;
  h->version = h->bytes[3];
  h->offset = 4;
  BL_TRY(count(&value, h, "the number of records"));
  BL_TRY(list(&h->dimensions, h, DIMENSIONS, "a list of dimensions"));
  for (uint64_t i = 0; i < h->dimensions; i++) {
    BL_TRY(name(h));
    BL_TRY(count(&value, h, "the length of a dimension"));
  }
  BL_TRY(attributes(h));
  BL_TRY(list(&elements, h, VARIABLES, "a list of variables"));
  for (uint64_t i = 0; i < elements; i++)
    BL_TRY(variable(h));
  return BL_OK;
}

bl_status bl_classic_check(int file, size_t size, const char *path) {
  unsigned char *bytes;
  const size_t wanted = size < LARGEST_HEADER ? size : LARGEST_HEADER;
  size_t done = 0;
  BL_TRY(bl_allocate(&bytes, wanted, 1));
  for (ssize_t got = 1; got > 0 && done<wanted; done += got> 0 ? (size_t)got : 0)
    got = pread(file, bytes + done, wanted - done, (off_t)done);
  header h = {.bytes = bytes, .size = done, .path = path};
  const bl_status status = done >= 4 ? check(&h) : refuse(&h, "the format");
  bl_free(&bytes);
  return status;
}
