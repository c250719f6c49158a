#include "store/dataset.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "store/container.h"

#include <limits.h>
#include <netcdf.h>
#include <string.h>

enum { LARGEST_CLASSES = 1 << 20 }; /* keeps a damaged header from asking for the moon */

size_t bl_dataset_sample_size(const bl_dataset *dataset) {
  return (size_t)dataset->channels * (size_t)dataset->height * (size_t)dataset->width;
}

void bl_dataset_destroy(bl_dataset *dataset) {
  bl_free(&dataset->pixels);
  bl_free(&dataset->points);
  bl_free(&dataset->labels);
  bl_free(&dataset->class_names);
  memset(dataset, 0, sizeof *dataset);
}

void bl_dataset_sample(float *values, const bl_dataset *dataset, size_t index) {
  const size_t size = bl_dataset_sample_size(dataset);
  if (dataset->points != NULL) {
    memcpy(values, dataset->points + index * size, size * sizeof *values);
    return;
  }
  bl_sample_values(values, dataset->pixels + index * size, size);
}

void bl_dataset_quantise(uint8_t *pixels, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float level = (values[i] + 1.0F) * 127.5F;
    /* Written so that NaN gives 0. */
    pixels[i] = (uint8_t)(level > 0.0F ? (level < 255.0F ? level + 0.5F : 255.0F) : 0.0F);
  }
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

bl_status bl_dataset_take(bl_dataset *dataset, const bl_sample_file *file, size_t count) {
  *dataset = (bl_dataset){.count = count < file->count ? count : file->count,
                          .channels = file->channels,
                          .height = file->height,
                          .width = file->width};
  const size_t elements = dataset->count * bl_sample_file_size(file);
  bl_status status;
  if (file->points)
    BL_GOTO(bl_allocate(&dataset->points, elements, sizeof *dataset->points));
  else
    BL_GOTO(bl_allocate(&dataset->pixels, elements, 1));
  status = bl_sample_file_read(file->points ? (void *)dataset->points : (void *)dataset->pixels, file, 0, dataset->count);
done:
  if (status != BL_OK)
    bl_dataset_destroy(dataset);
  return status;
}

static bl_status read_labels(bl_dataset *dataset, int ncid, const char *path) {
  size_t sizes[4], length, bytes;
  int variable, classes = 0;
  if (nc_inq_varid(ncid, "label", &variable) != NC_NOERR)
    return BL_OK;
  BL_TRY(bl_container_sizes(sizes, ncid, variable, path, "label", 1, NC_INT, "1 (sample) of type int"));
  if (sizes[0] != dataset->count)
    return bl_fail(BL_ERROR_INPUT, "%s: variable label: found %zu labels, expected one for each of %zu samples", path,
                   sizes[0], dataset->count);
  BL_TRY(bl_allocate(&dataset->labels, dataset->count, sizeof *dataset->labels));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_var_int(ncid, variable, dataset->labels), path,
                             "variable label is damaged"));
  int32_t largest = 0;
  for (size_t i = 0; i < dataset->count; i++) {
    if (dataset->labels[i] < 0 || dataset->labels[i] >= LARGEST_CLASSES)
      return bl_fail(BL_ERROR_INPUT, "%s: label of sample %zu: found %d, expected 0 to %d", path, i, dataset->labels[i],
                     LARGEST_CLASSES - 1);
    largest = dataset->labels[i] > largest ? dataset->labels[i] : largest;
  }
  dataset->classes = largest + 1;
  if (nc_inq_attlen(ncid, variable, "classes", &length) == NC_NOERR) {
    if (length != 1)
      return bl_fail(BL_ERROR_INPUT, "%s: variable label: its attribute classes has %zu values, expected 1", path, length);
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_att_int(ncid, variable, "classes", &classes), path,
                               "attribute classes of label"));
    if (classes <= largest || classes > LARGEST_CLASSES)
      return bl_fail(BL_ERROR_INPUT, "%s: variable label: its attribute classes is %d, but labels go up to %d", path,
                     classes, largest);
    dataset->classes = classes;
  }
  if (nc_inq_varid(ncid, "label_name", &variable) != NC_NOERR)
    return BL_OK;
  BL_TRY(bl_container_sizes(sizes, ncid, variable, path, "label_name", 2, NC_CHAR, "2 (class, letter) of type char"));
  if (sizes[0] != (size_t)dataset->classes || sizes[1] > BL_DATASET_NAME)
    return bl_fail(BL_ERROR_INPUT, "%s: variable label_name: found %zu names of %zu letters, expected %d of at most %d",
                   path, sizes[0], sizes[1], dataset->classes, BL_DATASET_NAME);
  BL_TRY(bl_container_plausible(&bytes, path, "label_name", sizes, 1, BL_DATASET_NAME));
  BL_TRY(bl_allocate(&dataset->class_names, (size_t)dataset->classes, sizeof *dataset->class_names));
  for (size_t class = 0; class < (size_t)dataset->classes; class ++) {
    char *name = dataset->class_names[class];
    const size_t start[2] = {class, 0}, count[2] = {1, sizes[1]};
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_vara_text(ncid, variable, start, count, name), path,
                               "variable label_name is damaged"));
    name[BL_DATASET_NAME - 1] = '\0';
  }
  return BL_OK;
}

bl_status bl_dataset_read(bl_dataset *dataset, const char *path) {
  bl_sample_file file;
  memset(dataset, 0, sizeof *dataset);
  BL_TRY(bl_sample_file_open(&file, path));
  bl_status status = bl_dataset_take(dataset, &file, file.count);
  if (status == BL_OK)
    status = read_labels(dataset, file.ncid, path);
  bl_sample_file_close(&file);
  if (status != BL_OK)
    bl_dataset_destroy(dataset);
  return status;
}

/* ---- Sharing -------------------------------------------------------------------------------------------------------- */

/* MPI counts are int; larger arrays go in pieces. */
static bl_status broadcast(void *data, size_t bytes, MPI_Comm comm) {
  BL_TRY(bl_barrier(comm));
  for (size_t done = 0; done < bytes;) {
    const size_t step = bytes - done < (size_t)INT_MAX ? bytes - done : (size_t)INT_MAX;
    BL_TRY(BL_MPI(MPI_Bcast((char *)data + done, (int)step, MPI_BYTE, 0, comm)));
    done += step;
  }
  return BL_OK;
}

static bl_status allocate_like(bl_dataset *dataset, bool points, bool labels, bool names) {
  const size_t elements = dataset->count * bl_dataset_sample_size(dataset);
  if (points)
    BL_TRY(bl_allocate(&dataset->points, elements, sizeof *dataset->points));
  else
    BL_TRY(bl_allocate(&dataset->pixels, elements, sizeof *dataset->pixels));
  if (labels)
    BL_TRY(bl_allocate(&dataset->labels, dataset->count, sizeof *dataset->labels));
  if (names)
    BL_TRY(bl_allocate(&dataset->class_names, (size_t)dataset->classes, sizeof *dataset->class_names));
  return BL_OK;
}

bl_status bl_dataset_read_shared(bl_dataset *dataset, const char *path, MPI_Comm comm) {
  int rank;
  memset(dataset, 0, sizeof *dataset);
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? bl_dataset_read(dataset, path) : BL_OK, comm);
  uint64_t header[8] = {dataset->count,           (uint64_t)dataset->channels, (uint64_t)dataset->height,
                        (uint64_t)dataset->width, (uint64_t)dataset->classes,  dataset->points != NULL,
                        dataset->labels != NULL,  dataset->class_names != NULL};
  bl_status status;
  BL_GOTO(broadcast(header, sizeof header, comm));
  if (rank != 0) {
    dataset->count = (size_t)header[0];
    dataset->channels = (int)header[1];
    dataset->height = (int)header[2];
    dataset->width = (int)header[3];
    dataset->classes = (int)header[4];
    status = allocate_like(dataset, header[5] != 0, header[6] != 0, header[7] != 0);
  }
  BL_GOTO(bl_agree(status, comm));
  const size_t elements = dataset->count * bl_dataset_sample_size(dataset);
  if (dataset->points != NULL)
    BL_GOTO(broadcast(dataset->points, elements * sizeof *dataset->points, comm));
  else
    BL_GOTO(broadcast(dataset->pixels, elements, comm));
  if (dataset->labels != NULL)
    BL_GOTO(broadcast(dataset->labels, dataset->count * sizeof *dataset->labels, comm));
  if (dataset->class_names != NULL)
    BL_GOTO(broadcast(dataset->class_names, (size_t)dataset->classes * sizeof *dataset->class_names, comm));
done:
  if (status != BL_OK)
    bl_dataset_destroy(dataset);
  return status;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

bl_status bl_dataset_put(const bl_dataset *dataset, int ncid, const char *path) {
  int dimensions[4], variable;
  BL_NETCDF(nc_def_dim(ncid, "sample", dataset->count, &dimensions[0]), path);
  const size_t size = bl_dataset_sample_size(dataset) * (dataset->points != NULL ? sizeof(float) : 1);
  size_t chunk[4] = {BL_SAMPLE_BLOCK / size, (size_t)dataset->channels, (size_t)dataset->height, (size_t)dataset->width};
  chunk[0] = chunk[0] < 1 ? 1 : chunk[0] > dataset->count ? dataset->count : chunk[0];
  if (dataset->points != NULL) {
    BL_NETCDF(nc_def_dim(ncid, "dimension", (size_t)dataset->channels, &dimensions[1]), path);
    BL_TRY(bl_container_variable(&variable, ncid, path, "point", NC_FLOAT, 2, dimensions, "1", "coordinates of a point"));
  } else {
    BL_NETCDF(nc_def_dim(ncid, "channel", (size_t)dataset->channels, &dimensions[1]), path);
    BL_NETCDF(nc_def_dim(ncid, "height", (size_t)dataset->height, &dimensions[2]), path);
    BL_NETCDF(nc_def_dim(ncid, "width", (size_t)dataset->width, &dimensions[3]), path);
    BL_TRY(bl_container_variable(&variable, ncid, path, "image", NC_UBYTE, 4, dimensions, "1",
                                 "pixels, 0 (black) to 255; channels are grey or red, green, blue"));
  }
  BL_NETCDF(nc_def_var_chunking(ncid, variable, NC_CHUNKED, chunk), path);
  BL_NETCDF(nc_def_var_deflate(ncid, variable, NC_NOSHUFFLE, 1, 1), path);
  BL_NETCDF(nc_def_var_fletcher32(ncid, variable, NC_FLETCHER32), path);
  BL_NETCDF(nc_enddef(ncid), path);
  if (dataset->points != NULL)
    BL_NETCDF(nc_put_var_float(ncid, variable, dataset->points), path);
  else
    BL_NETCDF(nc_put_var_uchar(ncid, variable, dataset->pixels), path);
  return BL_OK;
}

static bl_status write_labels(const bl_dataset *dataset, int ncid, const char *path) {
  enum { LEAST = 64 }; /* which older versions read at most */
  int dimensions[2], variable, sample;
  size_t letters = LEAST;
  for (int class = 0; dataset->class_names != NULL && class < dataset->classes; class ++)
    letters = strlen(dataset->class_names[class]) >= letters ? strlen(dataset->class_names[class]) + 1 : letters;
  BL_NETCDF(nc_redef(ncid), path);
  BL_NETCDF(nc_inq_dimid(ncid, "sample", &sample), path);
  BL_TRY(bl_container_variable(&variable, ncid, path, "label", NC_INT, 1, &sample, "1", "class number, from 0"));
  BL_NETCDF(nc_put_att_int(ncid, variable, "classes", NC_INT, 1, &dataset->classes), path);
  BL_NETCDF(nc_put_var_int(ncid, variable, dataset->labels), path);
  if (dataset->class_names == NULL)
    return BL_OK;
  BL_NETCDF(nc_def_dim(ncid, "class", (size_t)dataset->classes, &dimensions[0]), path);
  BL_NETCDF(nc_def_dim(ncid, "letter", letters, &dimensions[1]), path);
  BL_TRY(bl_container_variable(&variable, ncid, path, "label_name", NC_CHAR, 2, dimensions, "1", "name of the class"));
  for (size_t class = 0; class < (size_t)dataset->classes; class ++)
    BL_NETCDF(nc_put_vara_text(ncid, variable, (const size_t[]){class, 0}, (const size_t[]){1, letters},
                               dataset->class_names[class]),
              path);
  return BL_OK;
}

bl_status bl_dataset_write(const bl_dataset *dataset, const char *path, const bl_provenance *provenance) {
  int ncid;
  bl_status status;
  BL_TRY(bl_container_create(&ncid, path, BL_CONTENT_DATASET, provenance));
  if (dataset->skipped > 0)
    BL_GOTO(bl_container_result(BL_ERROR_LIBRARY,
                                nc_put_att_ulonglong(ncid, NC_GLOBAL, "skipped_pictures", NC_UINT64, 1,
                                                     (const unsigned long long[]){dataset->skipped}),
                                path, "skipped_pictures"));
  BL_GOTO(bl_dataset_put(dataset, ncid, path));
  if (dataset->labels != NULL)
    BL_GOTO(write_labels(dataset, ncid, path));
  return bl_container_write(ncid, path);
done:
  bl_container_abandon(ncid);
  return status;
}
