#include "base/memory.h"
#include "base/print.h"
#include "programs/inspect.h"
#include "store/container.h"
#include "store/record.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>

static bl_status show_column(int ncid, int variable, const char *path) {
  char name[NC_MAX_NAME + 1] = "", units[32] = "";
  size_t length = 0, count;
  bl_summary summary = {0};
  double *values;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_varname(ncid, variable, name), path, "a column"));
  if (nc_inq_attlen(ncid, variable, "units", &length) == NC_NOERR && length < sizeof units)
    nc_get_att_text(ncid, variable, "units", units);
  BL_TRY(bl_inspect_numbers(&values, &count, ncid, variable, path));
  bl_summary_add(&summary, values, count);
  if (count > 0)
    bl_print("  %-24s %-8s %12.6g %12.6g %12.6g %12.6g%s\n", name, units, values[0], values[count - 1],
             summary.count > 0 ? summary.least : NAN, summary.count > 0 ? summary.most : NAN,
             summary.not_finite > 0 ? "  (some are not finite)" : "");
  bl_free(&values);
  return BL_OK;
}

bl_status bl_inspect_record(int ncid, const char *path) {
  int count, dimension, checksum = -1;
  size_t rows = 0;
  bl_record_view view;
  BL_TRY(bl_record_read(&view, path)); /* refuses a damaged one */
  bl_record_view_destroy(&view);
  (void)nc_inq_varid(ncid, BL_RECORD_CHECKSUM, &checksum);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_nvars(ncid, &count), path, "variables"));
  if (nc_inq_dimid(ncid, "round", &dimension) != NC_NOERR || nc_inq_dimlen(ncid, dimension, &rows) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: no record: has no dimension round", path);
  bl_print("  %zu rows\n", rows);
  if (rows == 0)
    return BL_OK;
  bl_print("\n  %-24s %-8s %12s %12s %12s %12s\n", "column", "units", "first", "last", "least", "most");
  for (int variable = 0; variable < count; variable++)
    if (variable != checksum)
      BL_TRY(show_column(ncid, variable, path));
  return BL_OK;
}
