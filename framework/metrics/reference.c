#include "metrics/reference.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "metrics/summary.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "store/container.h"
#include "store/output.h"

#include <errno.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONTENT "reference statistics"

enum { TEXT_LENGTH = 256 };

static bl_status allocate(bl_reference *reference, int size, MPI_Comm comm) {
  *reference = (bl_reference){.size = size};
  BL_TRY(bl_allocate(&reference->mean, (size_t)size, sizeof *reference->mean));
  return bl_symmetric_create(&reference->covariance, size, comm);
}

void bl_reference_destroy(bl_reference *reference) {
  bl_free(&reference->mean);
  bl_symmetric_destroy(&reference->covariance);
  reference->size = 0;
}

/* Which images: their number and a hash of all pixels. */
static bl_status describe_images(char *text, size_t size, const bl_images *images) {
  uint64_t hash = BL_HASH_EMPTY;
  float *values = NULL;
  uint8_t *pixels = NULL;
  bl_status status;
  BL_GOTO(bl_allocate(&values, BL_FEATURES_BATCH * images->size, sizeof *values));
  BL_GOTO(bl_allocate(&pixels, BL_FEATURES_BATCH * images->size, sizeof *pixels));
  for (size_t first = 0; first < images->count; first += BL_FEATURES_BATCH) {
    const size_t left = images->count - first, rows = left < BL_FEATURES_BATCH ? left : BL_FEATURES_BATCH;
    BL_GOTO(bl_images_fetch(values, images, first, rows));
    bl_dataset_quantise(pixels, values, rows * images->size);
    hash = bl_hash_bytes(hash, pixels, rows * images->size);
  }
  snprintf(text, size, "%zu images %016llx", images->count, (unsigned long long)hash);
done:
  bl_free(&values);
  bl_free(&pixels);
  return status;
}

/* ---- The file, on rank 0, which has the covariance whole for it
 * --------------------------------------------------------------------------------------------- */

static bl_status define_and_put(int ncid, const char *path, const bl_reference *reference, const double *whole,
                                const char *features, const char *images) {
  int dimensions[2], mean, covariance, count;
  const long long number = (long long)reference->count;
  BL_NETCDF(nc_def_dim(ncid, "feature", (size_t)reference->size, &dimensions[0]), path);
  dimensions[1] = dimensions[0];
  BL_TRY(bl_container_variable(&mean, ncid, path, "mean", NC_DOUBLE, 1, dimensions, "1", "mean of the features"));
  BL_TRY(bl_container_variable(&covariance, ncid, path, "covariance", NC_DOUBLE, 2, dimensions, "1",
                               "covariance of the features, divisor count - 1"));
  BL_TRY(bl_container_variable(&count, ncid, path, "count", NC_INT64, 0, NULL, "1", "images"));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "features", features));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "images", images));
  BL_NETCDF(nc_enddef(ncid), path);
  BL_NETCDF(nc_put_var_double(ncid, mean, reference->mean), path);
  BL_NETCDF(nc_put_var_double(ncid, covariance, whole), path);
  BL_NETCDF(nc_put_var_longlong(ncid, count, &number), path);
  return BL_OK;
}

static bl_status write_file(const char *path, const bl_reference *reference, const double *whole, const char *features,
                            const char *images, const bl_provenance *provenance) {
  int ncid;
  BL_TRY(bl_container_create(&ncid, path, CONTENT, provenance));
  bl_status status = define_and_put(ncid, path, reference, whole, features, images);
  if (status != BL_OK) {
    bl_container_abandon(ncid);
    return status;
  }
  return bl_container_write(ncid, path);
}

static bl_status check_made_of(int ncid, const char *path, const char *attribute, const char *expected) {
  char found[TEXT_LENGTH];
  bl_container_get_text(found, sizeof found, ncid, attribute);
  if (strcmp(found, expected) == 0)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: was made of %s \"%s\", expected \"%s\"; delete it, or name another metrics.reference",
                 path, attribute, found, expected);
}

static bl_status get_variable(double *values, int ncid, const char *path, const char *name, int rank, size_t size) {
  int variable, found_rank, dimensions[NC_MAX_VAR_DIMS];
  nc_type type;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_varid(ncid, name, &variable), path, name));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var(ncid, variable, NULL, &type, &found_rank, dimensions, NULL), path,
                             name));
  bool fits = found_rank == rank && type == NC_DOUBLE;
  for (int i = 0; fits && i < rank; i++) {
    size_t length;
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(ncid, dimensions[i], &length), path, name));
    fits = length == size;
  }
  if (!fits)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: expected %d dimensions of %zu elements of type double", path, name,
                   rank, size);
  return bl_container_result(BL_ERROR_INPUT, nc_get_var_double(ncid, variable, values), path, name);
}

static bl_status get_all(bl_reference *reference, double *whole, int ncid, const char *path, const char *features,
                         const char *images) {
  char content[TEXT_LENGTH];
  double count;
  bl_container_get_text(content, sizeof content, ncid, "content");
  if (strcmp(content, CONTENT) != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: holds %s%s%s, expected " CONTENT " (metrics.reference)", path,
                   content[0] ? "a \"" : "something else", content, content[0] ? "\"" : "");
  BL_TRY(check_made_of(ncid, path, "features", features));
  if (images)
    BL_TRY(check_made_of(ncid, path, "images", images));
  BL_TRY(get_variable(reference->mean, ncid, path, "mean", 1, (size_t)reference->size));
  BL_TRY(get_variable(whole, ncid, path, "covariance", 2, (size_t)reference->size));
  BL_TRY(bl_container_get_number(&count, ncid, path, "count"));
  if (!(count >= 0.0 && count < 0x1p53))
    return bl_fail(BL_ERROR_INPUT, "%s: variable count is %g, expected a number of images", path, count);
  reference->count = (size_t)count;
  return BL_OK;
}

static bl_status read_file(bl_reference *reference, double *whole, const char *path, const char *features,
                           const char *images) {
  int ncid;
  BL_TRY(bl_container_open(&ncid, path));
  bl_status status = get_all(reference, whole, ncid, path, features, images);
  nc_close(ncid);
  return status;
}

/* ---- All ranks ---------------------------------------------------------------------------------------------------------
 */

/* What rank 0 read, to all. */
static bl_status share(bl_reference *reference, const double *whole, MPI_Comm comm) {
  unsigned long long count = reference->count;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&count, 1, MPI_UNSIGNED_LONG_LONG, 0, comm), comm));
  reference->count = (size_t)count;
  BL_TRY(BL_MPI(MPI_Bcast(reference->mean, reference->size, MPI_DOUBLE, 0, comm)));
  return bl_symmetric_scatter(&reference->covariance, whole, comm);
}

static bl_status read_shared(bl_reference *reference, const char *path, const char *features, const char *images, int rank,
                             MPI_Comm comm) {
  const size_t size = (size_t)reference->size;
  double *whole = NULL;
  bl_status status = BL_OK;
  if (rank == 0)
    status = bl_allocate(&whole, size * size, sizeof *whole);
  if (rank == 0 && status == BL_OK)
    status = read_file(reference, whole, path, features, images);
  BL_GOTO(bl_agree(status, comm));
  status = share(reference, whole, comm);
done:
  bl_free(&whole);
  return status;
}

static bl_status write_shared(const char *path, const bl_reference *reference, const char *features, const char *images,
                              const bl_provenance *provenance, int rank, MPI_Comm comm) {
  const size_t size = (size_t)reference->size;
  double *whole = NULL;
  bl_status status;
  BL_GOTO(bl_agree(rank == 0 ? bl_allocate(&whole, size * size, sizeof *whole) : BL_OK, comm));
  BL_GOTO(bl_symmetric_gather(whole, &reference->covariance, comm));
  status = bl_agree(rank == 0 ? write_file(path, reference, whole, features, images, provenance) : BL_OK, comm);
done:
  bl_free(&whole);
  return status;
}

static bl_status compute(bl_reference *reference, bl_features *features, const bl_images *real, MPI_Comm comm) {
  bl_summary summary;
  BL_TRY(bl_summary_gather(&summary, &(bl_summary_plan){.features = features, .statistics = true}, real, comm));
  const bl_reference empty = *reference;
  *reference = (bl_reference){empty.size, summary.count, summary.mean, summary.covariance};
  summary.mean = empty.mean;
  summary.covariance = empty.covariance;
  bl_summary_destroy(&summary);
  return BL_OK;
}

static bl_status get(bl_reference *reference, const char *path, bl_features *features, const bl_images *real,
                     const bl_provenance *provenance, int rank, MPI_Comm comm) {
  char images[TEXT_LENGTH] = ""; /* on rank 0 */
  int there = rank == 0 && path[0] != '\0' && (access(path, F_OK) == 0 || errno != ENOENT);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&there, 1, MPI_INT, 0, comm), comm));
  if (!there && !real)
    return bl_fail(BL_ERROR_INPUT, "%s: no such file, and no data set to compute it from; set data.file", path);
  if (real)
    BL_TRY(bl_features_check(features, real->points, real->size));
  if (!there)
    BL_AGREE(rank == 0 && path[0] != '\0' ? bl_output_check(path) : BL_OK, comm);
  if (real && path[0] != '\0')
    BL_AGREE(rank == 0 ? describe_images(images, sizeof images, real) : BL_OK, comm);
  if (there)
    return read_shared(reference, path, bl_features_name(features), real ? images : NULL, rank, comm);
  BL_TRY(compute(reference, features, real, comm));
  if (path[0] == '\0')
    return BL_OK;
  bl_log("writing the statistics of the %zu real images to %s", real->count, path);
  return write_shared(path, reference, bl_features_name(features), images, provenance, rank, comm);
}

bl_status bl_reference_get(bl_reference *reference, const char *path, bl_features *features, const bl_images *real,
                           const bl_provenance *provenance, MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  bl_status status = bl_agree(allocate(reference, bl_features_size(features), comm), comm);
  if (status == BL_OK)
    status = get(reference, path, features, real, provenance, rank, comm);
  if (status != BL_OK)
    bl_reference_destroy(reference);
  return status;
}
