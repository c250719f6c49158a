#include "base/memory.h"
#include "programs/inspect.h"
#include "store/container.h"

#include <math.h>
#include <netcdf.h>

void bl_summary_add(bl_summary *summary, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!isfinite(values[i])) {
      summary->not_finite++;
      continue;
    }
    if (summary->count == 0 || values[i] < summary->least)
      summary->least = values[i];
    if (summary->count == 0 || values[i] > summary->most)
      summary->most = values[i];
    summary->count++;
    summary->sum += values[i];
    summary->squares += values[i] * values[i];
  }
}

double bl_summary_mean(const bl_summary *summary) {
  return summary->count > 0 ? summary->sum / (double)summary->count : NAN;
}

double bl_summary_deviation(const bl_summary *summary) {
  const double mean = bl_summary_mean(summary);
  return summary->count > 0 ? sqrt(fmax(0.0, summary->squares / (double)summary->count - mean * mean)) : NAN;
}

bl_status bl_inspect_numbers(double **values, size_t *count, int group, int variable, const char *path) {
  char name[NC_MAX_NAME + 1] = "";
  int rank, dimensions[NC_MAX_VAR_DIMS];
  size_t sizes[NC_MAX_VAR_DIMS], bytes, size;
  *values = NULL;
  nc_type type;
  int code = nc_inq_var(group, variable, name, &type, &rank, dimensions, NULL);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, code, path, "a variable"));
  if (type == NC_CHAR || type > NC_UINT64)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected numbers, found another type", path, name);
  for (int d = 0; d < rank; d++)
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(group, dimensions[d], &sizes[d]), path, name));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_type(group, type, NULL, &size), path, name));
  BL_TRY(bl_container_plausible(&bytes, path, name, sizes, rank, size));
  *count = bytes / size;
  BL_TRY(bl_allocate(values, *count, sizeof **values));
  code = nc_get_var_double(group, variable, *values);
  if (code != NC_NOERR)
    bl_free(values);
  return bl_container_result(BL_ERROR_INPUT, code, path, name);
}
