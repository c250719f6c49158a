#include "store/classic.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

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
  uint64_t unlimited;  /* which one of them is */
  uint64_t records;    /* along that one */
  uint64_t fixed_end;  /* of all variables without it */
  uint64_t rows_begin; /* of the first variable with it, and bytes that all of these take in a row */
  uint64_t row_size;
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

/* Where a variable lies. */
static void place(header *h, bool rows, uint64_t begin, uint64_t size) {
  const uint64_t unknown = h->version == 5 ? UINT64_MAX : UINT32_MAX; /* too large to be said */
  if (size == unknown || begin > UINT64_MAX / 4 || size > UINT64_MAX / 4)
    return;
  if (rows) {
    h->rows_begin = h->row_size == 0 || begin < h->rows_begin ? begin : h->rows_begin;
    h->row_size += size;
  } else if (begin + size > h->fixed_end) {
    h->fixed_end = begin + size;
  }
}

static bl_status variable(header *h) {
  uint64_t rank, value, size;
  bool rows = false;
  size_t bytes;
  BL_TRY(name(h));
  BL_TRY(count(&rank, h, "a variable"));
  if (rank > MOST_DIMENSIONS)
    return refuse(h, "a variable of too many dimensions");
  for (uint64_t d = 0; d < rank; d++) {
    BL_TRY(count(&value, h, "a dimension of a variable"));
    if (value >= h->dimensions)
      return refuse(h, "a dimension that does not exist");
    rows = rows || (d == 0 && value == h->unlimited);
  }
  BL_TRY(attributes(h));
  BL_TRY(type(&bytes, h));
  BL_TRY(count(&size, h, "the size of a variable"));
  BL_TRY(number(&value, h, h->version == 1 ? 4 : 8, "where a variable begins"));
  place(h, rows, value, size);
  return BL_OK;
}

static bl_status check(header *h) {
  uint64_t value, elements;
  h->version = h->bytes[3];
  h->offset = 4;
  BL_TRY(count(&h->records, h, "the number of records"));
  h->unlimited = UINT64_MAX;
  BL_TRY(list(&h->dimensions, h, DIMENSIONS, "a list of dimensions"));
  for (uint64_t i = 0; i < h->dimensions; i++) {
    BL_TRY(name(h));
    BL_TRY(count(&value, h, "the length of a dimension"));
    h->unlimited = value == 0 ? i : h->unlimited;
  }
  BL_TRY(attributes(h));
  BL_TRY(list(&elements, h, VARIABLES, "a list of variables"));
  for (uint64_t i = 0; i < elements; i++)
    BL_TRY(variable(h));
  return BL_OK;
}

/* A file that is shorter than its header says was cut off; the library would read zeros. */
static bl_status check_size(const header *h, int file, size_t size) {
  struct stat what;
  const uint64_t streaming = h->version == 5 ? UINT64_MAX : UINT32_MAX;
  if (fstat(file, &what) == 0) /* it may have grown since */
    size = (size_t)what.st_size;
  if (h->fixed_end > size + 3) /* the last one may lack its padding */
    return bl_fail(BL_ERROR_INPUT, "%s: cut off: it has %zu bytes, but its variables end at byte %llu", h->path, size,
                   (unsigned long long)h->fixed_end);
  if (h->row_size == 0 || h->records == 0 || h->records == streaming)
    return BL_OK;
  const uint64_t fit = size + 3 > h->rows_begin ? (size + 3 - h->rows_begin) / h->row_size : 0;
  if (fit < h->records)
    return bl_fail(BL_ERROR_INPUT, "%s: cut off, or its header is damaged: it says %llu rows, but its %zu bytes hold %llu",
                   h->path, (unsigned long long)h->records, size, (unsigned long long)fit);
  return BL_OK;
}

/* Read the header. \param [out] bytes  the caller's; bl_free. */
static bl_status read_header(header *h, unsigned char **bytes, int file, size_t size, const char *path) {
  const size_t wanted = size < LARGEST_HEADER ? size : LARGEST_HEADER;
  size_t done = 0;
  BL_TRY(bl_allocate(bytes, wanted, 1));
  for (ssize_t got = 1; got > 0 && done<wanted; done += got> 0 ? (size_t)got : 0)
    got = pread(file, *bytes + done, wanted - done, (off_t)done);
  *h = (header){.bytes = *bytes, .size = done, .path = path};
  return done >= 4 ? check(h) : refuse(h, "the format");
}

bl_status bl_classic_check(int file, size_t size, const char *path) {
  unsigned char *bytes = NULL;
  header h;
  bl_status status = read_header(&h, &bytes, file, size, path);
  if (status == BL_OK)
    status = check_size(&h, file, size);
  bl_free(&bytes);
  return status;
}

/* ---- The checksum of a header -----------------------------------------------------------------------------------------
 */

/* Where the value of the attribute stands, 0 where there is none. */
static size_t find_checksum(const header *h) {
  const size_t length = strlen(BL_CLASSIC_CHECKSUM), skipped = (length + 3) / 4 * 4 + (h->version == 5 ? 12 : 8);
  for (size_t i = 0; i + skipped + BL_CLASSIC_CHECKSUM_SIZE <= h->offset; i++)
    if (memcmp(h->bytes + i, BL_CLASSIC_CHECKSUM, length) == 0)
      return i + skipped;
  return 0;
}

/* CRC-32 of the header but for the number of rows, which grows, and the checksum itself. */
static uint32_t sum_header(const header *h, size_t place) {
  const size_t first = h->version == 5 ? 12 : 8;
  const uLong start = crc32_z(0, h->bytes, 4);
  const uLong middle = crc32_z(start, h->bytes + first, place - first);
  return (uint32_t)crc32_z(middle, h->bytes + place + BL_CLASSIC_CHECKSUM_SIZE,
                           h->offset - place - BL_CLASSIC_CHECKSUM_SIZE);
}

bl_status bl_classic_write_checksum(const char *path) {
  unsigned char *bytes = NULL;
  char text[BL_CLASSIC_CHECKSUM_SIZE + 1];
  header h;
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
  bl_status status = read_header(&h, &bytes, file, LARGEST_HEADER, path);
  const size_t place = status == BL_OK ? find_checksum(&h) : 0;
  if (place > 0) {
    snprintf(text, sizeof text, "%08x", sum_header(&h, place));
    if (pwrite(file, text, BL_CLASSIC_CHECKSUM_SIZE, (off_t)place) != BL_CLASSIC_CHECKSUM_SIZE)
      status = bl_fail(BL_ERROR_SYSTEM, "%s: %s", path, strerror(errno));
  }
  close(file);
  bl_free(&bytes);
  return status;
}

static bl_status check_checksum(const header *h) {
  char expected[BL_CLASSIC_CHECKSUM_SIZE + 1];
  const size_t place = find_checksum(h);
  if (place == 0)
    return BL_OK;
  snprintf(expected, sizeof expected, "%08x", sum_header(h, place));
  if (memcmp(h->bytes + place, expected, BL_CLASSIC_CHECKSUM_SIZE) == 0)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: damaged: the %zu bytes of its header have the checksum %s, expected %.8s", h->path,
                 h->offset, expected, (const char *)h->bytes + place);
}

bl_status bl_classic_check_checksum(bool *has_checksum, const char *path) {
  unsigned char *bytes = NULL;
  header h;
  struct stat what = {0};
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(errno));
  fstat(file, &what); /* before the header is read, which may say more rows by then */
  char magic[3] = "";
  *has_checksum = false;
  if (pread(file, magic, sizeof magic, 0) != sizeof magic || memcmp(magic, "CDF", sizeof magic) != 0) {
    close(file);
    return BL_OK;
  }
  bl_status status = read_header(&h, &bytes, file, LARGEST_HEADER, path);
  if (status == BL_OK)
    status = check_checksum(&h);
  const uint64_t fit =
      h.row_size > 0 && (uint64_t)what.st_size > h.rows_begin ? ((uint64_t)what.st_size - h.rows_begin) / h.row_size : 0;
  /* One more may be just being written. */
  *has_checksum = status == BL_OK && find_checksum(&h) > 0;
  if (*has_checksum && fit > h.records + 1)
    status = bl_fail(BL_ERROR_INPUT, "%s: damaged: its header says %llu rows, but there are %llu", path,
                     (unsigned long long)h.records, (unsigned long long)fit);
  close(file);
  bl_free(&bytes);
  return status;
}
