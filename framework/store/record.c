/* Unlike the other files a record is netCDF's classic format (CDF-5): it grows while others read it. A row is
 * appended in place, the count of rows after it, so a reader always sees whole rows; there are no locks, which HDF5 would
 * take and which would let a reader stop the run.
 *
 * netCDF writes what it changed in two neighbouring blocks at once. So that the count, which is in the first block, is
 * always written by itself and after the row, the rows begin beyond these two, and a block has a size that does not depend
 * on the file system. */
#include "store/record.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/classic.h"
#include "store/container.h"
#include "store/output.h"

#include <errno.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK = 4096, ROWS_BEGIN = 4 * BLOCK };

struct bl_record {
  int ncid;
  int round; /* variable, as the following */
  int checksum;
  int *variables; /* (column_count) */
  int column_count;
  size_t rows;
  char path[4096];
};

/* What a netCDF call that writes returned: the library hands errno on where it is above 0. */
static bl_status written(int code, const char *path, const char *what) {
  char why[256];
  if (code <= 0)
    return bl_container_result(BL_ERROR_SYSTEM, code, path, what);
  bl_output_explain(why, sizeof why, path, code);
  return bl_fail(bl_output_status(code), "%s: %s: %s", path, what, why);
}

/* Rows that a resume keeps. */
typedef struct kept_rows {
  size_t count;
  int *rounds;    /* (count) */
  double *values; /* (columns, count) */
} kept_rows;

static void release_rows(kept_rows *kept) {
  bl_free(&kept->rounds);
  bl_free(&kept->values);
  kept->count = 0;
}

/* A column has the dimension round and no other, whatever a damaged file says. */
static bl_status check_column(int *variable, int ncid, const char *path, const char *name, int dimension) {
  int found;
  BL_TRY(bl_container_find(variable, &found, ncid, path, name, 1));
  return found == dimension ? BL_OK : bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected the dimension round", path, name);
}

static bl_status read_view(bl_record_view *view, int ncid, const char *path);

/* Of a row as it is stored: the number of the round, and the values in the order of the columns, which are \a stride apart.
 */
static int checksum_of(int round, const double *values, int columns, size_t stride) {
  uLong crc = crc32_z(0, (const unsigned char *)&round, sizeof round);
  for (int c = 0; c < columns; c++)
    crc = crc32_z(crc, (const unsigned char *)&values[(size_t)c * stride], sizeof *values);
  return (int)(uint32_t)crc;
}

/* Take the rows below first_round; columns that the file does not have become NaN. */
static bl_status take_rows(kept_rows *kept, const bl_record_view *view, const bl_record_column *columns, int column_count,
                           int64_t first_round) {
  size_t rows = 0;
  while (rows < view->rows && view->numbers[rows] < first_round)
    rows++;
  BL_TRY(bl_allocate(&kept->rounds, rows, sizeof *kept->rounds));
  BL_TRY(bl_allocate(&kept->values, rows * (size_t)column_count, sizeof *kept->values));
  for (size_t i = 0; i < rows; i++)
    kept->rounds[i] = view->numbers[i];
  for (int c = 0; c < column_count; c++) {
    const double *found = bl_record_column_of(view, columns[c].name);
    for (size_t i = 0; i < rows; i++)
      kept->values[(size_t)c * rows + i] = found != NULL ? found[i] : NAN;
  }
  kept->count = rows;
  return BL_OK;
}

/* A resume never fails because of the old record: a damaged one is put aside. */
static bl_status keep_rows(kept_rows *kept, const char *path, const bl_record_column *columns, int column_count,
                           int64_t first_round) {
  struct stat what;
  bl_record_view view;
  if (first_round <= 0 || stat(path, &what) != 0)
    return BL_OK;
  bl_status status = bl_record_read(&view, path);
  if (status == BL_OK)
    status = take_rows(kept, &view, columns, column_count, first_round);
  bl_record_view_destroy(&view);
  if (status != BL_ERROR_INPUT)
    return status;
  char aside[4200];
  snprintf(aside, sizeof aside, "%s.damaged", path);
  bl_warn("%s; the record begins anew, the old one is kept as %s", bl_status_message(), aside);
  bl_status_clear();
  release_rows(kept);
  if (rename(path, aside) != 0)
    return bl_fail(BL_ERROR_SYSTEM, "%s: cannot be renamed to %s: %s", path, aside, strerror(errno));
  return BL_OK;
}

static bl_status build(int ncid, const char *path, const bl_record_column *columns, int column_count,
                       const kept_rows *kept) {
  int dimension, variable;
  const size_t start = 0;
  BL_NETCDF(nc_def_dim(ncid, "round", NC_UNLIMITED, &dimension), path);
  BL_TRY(bl_container_variable(&variable, ncid, path, "round", NC_INT, 1, &dimension, "1", "number of the round"));
  for (int c = 0; c < column_count; c++)
    BL_TRY(bl_container_variable(&variable, ncid, path, columns[c].name, NC_DOUBLE, 1, &dimension, columns[c].units,
                                 columns[c].long_name));
  BL_TRY(bl_container_variable(&variable, ncid, path, BL_RECORD_CHECKSUM, NC_INT, 1, &dimension, "1",
                               "CRC-32 of the row: of the number of the round and the values of all columns"));
  BL_NETCDF(nc__enddef(ncid, 0, 4, 0, ROWS_BEGIN), path);
  if (kept->count == 0)
    return BL_OK;
  BL_NETCDF(nc_put_vara_int(ncid, 0, &start, &kept->count, kept->rounds), path);
  for (int c = 0; c < column_count; c++)
    BL_NETCDF(nc_put_vara_double(ncid, c + 1, &start, &kept->count, kept->values + (size_t)c * kept->count), path);
  for (size_t row = 0; row < kept->count; row++) {
    const int sum = checksum_of(kept->rounds[row], kept->values + row, column_count, kept->count);
    BL_NETCDF(nc_put_var1_int(ncid, variable, &row, &sum), path);
  }
  return BL_OK;
}

/* Write the file with the kept rows, whole or not at all. */
static bl_status create(const char *path, const bl_record_column *columns, int column_count, const kept_rows *kept,
                        int64_t rounds, const bl_provenance *provenance) {
  char temporary[4300];
  int ncid = -1;
  BL_TRY(bl_output_begin(temporary, sizeof temporary, path));
  BL_TRY(written(nc_create(temporary, NC_64BIT_DATA | NC_CLOBBER, &ncid), path, "cannot be written"));
  bl_status status = bl_container_text(ncid, NC_GLOBAL, path, BL_CLASSIC_CHECKSUM, "00000000");
  if (status == BL_OK)
    status = bl_provenance_write(ncid, path, provenance);
  if (status == BL_OK)
    status = bl_container_text(ncid, NC_GLOBAL, path, "content", BL_CONTENT_RECORD);
  if (status == BL_OK) {
    const long long of = rounds;
    status = bl_container_result(BL_ERROR_LIBRARY, nc_put_att_longlong(ncid, NC_GLOBAL, "rounds", NC_INT64, 1, &of), path,
                                 "rounds");
  }
  if (status == BL_OK)
    status = build(ncid, path, columns, column_count, kept);
  const int code = nc_close(ncid);
  if (status == BL_OK)
    status = written(code, path, "cannot be written");
  if (status == BL_OK)
    status = bl_classic_write_checksum(temporary);
  if (status == BL_OK)
    return bl_output_finish(temporary, path);
  unlink(temporary);
  return status;
}

static bl_status open_to_append(bl_record *record, const bl_record_column *columns) {
  size_t block = BLOCK;
  const int code = nc__open(record->path, NC_WRITE, &block, &record->ncid);
  BL_TRY(written(code, record->path, "cannot append"));
  BL_NETCDF(nc_set_fill(record->ncid, NC_NOFILL, NULL), record->path);
  BL_NETCDF(nc_inq_varid(record->ncid, "round", &record->round), record->path);
  BL_NETCDF(nc_inq_varid(record->ncid, BL_RECORD_CHECKSUM, &record->checksum), record->path);
  for (int c = 0; c < record->column_count; c++)
    BL_NETCDF(nc_inq_varid(record->ncid, columns[c].name, &record->variables[c]), record->path);
  return BL_OK;
}

bl_status bl_record_open(bl_record **record, const char *path, const bl_record_column *columns, int column_count,
                         int64_t first_round, int64_t rounds, const bl_provenance *provenance) {
  kept_rows kept = {0};
  bl_status status;
  BL_TRY(bl_allocate(record, 1, sizeof **record));
  (*record)->ncid = -1;
  (*record)->column_count = column_count;
  BL_GOTO(bl_allocate(&(*record)->variables, (size_t)column_count, sizeof(int)));
  if ((size_t)snprintf((*record)->path, sizeof(*record)->path, "%s", path) >= sizeof(*record)->path)
    BL_GOTO(bl_fail(BL_ERROR_USAGE, "the name of the record is too long: %.40s...", path));
  BL_GOTO(keep_rows(&kept, path, columns, column_count, first_round));
  BL_GOTO(create(path, columns, column_count, &kept, rounds, provenance));
  (*record)->rows = kept.count;
  BL_GOTO(open_to_append(*record, columns));
done:
  release_rows(&kept);
  if (status != BL_OK)
    (void)bl_record_close(record);
  return status;
}

bl_status bl_record_append(bl_record *record, int64_t round, const double *values) {
  const int round_value = (int)round;
  const int sum = checksum_of(round_value, values, record->column_count, 1);
  const char *what = "cannot append a row; what is there stays readable";
  int code = nc_put_var1_int(record->ncid, record->round, &record->rows, &round_value);
  for (int c = 0; c < record->column_count && code == NC_NOERR; c++)
    code = nc_put_var1_double(record->ncid, record->variables[c], &record->rows, &values[c]);
  if (code == NC_NOERR)
    code = nc_put_var1_int(record->ncid, record->checksum, &record->rows, &sum);
  if (code == NC_NOERR)
    code = nc_sync(record->ncid);
  BL_TRY(written(code, record->path, what));
  record->rows++;
  return BL_OK;
}

bl_status bl_record_close(bl_record **record) {
  bl_status status = BL_OK;
  if (*record == NULL)
    return BL_OK;
  if ((*record)->ncid >= 0)
    status = written(nc_close((*record)->ncid), (*record)->path, "cannot be closed");
  bl_free(&(*record)->variables);
  bl_free(record);
  return status;
}

static bl_status read_view(bl_record_view *view, int ncid, const char *path) {
  int dimension, round, variables;
  size_t bytes;
  const size_t start = 0;
  long long rounds = 0;
  if (nc_inq_dimid(ncid, "round", &dimension) != NC_NOERR || nc_inq_varid(ncid, "round", &round) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: no record: has no variable round(round)", path);
  BL_TRY(check_column(&round, ncid, path, "round", dimension));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_nvars(ncid, &variables), path, "variables"));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(ncid, dimension, &view->rows), path, "round"));
  const size_t sizes[2] = {(size_t)variables, view->rows};
  BL_TRY(bl_container_plausible(&bytes, path, "round", sizes, 2, sizeof(int)));
  if (bl_container_numbers(ncid, NC_GLOBAL, "rounds") == 1 &&
      nc_get_att_longlong(ncid, NC_GLOBAL, "rounds", &rounds) == NC_NOERR && rounds > 0)
    view->rounds = rounds;
  BL_TRY(bl_allocate(&view->names, (size_t)variables, sizeof *view->names));
  BL_TRY(bl_allocate(&view->numbers, view->rows, sizeof *view->numbers));
  BL_TRY(bl_allocate(&view->values, (size_t)variables * view->rows, sizeof *view->values));
  if (view->rows > 0)
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_vara_int(ncid, round, &start, &view->rows, view->numbers), path,
                               "round"));
  for (int v = 0; v < variables; v++) {
    char name[NC_MAX_NAME + 1];
    int rank, of;
    nc_type type;
    if (v == round || nc_inq_var(ncid, v, name, &type, &rank, NULL, NULL) != NC_NOERR || rank != 1 || type != NC_DOUBLE ||
        nc_inq_vardimid(ncid, v, &of) != NC_NOERR || of != dimension)
      continue;
    snprintf(view->names[view->column_count], sizeof *view->names, "%.63s", name);
    double *values = view->values + (size_t)view->column_count++ * view->rows;
    if (view->rows > 0)
      BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_vara_double(ncid, v, &start, &view->rows, values), path, name));
  }
  return BL_OK;
}

/* Rounds rise, and every row has its checksum, where the file has any. */
static bl_status check_rows(const bl_record_view *view, int ncid, const char *path, bool has_checksum) {
  int variable, *sums = NULL, of, dimension;
  bl_status status = BL_OK;
  for (size_t i = 1; i < view->rows; i++)
    if (view->numbers[i] <= view->numbers[i - 1])
      return bl_fail(BL_ERROR_INPUT, "%s: damaged: row %zu is of round %d, after one of round %d", path, i,
                     view->numbers[i], view->numbers[i - 1]);
  if (view->rows == 0 || nc_inq_varid(ncid, BL_RECORD_CHECKSUM, &variable) != NC_NOERR)
    return BL_OK;
  if (!has_checksum)
    return bl_fail(BL_ERROR_INPUT, "%s: damaged: the checksum of its header is missing", path);
  BL_TRY(bl_container_find(&variable, &of, ncid, path, BL_RECORD_CHECKSUM, 1));
  if (nc_inq_dimid(ncid, "round", &dimension) != NC_NOERR || of != dimension)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected the dimension round", path, BL_RECORD_CHECKSUM);
  BL_TRY(bl_allocate(&sums, view->rows, sizeof *sums));
  const size_t start = 0;
  status = bl_container_result(BL_ERROR_INPUT, nc_get_vara_int(ncid, variable, &start, &view->rows, sums), path,
                               BL_RECORD_CHECKSUM);
  for (size_t i = 0; i < view->rows && status == BL_OK; i++)
    if (checksum_of(view->numbers[i], view->values + i, view->column_count, view->rows) != sums[i])
      status = bl_fail(BL_ERROR_INPUT, "%s: damaged: row %zu, of round %d, does not have its checksum", path, i,
                       view->numbers[i]);
  bl_free(&sums);
  return status;
}

bl_status bl_record_read(bl_record_view *view, const char *path) {
  int ncid;
  *view = (bl_record_view){0};
  BL_TRY(bl_container_open(&ncid, path));
  bool has_checksum;
  bl_status status = bl_classic_check_checksum(&has_checksum, path);
  if (status == BL_OK)
    status = read_view(view, ncid, path);
  if (status == BL_OK)
    status = check_rows(view, ncid, path, has_checksum);
  nc_close(ncid);
  if (status != BL_OK)
    bl_record_view_destroy(view);
  return status;
}

void bl_record_view_destroy(bl_record_view *view) {
  bl_free(&view->names);
  bl_free(&view->numbers);
  bl_free(&view->values);
  view->rows = 0;
  view->column_count = 0;
}

const double *bl_record_column_of(const bl_record_view *view, const char *name) {
  for (int c = 0; c < view->column_count; c++)
    if (strcmp(view->names[c], name) == 0)
      return view->values + (size_t)c * view->rows;
  return NULL;
}
