#include "store/record.h"

#include "base/log.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const bl_provenance provenance = {.title = "test", .seed = 1, .ranks = 1};
static const bl_record_column columns[2] = {{"critic_loss", "1", "loss of the critic"}, {"seconds", "s", "time"}};

static void append(bl_record *record, int64_t first, int64_t last, double offset) {
  for (int64_t round = first; round < last; round++) {
    const double values[2] = {offset + (double)round, 0.5 * (double)round};
    assert_int_equal(bl_record_append(record, round, values), BL_OK);
  }
}

/* Rows of a column as another process sees them. */
static size_t rows_of(double *values, const char *path, const char *name) {
  int ncid, dimension, variable;
  size_t rows;
  assert_int_equal(nc_open(path, NC_NOWRITE, &ncid), NC_NOERR);
  assert_int_equal(nc_inq_unlimdim(ncid, &dimension), NC_NOERR);
  assert_int_equal(nc_inq_dimlen(ncid, dimension, &rows), NC_NOERR);
  assert_in_range(rows, 0, 100);
  assert_int_equal(nc_inq_varid(ncid, name, &variable), NC_NOERR);
  assert_int_equal(nc_get_var_double(ncid, variable, values), NC_NOERR);
  nc_close(ncid);
  return rows;
}

static void rows_are_readable_while_it_grows(void **state) {
  (void)state;
  bl_record *record;
  double values[100];
  assert_int_equal(bl_record_open(&record, scratch("record.nc"), columns, 2, 0, 10, &provenance), BL_OK);
  assert_int_equal(rows_of(values, scratch("record.nc"), "seconds"), 0);
  for (int i = 1; i <= 20; i++) {
    append(record, i - 1, i, 0.0);
    assert_int_equal(rows_of(values, scratch("record.nc"), "seconds"), i);
    assert_true(values[i - 1] == 0.5 * (i - 1));
  }
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_null(record);
  assert_int_equal(bl_record_close(&record), BL_OK);
}

/* Rows that were appended by another process meanwhile are whole, however often one looks. */
static void a_reader_sees_whole_rows(void **state) {
  (void)state;
  enum { ROWS = 3000 };
  bl_record *record;
  bl_record_view view;
  int ended = 0;
  assert_int_equal(bl_record_open(&record, scratch("live.nc"), columns, 2, 0, ROWS, &provenance), BL_OK);
  const pid_t writer = fork();
  assert_true(writer >= 0);
  if (writer == 0) {
    for (int64_t round = 0; round < ROWS; round++) {
      const double values[2] = {1.0 + (double)round, 2.0 + (double)round};
      if (bl_record_append(record, round, values) != BL_OK)
        _exit(1);
    }
    _exit(0);
  }
  size_t rows = 0;
  for (pid_t gone = 0; gone == 0;) {
    gone = waitpid(writer, &ended, WNOHANG);
    assert_int_equal(bl_record_read(&view, scratch("live.nc")), BL_OK);
    assert_in_range(view.rows, rows, ROWS);
    rows = view.rows;
    for (size_t i = 0; i < rows; i++)
      if (view.numbers[i] != (int)i || view.values[i] != 1.0 + (double)i || view.values[rows + i] != 2.0 + (double)i)
        fail_msg("row %zu of %zu: round %d, %g, %g", i, rows, view.numbers[i], view.values[i], view.values[rows + i]);
    bl_record_view_destroy(&view);
  }
  assert_int_equal(ended, 0);
  assert_int_equal(rows, ROWS);
  assert_int_equal(bl_record_close(&record), BL_OK);
}

/* A reader that keeps the file open must not stop the run. */
static void a_reader_does_not_hinder(void **state) {
  (void)state;
  bl_record *record;
  int ncid;
  double values[100];
  assert_int_equal(bl_record_open(&record, scratch("read.nc"), columns, 2, 0, 10, &provenance), BL_OK);
  assert_int_equal(nc_open(scratch("read.nc"), NC_NOWRITE, &ncid), NC_NOERR);
  append(record, 0, 5, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(bl_record_open(&record, scratch("read.nc"), columns, 2, 3, 10, &provenance), BL_OK);
  append(record, 3, 6, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  nc_close(ncid);
  assert_int_equal(rows_of(values, scratch("read.nc"), "round"), 6);
}

static void a_resume_drops_later_rows(void **state) {
  (void)state;
  bl_record *record;
  double values[100];
  assert_int_equal(bl_record_open(&record, scratch("resume.nc"), columns, 2, 0, 10, &provenance), BL_OK);
  append(record, 0, 10, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(bl_record_open(&record, scratch("resume.nc"), columns, 2, 6, 10, &provenance), BL_OK);
  assert_int_equal(rows_of(values, scratch("resume.nc"), "round"), 6);
  append(record, 6, 8, 100.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(rows_of(values, scratch("resume.nc"), "critic_loss"), 8);
  const double expected[8] = {0, 1, 2, 3, 4, 5, 106, 107};
  assert_memory_equal(values, expected, sizeof expected);
  /* Begun anew. */
  assert_int_equal(bl_record_open(&record, scratch("resume.nc"), columns, 2, 0, 10, &provenance), BL_OK);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(rows_of(values, scratch("resume.nc"), "round"), 0);
}

static void a_new_column_is_empty_in_old_rows(void **state) {
  (void)state;
  bl_record *record;
  double values[100];
  const bl_record_column more[2] = {{"seconds", "s", "time"}, {"fid", "1", "distance"}};
  assert_int_equal(bl_record_open(&record, scratch("columns.nc"), columns, 2, 0, 10, &provenance), BL_OK);
  append(record, 0, 3, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(bl_record_open(&record, scratch("columns.nc"), more, 2, 2, 10, &provenance), BL_OK);
  append(record, 2, 3, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(rows_of(values, scratch("columns.nc"), "fid"), 3);
  assert_true(isnan(values[0]) && isnan(values[1]) && values[2] == 1.0);
  assert_int_equal(rows_of(values, scratch("columns.nc"), "seconds"), 3);
  assert_true(values[1] == 0.5);
}

static void a_damaged_record_is_put_aside(void **state) {
  (void)state;
  bl_record *record;
  double values[100];
  struct stat what;
  write_bytes(scratch("bad.nc"), "no netCDF", 9);
  bl_log_speak(false);
  assert_int_equal(bl_record_open(&record, scratch("bad.nc"), columns, 2, 4, 10, &provenance), BL_OK);
  bl_log_speak(true);
  append(record, 4, 6, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  assert_int_equal(rows_of(values, scratch("bad.nc"), "round"), 2);
  assert_int_equal(stat(scratch("bad.nc.damaged"), &what), 0);
}

/* Files that other programs wrote: of an attribute with many values none may be taken, let alone written past its place. */
static void nonsense_in_a_record_is_refused(void **state) {
  (void)state;
  enum { MANY = 100000 };
  static long long many[MANY];
  const int first = 0, values[2] = {1, 2};
  for (int rank = 1; rank <= 2; rank++) {
    int ncid, dimensions[2], variable;
    bl_record_view view;
    for (int i = 0; i < MANY; i++)
      many[i] = 7;
    assert_int_equal(nc_create(scratch("forged.nc"), NC_NETCDF4, &ncid), NC_NOERR);
    assert_int_equal(nc_def_dim(ncid, "round", 1, &dimensions[0]), NC_NOERR);
    assert_int_equal(nc_def_dim(ncid, "other", 2, &dimensions[1]), NC_NOERR);
    assert_int_equal(nc_def_var(ncid, "round", NC_INT, rank, dimensions, &variable), NC_NOERR);
    assert_int_equal(nc_put_att_longlong(ncid, NC_GLOBAL, "rounds", NC_INT64, MANY, many), NC_NOERR);
    assert_int_equal(rank == 1 ? nc_put_var_int(ncid, variable, &first) : nc_put_var_int(ncid, variable, values), NC_NOERR);
    assert_int_equal(nc_close(ncid), NC_NOERR);
    assert_int_equal(bl_record_read(&view, scratch("forged.nc")), rank == 1 ? BL_OK : BL_ERROR_INPUT);
    assert_true(rank == 1 || message_has("variable round: found 2 dimensions"));
    assert_int_equal(view.rounds, 0);
    bl_record_view_destroy(&view);
  }
}

static void an_impossible_place_is_refused(void **state) {
  (void)state;
  bl_record *record;
  write_bytes(scratch("plain"), "x", 1);
  assert_int_equal(bl_record_open(&record, scratch("plain/record.nc"), columns, 2, 0, 10, &provenance), BL_ERROR_SYSTEM);
  assert_true(message_has("plain"));
  assert_null(record);
}

/* Cut anywhere among the rows, or with any bit of rows or header changed, but for the padding between: noticed. */
static void damage_is_noticed(void **state) {
  (void)state;
  enum { ROWS = 6 };
  uint8_t *bytes;
  bl_record *record;
  bl_record_view view;
  char *path = strdup(scratch("damaged.nc"));
  assert_int_equal(bl_record_open(&record, path, columns, 2, 0, ROWS, &provenance), BL_OK);
  append(record, 0, ROWS, 0.0);
  assert_int_equal(bl_record_close(&record), BL_OK);
  const size_t size = read_bytes(&bytes, path), row = 4 + 2 * 8 + 4, begin = size - ROWS * row;
  for (size_t cut = begin; cut < size; cut += 7) {
    write_bytes(path, bytes, cut);
    assert_int_equal(bl_record_read(&view, path), BL_ERROR_INPUT);
    assert_true(message_has("cut off"));
  }
  size_t noticed = 0, looked = 0, header = begin;
  while (header > 0 && bytes[header - 1] == 0)
    header--;
  for (size_t at = 0; at < size; at += at < header || at >= begin ? 5 : 1) {
    if (at >= header && at < begin)
      continue;
    bytes[at] ^= 0x20;
    write_bytes(path, bytes, size);
    const bool refused = bl_record_read(&view, path) != BL_OK;
    if (!refused)
      printf("byte %zu of %zu, header %zu, rows from %zu: not noticed\n", at, size, header, begin);
    noticed += refused;
    bl_record_view_destroy(&view);
    bl_status_clear();
    bytes[at] ^= 0x20;
    looked++;
  }
  assert_int_equal(noticed, looked);
  /* Fewer rows than there are, and rounds that do not rise. */
  bytes[11] = 2;
  write_bytes(path, bytes, size);
  assert_int_equal(bl_record_read(&view, path), BL_ERROR_INPUT);
  assert_true(message_has("says 2 rows, but there are 6"));
  bytes[11] = ROWS;
  bytes[begin + row + 3] = 0;
  write_bytes(path, bytes, size);
  assert_int_equal(bl_record_read(&view, path), BL_ERROR_INPUT);
  assert_true(message_has("is of round 0, after one of round 0"));
  free(bytes);
  free(path);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_are_readable_while_it_grows),
      cmocka_unit_test(a_reader_sees_whole_rows),
      cmocka_unit_test(a_reader_does_not_hinder),
      cmocka_unit_test(a_resume_drops_later_rows),
      cmocka_unit_test(a_new_column_is_empty_in_old_rows),
      cmocka_unit_test(a_damaged_record_is_put_aside),
      cmocka_unit_test(nonsense_in_a_record_is_refused),
      cmocka_unit_test(an_impossible_place_is_refused),
      cmocka_unit_test(damage_is_noticed),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
