#include "store/container.h"

#include "base/memory.h"
#include "store/classic.h"
#include "store/groups.h"
#include "store/output.h"

#include <errno.h>
#include <fcntl.h>
#include <netcdf.h>
#include <netcdf_mem.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { CHECKSUM_SIZE = 24, BLOCK_SIZE = 1 << 18, LONGEST_STRING = 1 << 16 };
static const char checksum_start[] = "\nbeeline-crc32=";

bl_status bl_container_result(bl_status status, int code, const char *path, const char *what) {
  char limit[128];
  if (code == NC_NOERR)
    return BL_OK;
  if (code == NC_ENOMEM || (code == NC_EHDFERR && errno == ENOMEM))
    return bl_fail(BL_ERROR_SYSTEM, "%s: %s: %s: out of memory%s", path, what, nc_strerror(code),
                   bl_memory_limit_text(limit, sizeof limit));
  return bl_fail(status, "%s: %s: %s", path, what, nc_strerror(code));
}

/* An HDF5 file without content (HDF5 File Format Specification 3.0, II.C and IV.A), whose root group remembers the order in
 * which things are made. netCDF can only change files with that order, and nc_create_mem() does not ask for it. */
enum { EMPTY_SIZE = 239, END_OFFSET = 28 };
static const unsigned char empty_file[EMPTY_SIZE] = {
    /* Superblock: signature; version 2, addresses and lengths of 8 bytes; base address; no extension; end of file; address
     * of the root group; checksum. */
    0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n', 2, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    EMPTY_SIZE, 0, 0, 0, 0, 0, 0, 0, 48, 0, 0, 0, 0, 0, 0, 0, 0x94, 0x33, 0x45, 0x0f,
    /* Object header of the root group: version 2, order of attributes tracked and indexed, 180 bytes of messages. */
    'O', 'H', 'D', 'R', 2, 0x0c, 180,
    /* Link info: order of links tracked and indexed, no heap and no trees yet. */
    2, 34, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    /* Group info; then free space up to the checksum. */
    10, 2, 0, 1, 0, 0, 0, 0, 0, 126, [235] = 0x63, 0x28, 0xac, 0x1c};

/* HDF5 crashes where it cannot have memory (1.10.8, H5AC_create). */
static bl_status check_memory(const char *path) {
  char what[512];
  snprintf(what, sizeof what, "netCDF, to have %.400s open,", path);
  return bl_memory_check(BL_MEMORY_RESERVE / 2, what);
}

bl_status bl_container_create(int *ncid, const char *path, const char *content, const bl_provenance *provenance) {
  *ncid = -1;
  BL_TRY(check_memory(path));
  NC_memio image = {EMPTY_SIZE, malloc(EMPTY_SIZE), 0};
  if (image.memory == NULL)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", path);
  memcpy(image.memory, empty_file, EMPTY_SIZE);
  /* The name stands for the file in the library; nothing of that name is opened. The library takes the memory. */
  BL_NETCDF(nc_open_memio("beeline.nc", NC_WRITE, &image, ncid), path);
  bl_status status;
  BL_GOTO(bl_provenance_write(*ncid, path, provenance));
  BL_GOTO(bl_container_text(*ncid, NC_GLOBAL, path, "content", content));
  BL_GOTO(bl_container_text(*ncid, NC_GLOBAL, path, "seal",
                            "the last 24 bytes of the file hold the CRC-32 of all bytes before them"));
done:
  if (status != BL_OK) {
    bl_container_abandon(*ncid);
    *ncid = -1;
  }
  return status;
}

bl_status bl_container_text(int ncid, int variable, const char *path, const char *name, const char *text) {
  return bl_container_result(BL_ERROR_LIBRARY, nc_put_att_text(ncid, variable, name, strlen(text), text), path, name);
}

bl_status bl_container_variable(int *variable, int ncid, const char *path, const char *name, int type, int count,
                                const int *dimensions, const char *units, const char *long_name) {
  BL_TRY(bl_container_result(BL_ERROR_LIBRARY, nc_def_var(ncid, name, type, count, dimensions, variable), path, name));
  BL_TRY(bl_container_text(ncid, *variable, path, "units", units));
  return bl_container_text(ncid, *variable, path, "long_name", long_name);
}

static uint32_t crc32_of(uint32_t crc, const void *data, size_t size) {
  return (uint32_t)crc32_z(crc, data, size);
}

bl_status bl_container_write(int ncid, const char *path) {
  NC_memio image = {0};
  BL_NETCDF(nc_close_memio(ncid, &image), path);
  /* The library hands out more memory than the file fills; the superblock says where it ends (little-endian). */
  const unsigned char *bytes = image.memory;
  uint64_t end = 0;
  for (int i = 7; i >= 0; i--)
    end = end << 8 | bytes[END_OFFSET + i];
  const size_t size = end < image.size ? (size_t)end : image.size;
  char ending[CHECKSUM_SIZE + 1];
  snprintf(ending, sizeof ending, "%s%08x\n", checksum_start, crc32_of(0, bytes, size));
  const bl_bytes pieces[2] = {{bytes, size}, {ending, CHECKSUM_SIZE}};
  const bl_status status = bl_output_write(path, pieces, 2);
  free(image.memory);
  return status;
}

void bl_container_abandon(int ncid) {
  if (ncid >= 0)
    nc_abort(ncid);
}

/* CRC-32 of the first \a size bytes of a file. */
static bl_status checksum_bytes(uint32_t *crc, int file, size_t size, const char *path) {
  unsigned char *block = malloc(BLOCK_SIZE);
  if (block == NULL)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", path);
  *crc = 0;
  for (size_t offset = 0; offset < size;) {
    const size_t left = size - offset;
    const ssize_t got = pread(file, block, left < BLOCK_SIZE ? left : BLOCK_SIZE, (off_t)offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      const int reason = errno;
      free(block);
      return bl_fail(BL_ERROR_INPUT, "%s: at byte %zu: %s", path, offset, got < 0 ? strerror(reason) : "the file ends");
    }
    *crc = crc32_of(*crc, block, (size_t)got);
    offset += (size_t)got;
  }
  free(block);
  return BL_OK;
}

/* Compare the checksum at the end with the bytes before it. \param [out] has_checksum  whether there is one. */
static bl_status check_checksum(bool *has_checksum, int file, size_t size, const char *path) {
  char ending[CHECKSUM_SIZE + 1] = "";
  *has_checksum = false;
  if (size < CHECKSUM_SIZE || pread(file, ending, CHECKSUM_SIZE, (off_t)(size - CHECKSUM_SIZE)) != CHECKSUM_SIZE)
    return BL_OK;
  if (memcmp(ending, checksum_start, sizeof checksum_start - 1) != 0 || ending[CHECKSUM_SIZE - 1] != '\n')
    return BL_OK;
  char *number = ending + sizeof checksum_start - 1;
  number[8] = '\0';
  if (strspn(number, "0123456789abcdef") != 8) /* as it is written, and not otherwise: a changed letter is a change */
    return BL_OK;
  const unsigned long expected = strtoul(number, NULL, 16);
  *has_checksum = true;
  uint32_t found;
  BL_TRY(checksum_bytes(&found, file, size - CHECKSUM_SIZE, path));
  if (found != expected)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: damaged: its bytes have the checksum %08x, expected %08lx; use a copy or make it again", path,
                   found, expected);
  return BL_OK;
}

/* Why netCDF could not open a file whose bytes were readable: no locks, or damage. */
static bl_status explain_refusal(const char *path, size_t size, int code) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const int locked = file < 0 ? 0 : flock(file, LOCK_SH | LOCK_NB), reason = errno;
  if (file >= 0)
    close(file);
  if (locked != 0)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: cannot be opened, since the HDF5 library is refused a lock on it: %s; the file may well be intact: "
                   "set HDF5_USE_FILE_LOCKING=FALSE in the environment (it is \"%s\"), or end the program that has it open",
                   path, strerror(reason), getenv("HDF5_USE_FILE_LOCKING") ? getenv("HDF5_USE_FILE_LOCKING") : "");
  return bl_fail(BL_ERROR_INPUT, "%s: damaged or cut off: of its %zu bytes netCDF says: %s", path, size, nc_strerror(code));
}

/* Open for reading as plain bytes. */
static bl_status open_bytes(int *file, size_t *size, const char *path) {
  struct stat what;
  if (stat(path, &what) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(errno));
  if (!S_ISREG(what.st_mode))
    return bl_fail(BL_ERROR_INPUT, "%s: is %s, expected a netCDF file", path,
                   S_ISDIR(what.st_mode) ? "a folder" : "no file");
  *file = open(path, O_RDONLY | O_CLOEXEC);
  if (*file < 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(errno));
  *size = (size_t)what.st_size;
  return BL_OK;
}

bl_status bl_container_checksum(uint32_t *crc, const char *path) {
  int file = -1;
  size_t size = 0;
  BL_TRY(open_bytes(&file, &size, path));
  const bl_status status = checksum_bytes(crc, file, size, path);
  close(file);
  return status;
}

bl_status bl_container_open(int *ncid, const char *path) {
  int file = -1;
  size_t size = 0;
  bool has_checksum = false;
  unsigned char magic[8] = {0};
  *ncid = -1;
  BL_TRY(check_memory(path));
  BL_TRY(open_bytes(&file, &size, path));
  const ssize_t got = pread(file, magic, sizeof magic, 0);
  const bool hdf = got == 8 && memcmp(magic, "\211HDF\r\n\032\n", 8) == 0;
  const bool classic = got == 8 && memcmp(magic, "CDF", 3) == 0 && (magic[3] == 1 || magic[3] == 2 || magic[3] == 5);
  bl_status status = BL_OK;
  if (size == 0)
    status = bl_fail(BL_ERROR_INPUT, "%s: is empty (0 bytes), expected a netCDF file", path);
  else if (!hdf && !classic)
    status = bl_fail(
        BL_ERROR_INPUT,
        "%s: not a netCDF file: at byte 0: found \"%c%c%c%c\" (%02x %02x %02x %02x), expected \"\\x89HDF\"; foreign "
        "formats become netCDF by `beeline import`",
        path, magic[0] >= 32 && magic[0] < 127 ? magic[0] : '.', magic[1] >= 32 && magic[1] < 127 ? magic[1] : '.',
        magic[2] >= 32 && magic[2] < 127 ? magic[2] : '.', magic[3] >= 32 && magic[3] < 127 ? magic[3] : '.', magic[0],
        magic[1], magic[2], magic[3]);
  else if (hdf)
    status = check_checksum(&has_checksum, file, size, path);
  else
    status = bl_classic_check(file, size, path);
  close(file);
  BL_TRY(status);
  if (hdf)
    BL_TRY(bl_groups_check(path));
  const int code = nc_open(path, NC_NOWRITE, ncid);
  if (code != NC_NOERR) {
    *ncid = -1;
    return explain_refusal(path, size, code);
  }
  size_t length;
  if (hdf && !has_checksum && nc_inq_attlen(*ncid, NC_GLOBAL, "seal", &length) == NC_NOERR) {
    nc_close(*ncid);
    *ncid = -1;
    return bl_fail(
        BL_ERROR_INPUT,
        "%s: the checksum at its end is missing: it was cut off, or changed by another program; if the change is "
        "meant, delete its attribute `seal` (ncatted -a seal,global,d,, FILE)",
        path);
  }
  return BL_OK;
}

void bl_container_get_text(char *text, size_t size, int ncid, const char *name) {
  nc_type type;
  size_t length;
  text[0] = '\0';
  if (nc_inq_att(ncid, NC_GLOBAL, name, &type, &length) != NC_NOERR)
    return;
  if (type == NC_STRING && length == 1) {
    char *value = NULL;
    if (nc_get_att_string(ncid, NC_GLOBAL, name, &value) == NC_NOERR && value != NULL) {
      snprintf(text, size, "%s", value);
      nc_free_string(1, &value);
    }
    return;
  }
  if (type != NC_CHAR || length > (size_t)1 << 24)
    return;
  char *value = calloc(length + 1, 1);
  if (value != NULL && nc_get_att_text(ncid, NC_GLOBAL, name, value) == NC_NOERR)
    snprintf(text, size, "%s", value);
  free(value);
}

size_t bl_container_numbers(int ncid, int variable, const char *name) {
  nc_type type;
  size_t length;
  if (nc_inq_att(ncid, variable, name, &type, &length) != NC_NOERR || type == NC_CHAR || type > NC_UINT64)
    return 0;
  return length;
}

bl_status bl_container_copy_text(char **text, int ncid, const char *name) {
  nc_type type;
  size_t length = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, name, &type, &length) != NC_NOERR || type != NC_CHAR)
    length = type == NC_STRING && length == 1 ? LONGEST_STRING : 0;
  BL_TRY(bl_allocate(text, length + 1, 1));
  bl_container_get_text(*text, length + 1, ncid, name);
  return BL_OK;
}

bl_status bl_container_read_text(char **text, const char *path, const char *name) {
  int ncid;
  *text = NULL;
  BL_TRY(bl_container_open(&ncid, path));
  const bl_status status = bl_container_copy_text(text, ncid, name);
  nc_close(ncid);
  return status;
}

/* ---- What a file holds ------------------------------------------------------------------------------------------------
 */

/* Rows along the first dimension at a time, about a block of them. */
static bl_status add_variable(uint32_t *crc, int ncid, int variable, const char *path) {
  enum { BLOCK = 1 << 22 };
  char name[NC_MAX_NAME + 1] = "";
  int rank, dimensions[NC_MAX_VAR_DIMS];
  size_t start[NC_MAX_VAR_DIMS] = {0}, count[NC_MAX_VAR_DIMS] = {1}, element = 0, row;
  nc_type type;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var(ncid, variable, name, &type, &rank, dimensions, NULL), path,
                             "a variable"));
  *crc = crc32_of(*crc, name, strlen(name));
  if (type == NC_STRING || type > NC_UINT64 || nc_inq_type(ncid, type, NULL, &element) != NC_NOERR)
    return BL_OK;
  row = element;
  for (int d = 0; d < rank; d++) {
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(ncid, dimensions[d], &count[d]), path, name));
    row *= d > 0 ? count[d] : 1;
  }
  const size_t rows = rank > 0 ? count[0] : 1, most = row > 0 && row < BLOCK ? BLOCK / row : 1;
  unsigned char *values = NULL;
  if (rows == 0 || row == 0)
    return BL_OK;
  size_t bytes;
  BL_TRY(bl_container_plausible(&bytes, path, name, count, rank, element));
  BL_TRY(bl_allocate(&values, (most < rows ? most : rows) * row, 1));
  bl_status status = BL_OK;
  for (size_t done = 0; done < rows && status == BL_OK; done += count[0]) {
    start[0] = done;
    count[0] = rows - done < most ? rows - done : most;
    status = bl_container_result(BL_ERROR_INPUT, nc_get_vara(ncid, variable, start, count, values), path, name);
    *crc = crc32_of(*crc, values, count[0] * row);
  }
  bl_free(&values);
  return status;
}

static bl_status add_group(uint32_t *crc, int ncid, const char *path, int depth) {
  enum { MOST = 64, DEEPEST = 4 };
  int variables = 0, groups = 0, ids[MOST];
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_nvars(ncid, &variables), path, "variables"));
  for (int variable = 0; variable < variables; variable++)
    BL_TRY(add_variable(crc, ncid, variable, path));
  if (depth == DEEPEST || nc_inq_grps(ncid, &groups, NULL) != NC_NOERR || groups > MOST ||
      nc_inq_grps(ncid, &groups, ids) != NC_NOERR)
    return BL_OK;
  for (int i = 0; i < groups; i++)
    BL_TRY(add_group(crc, ids[i], path, depth + 1));
  return BL_OK;
}

bl_status bl_container_content(uint32_t *crc, const char *path) {
  int ncid;
  *crc = 0;
  BL_TRY(bl_container_open(&ncid, path));
  const bl_status status = add_group(crc, ncid, path, 0);
  nc_close(ncid);
  return status;
}

void bl_container_without_locks(void) {
  (void)setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  bl_groups_leave_open();
}

bl_status bl_container_find(int *variable, int *dimensions, int ncid, const char *path, const char *name, int rank) {
  int found_rank, found[NC_MAX_VAR_DIMS];
  nc_type type;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_varid(ncid, name, variable), path, name));
  BL_TRY(
      bl_container_result(BL_ERROR_INPUT, nc_inq_var(ncid, *variable, NULL, &type, &found_rank, found, NULL), path, name));
  if (type == NC_CHAR || type > NC_UINT64)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected numbers, found another type", path, name);
  if (found_rank != rank)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: found %d dimensions, expected %d", path, name, found_rank, rank);
  for (int i = 0; dimensions != NULL && i < rank; i++)
    dimensions[i] = found[i];
  return BL_OK;
}

bl_status bl_container_get_number(double *value, int ncid, const char *path, const char *name) {
  int variable;
  BL_TRY(bl_container_find(&variable, NULL, ncid, path, name, 0));
  return bl_container_result(BL_ERROR_INPUT, nc_get_var_double(ncid, variable, value), path, name);
}

bl_status bl_container_sizes(size_t *sizes, int ncid, int variable, const char *path, const char *name, int rank, int type,
                             const char *expected) {
  int dimensions[NC_MAX_VAR_DIMS], found_rank;
  nc_type found_type;
  char type_name[NC_MAX_NAME + 1] = "?";
  int code = nc_inq_var(ncid, variable, NULL, &found_type, &found_rank, dimensions, NULL);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, code, path, name));
  nc_inq_type(ncid, found_type, type_name, NULL);
  if (found_rank != rank || found_type != type)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: found %d dimensions of type %s, expected %s", path, name, found_rank,
                   type_name, expected);
  for (int i = 0; i < rank; i++)
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(ncid, dimensions[i], &sizes[i]), path, name));
  return BL_OK;
}

bl_status bl_container_plausible(size_t *bytes, const char *path, const char *variable, const size_t *sizes, int count,
                                 size_t element) {
  struct stat what;
  if (stat(path, &what) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: %s", path, strerror(errno));
  const double most = 1100.0 * (double)what.st_size;
  double declared = (double)element;
  *bytes = element;
  for (int i = 0; i < count; i++) {
    declared *= (double)sizes[i];
    *bytes *= sizes[i];
  }
  if (declared > most || declared > 9e18)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: variable %s: declares %.3g bytes, but a file of %lld bytes cannot hold them: damaged or forged",
                   path, variable, declared, (long long)what.st_size);
  return BL_OK;
}
