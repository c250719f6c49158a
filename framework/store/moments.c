#include "store/moments.h"

#include "base/memory.h"
#include "store/container.h"

#include <math.h>
#include <netcdf.h>
#include <string.h>

#define CONTENT "moments"

enum { TEXT_LENGTH = 64 };

bl_status bl_moments_create(bl_moments *moments, int steps) {
  *moments = (bl_moments){.steps = steps};
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&moments->gamma, (size_t)steps, sizeof *moments->gamma));
  BL_GOTO(bl_allocate(&moments->error, (size_t)steps, sizeof *moments->error));
  BL_GOTO(bl_allocate(&moments->alpha_bar, (size_t)steps, sizeof *moments->alpha_bar));
done:
  if (status != BL_OK)
    bl_moments_destroy(moments);
  return status;
}

void bl_moments_destroy(bl_moments *moments) {
  bl_free(&moments->gamma);
  bl_free(&moments->error);
  bl_free(&moments->alpha_bar);
  moments->steps = 0;
}

static bl_status define_and_put(int ncid, const char *path, const bl_moments *moments) {
  int dimension, gamma, error, alpha_bar, count;
  const long long number = (long long)moments->count;
  BL_NETCDF(nc_def_dim(ncid, "step", (size_t)moments->steps, &dimension), path);
  BL_TRY(bl_container_variable(&gamma, ncid, path, "gamma", NC_DOUBLE, 1, &dimension, "1",
                               "mean square of the predicted noise per element, at steps 1 to T"));
  BL_TRY(bl_container_variable(&error, ncid, path, "standard_error", NC_DOUBLE, 1, &dimension, "1",
                               "standard error of gamma over the samples"));
  BL_TRY(bl_container_variable(&alpha_bar, ncid, path, "alpha_bar", NC_DOUBLE, 1, &dimension, "1",
                               "share of the signal's variance that is left"));
  BL_TRY(bl_container_variable(&count, ncid, path, "count", NC_INT64, 0, NULL, "1", "samples of the data at each step"));
  BL_NETCDF(nc_enddef(ncid), path);
  BL_NETCDF(nc_put_var_double(ncid, gamma, moments->gamma), path);
  BL_NETCDF(nc_put_var_double(ncid, error, moments->error), path);
  BL_NETCDF(nc_put_var_double(ncid, alpha_bar, moments->alpha_bar), path);
  BL_NETCDF(nc_put_var_longlong(ncid, count, &number), path);
  return BL_OK;
}

bl_status bl_moments_write(const bl_moments *moments, const char *path, const bl_provenance *provenance) {
  int ncid;
  BL_TRY(bl_container_create(&ncid, path, CONTENT, provenance));
  bl_status status = define_and_put(ncid, path, moments);
  if (status == BL_OK)
    return bl_container_write(ncid, path);
  bl_container_abandon(ncid);
  return status;
}

static bl_status get_variable(double *values, int ncid, const char *path, const char *name, int dimension, size_t size) {
  int variable, rank, found[NC_MAX_VAR_DIMS];
  nc_type type;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_varid(ncid, name, &variable), path, name));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var(ncid, variable, NULL, &type, &rank, found, NULL), path, name));
  if (type != NC_DOUBLE || rank != 1 || found[0] != dimension)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected %zu steps of type double", path, name, size);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_var_double(ncid, variable, values), path, name));
  for (size_t i = 0; i < size; i++)
    if (!(isfinite(values[i]) && values[i] >= 0.0))
      return bl_fail(BL_ERROR_INPUT, "%s: variable %s: step %zu is %g, expected a number of 0 or more", path, name, i + 1,
                     values[i]);
  return BL_OK;
}

static bl_status get_all(bl_moments *moments, int ncid, const char *path) {
  char content[TEXT_LENGTH];
  int dimension;
  size_t steps, bytes;
  double count;
  bl_container_get_text(content, sizeof content, ncid, "content");
  if (strcmp(content, CONTENT) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: holds %s%s%s, expected moments, made by beeline moments", path,
                   content[0] ? "a \"" : "something else", content, content[0] ? "\"" : "");
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimid(ncid, "step", &dimension), path, "dimension step"));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(ncid, dimension, &steps), path, "dimension step"));
  BL_TRY(bl_container_plausible(&bytes, path, "gamma", &steps, 1, sizeof(double)));
  if (steps < 1 || steps > 1U << 20)
    return bl_fail(BL_ERROR_INPUT, "%s: holds %zu steps, expected 1 to %u", path, steps, 1U << 20);
  BL_TRY(bl_moments_create(moments, (int)steps));
  BL_TRY(get_variable(moments->gamma, ncid, path, "gamma", dimension, steps));
  BL_TRY(get_variable(moments->error, ncid, path, "standard_error", dimension, steps));
  BL_TRY(get_variable(moments->alpha_bar, ncid, path, "alpha_bar", dimension, steps));
  BL_TRY(bl_container_get_number(&count, ncid, path, "count"));
  if (!(count >= 0.0 && count < 0x1p53))
    return bl_fail(BL_ERROR_INPUT, "%s: variable count is %g, expected a number of samples", path, count);
  moments->count = (size_t)count;
  return BL_OK;
}

bl_status bl_moments_read(bl_moments *moments, const char *path) {
  int ncid;
  *moments = (bl_moments){0};
  BL_TRY(bl_container_open(&ncid, path));
  bl_status status = get_all(moments, ncid, path);
  nc_close(ncid);
  if (status != BL_OK)
    bl_moments_destroy(moments);
  return status;
}
