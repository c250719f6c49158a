/* same_values A.nc B.nc [VARIABLE...]: whether two netCDF files hold the same variables with the same bits, in all groups;
 * attributes (who made it, when, on how many ranks) may differ, and so may the VARIABLEs named. Exit status 0 or 1. */
#include <netcdf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 64, VARIABLES = 4096 };

static int except_count;
static char **except;
static size_t compared; /* bytes */

static void check(int code, const char *what) {
  if (code == NC_NOERR)
    return;
  fprintf(stderr, "%s: %s\n", what, nc_strerror(code));
  exit(1);
}

static void differ(const char *what, const char *name) {
  fprintf(stderr, "%s of %s differs\n", what, name);
  exit(1);
}

/* The bytes of a variable. */
static void *read_variable(size_t *bytes, int group, int variable, const char *name) {
  int rank, dimensions[NC_MAX_VAR_DIMS];
  nc_type type;
  check(nc_inq_var(group, variable, NULL, &type, &rank, dimensions, NULL), name);
  check(nc_inq_type(group, type, NULL, bytes), name);
  for (int d = 0; d < rank; d++) {
    size_t length;
    check(nc_inq_dimlen(group, dimensions[d], &length), name);
    *bytes *= length;
  }
  void *data = calloc(*bytes + 1, 1);
  if (data == NULL)
    exit(1);
  check(nc_get_var(group, variable, data), name);
  return data;
}

static void compare_variable(int a, int b, int variable) {
  char name[NC_MAX_NAME + 1];
  int other;
  check(nc_inq_varname(a, variable, name), "a variable");
  if (strcmp(name, "row_checksum") == 0) /* of values that may differ */
    return;
  for (int i = 0; i < except_count; i++)
    if (strcmp(name, except[i]) == 0)
      return;
  check(nc_inq_varid(b, name, &other), name);
  size_t bytes[2];
  void *data[2] = {read_variable(&bytes[0], a, variable, name), read_variable(&bytes[1], b, other, name)};
  if (bytes[0] != bytes[1])
    differ("the size", name);
  if (memcmp(data[0], data[1], bytes[0]) != 0)
    differ("a value", name);
  compared += bytes[0];
  free(data[0]);
  free(data[1]);
}

static void compare_groups(int a, int b) {
  int counts[2], groups[GROUPS], variables[VARIABLES];
  check(nc_inq_varids(a, &counts[0], NULL), "variables");
  check(nc_inq_varids(b, &counts[1], NULL), "variables");
  if (counts[0] != counts[1] || counts[0] > VARIABLES)
    differ("the number", "variables");
  check(nc_inq_varids(a, &counts[0], variables), "variables");
  for (int i = 0; i < counts[0]; i++)
    compare_variable(a, b, variables[i]);
  check(nc_inq_grps(a, &counts[0], NULL), "groups");
  check(nc_inq_grps(b, &counts[1], NULL), "groups");
  if (counts[0] != counts[1] || counts[0] > GROUPS)
    differ("the number", "groups");
  check(nc_inq_grps(a, &counts[0], groups), "groups");
  for (int i = 0; i < counts[0]; i++) {
    char name[NC_MAX_NAME + 1];
    int other;
    check(nc_inq_grpname(groups[i], name), "a group");
    check(nc_inq_ncid(b, name, &other), name);
    compare_groups(groups[i], other);
  }
}

int main(int argc, char **argv) {
  int files[2];
  if (argc < 3)
    return 2;
  except = argv + 3;
  except_count = argc - 3;
  for (int i = 0; i < 2; i++)
    check(nc_open(argv[1 + i], NC_NOWRITE, &files[i]), argv[1 + i]);
  compare_groups(files[0], files[1]);
  for (int i = 0; i < 2; i++)
    nc_close(files[i]);
  printf("%zu bytes are equal\n", compared);
  return compared > 0 ? 0 : 1;
}
