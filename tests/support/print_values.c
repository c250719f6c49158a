/* print_values FILE.nc VARIABLE...: the numbers of variables, one a line, with nine digits; "nan" for what is missing; with
 * several variables, those of the same place side by side. For scripts that compare a table's text with its netCDF.
 *
 * print_values FILE.nc: all variables of one dimension, as a record's, or of none, each a line of its name and its numbers
 * with all their digits. */
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 4096, VARIABLES = 16 };

static void check(int code, const char *what) {
  if (code == NC_NOERR)
    return;
  fprintf(stderr, "%s: %s\n", what, nc_strerror(code));
  exit(1);
}

static int print_all(const char *path) {
  int ncid, variables;
  check(nc_open(path, NC_NOWRITE, &ncid), path);
  check(nc_inq_nvars(ncid, &variables), path);
  for (int v = 0; v < variables; v++) {
    char name[NC_MAX_NAME + 1];
    int rank, dimensions[NC_MAX_VAR_DIMS];
    size_t count = 1;
    check(nc_inq_var(ncid, v, name, NULL, &rank, dimensions, NULL), path);
    if (rank > 1 || strcmp(name, "row_checksum") == 0)
      continue;
    if (rank == 1)
      check(nc_inq_dimlen(ncid, dimensions[0], &count), name);
    double *values = malloc((count + 1) * sizeof *values);
    if (values == NULL)
      return 1;
    check(nc_get_var_double(ncid, v, values), name);
    printf("%s", name);
    for (size_t i = 0; i < count; i++)
      printf(isnan(values[i]) ? " nan" : " %.17g", values[i]);
    printf("\n");
    free(values);
  }
  nc_close(ncid);
  return 0;
}

int main(int argc, char **argv) {
  static double values[VARIABLES][VALUES];
  size_t count = 0;
  int ncid;
  if (argc == 2)
    return print_all(argv[1]);
  if (argc < 3 || argc - 2 > VARIABLES)
    return 1;
  check(nc_open(argv[1], NC_NOWRITE, &ncid), argv[1]);
  for (int v = 0; v < argc - 2; v++) {
    int variable, rank, dimensions[NC_MAX_VAR_DIMS];
    check(nc_inq_varid(ncid, argv[2 + v], &variable), argv[2 + v]);
    check(nc_inq_var(ncid, variable, NULL, NULL, &rank, dimensions, NULL), argv[2 + v]);
    count = 1;
    for (int d = 0; d < rank; d++) {
      size_t length;
      check(nc_inq_dimlen(ncid, dimensions[d], &length), argv[2 + v]);
      count *= length;
    }
    if (count > VALUES)
      return 1;
    check(nc_get_var_double(ncid, variable, values[v]), argv[2 + v]);
  }
  for (size_t i = 0; i < count; i++)
    for (int v = 0; v < argc - 2; v++) {
      const char *after = v + 1 < argc - 2 ? " " : "\n";
      if (isnan(values[v][i]))
        printf("nan%s", after);
      else
        printf("%.9g%s", values[v][i], after);
    }
  nc_close(ncid);
  return 0;
}
