#include "store/sample_file.h"

#include "base/memory.h"
#include "store/container.h"

#include <math.h>
#include <netcdf.h>
#include <string.h>

/* Larger than any picture or point that a network here could take; keeps a damaged header from asking for the moon. */
enum { LARGEST_SIDE = 16384 };

size_t bl_sample_file_size(const bl_sample_file *file) {
  return (size_t)file->channels * (size_t)file->height * (size_t)file->width;
}

void bl_sample_values(float *values, const uint8_t *pixels, size_t count) {
  for (size_t i = 0; i < count; i++)
    values[i] = (float)pixels[i] / 127.5F - 1.0F;
}

void bl_sample_file_close(bl_sample_file *file) {
  if (file->path)
    nc_close(file->ncid);
  bl_free(&file->path);
  bl_free(&file->samples);
  memset(file, 0, sizeof *file);
}

static size_t element_size(const bl_sample_file *file) {
  return file->points ? sizeof(float) : 1;
}

static const char *name_of(const bl_sample_file *file) {
  return file->points ? "point" : "image";
}

static bl_status find_samples(bl_sample_file *file) {
  if (nc_inq_varid(file->ncid, "image", &file->variable) == NC_NOERR)
    return BL_OK;
  file->points = true;
  if (nc_inq_varid(file->ncid, "point", &file->variable) == NC_NOERR)
    return BL_OK;
  char content[64];
  bl_container_get_text(content, sizeof content, file->ncid, "content");
  return bl_fail(BL_ERROR_INPUT,
                 "%s: no data set%s%s: has neither image(sample, channel, height, width) nor point(sample, dimension)",
                 file->path, content[0] != '\0' ? " but a " : "", content);
}

static bl_status read_shape(bl_sample_file *file) {
  size_t sizes[4] = {0, 1, 1, 1}, bytes;
  const char *path = file->path, *name = name_of(file);
  if (file->points)
    BL_TRY(bl_container_sizes(sizes, file->ncid, file->variable, path, name, 2, NC_FLOAT,
                              "2 (sample, dimension) of type float"));
  else
    BL_TRY(bl_container_sizes(sizes, file->ncid, file->variable, path, name, 4, NC_UBYTE,
                              "4 (sample, channel, height, width) of type ubyte"));
  if (sizes[0] == 0 || sizes[1] == 0 || sizes[2] == 0 || sizes[3] == 0)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: %zu samples of %zu x %zu x %zu, expected at least one of each", path,
                   name, sizes[0], sizes[1], sizes[2], sizes[3]);
  if (sizes[1] > LARGEST_SIDE || sizes[2] > LARGEST_SIDE || sizes[3] > LARGEST_SIDE)
    return bl_fail(BL_ERROR_INPUT, "%s: variable %s: samples of %zu x %zu x %zu, expected at most %d of each", path, name,
                   sizes[1], sizes[2], sizes[3], LARGEST_SIDE);
  BL_TRY(bl_container_plausible(&bytes, path, name, sizes, 4, element_size(file)));
  file->count = sizes[0];
  file->channels = (int)sizes[1];
  file->height = (int)sizes[2];
  file->width = (int)sizes[3];
  return BL_OK;
}

/* Whole chunks, so that none is inflated twice where samples are asked for in order; then a cache of chunks beside the
 * block would only take memory. */
static bl_status choose_block(bl_sample_file *file) {
  const size_t bytes = bl_sample_file_size(file) * element_size(file);
  size_t chunk[NC_MAX_VAR_DIMS] = {1}, block = bytes < BL_SAMPLE_BLOCK ? BL_SAMPLE_BLOCK / bytes : 1;
  int storage;
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var_chunking(file->ncid, file->variable, &storage, chunk), file->path,
                             name_of(file)));
  if (storage == NC_CHUNKED) {
    block = block < chunk[0] ? chunk[0] : block / chunk[0] * chunk[0];
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_set_var_chunk_cache(file->ncid, file->variable, 0, 1, 0.0F), file->path,
                               name_of(file)));
  }
  file->block = block < file->count ? block : file->count;
  return BL_OK;
}

bl_status bl_sample_file_open(bl_sample_file *file, const char *path) {
  int ncid;
  memset(file, 0, sizeof *file);
  BL_TRY(bl_container_open(&ncid, path));
  bl_status status = bl_allocate(&file->path, strlen(path) + 1, 1);
  if (status != BL_OK) {
    nc_close(ncid);
    return status;
  }
  strcpy(file->path, path);
  file->ncid = ncid;
  status = find_samples(file);
  if (status == BL_OK)
    status = read_shape(file);
  if (status == BL_OK)
    status = choose_block(file);
  if (status != BL_OK)
    bl_sample_file_close(file);
  return status;
}

static bl_status check_finite(const float *values, const bl_sample_file *file, size_t first, size_t rows) {
  const size_t size = bl_sample_file_size(file);
  for (size_t i = 0; i < rows * size; i++)
    if (!isfinite(values[i]))
      return bl_fail(BL_ERROR_INPUT, "%s: variable point: sample %zu: coordinate %zu is %g, expected a finite number",
                     file->path, first + i / size, i % size, (double)values[i]);
  return BL_OK;
}

bl_status bl_sample_file_read(void *samples, const bl_sample_file *file, size_t first, size_t rows) {
  const size_t start[4] = {first}, count[4] = {rows, (size_t)file->channels, (size_t)file->height, (size_t)file->width};
  if (file->points) {
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_vara_float(file->ncid, file->variable, start, count, samples),
                               file->path, "variable point is damaged"));
    return check_finite(samples, file, first, rows);
  }
  return bl_container_result(BL_ERROR_INPUT, nc_get_vara_uchar(file->ncid, file->variable, start, count, samples),
                             file->path, "variable image is damaged");
}

/* Hold the block with sample \a index. */
static bl_status hold(bl_sample_file *file, size_t index) {
  if (index >= file->first && index - file->first < file->held)
    return BL_OK;
  const size_t first = index / file->block * file->block, left = file->count - first;
  const size_t rows = left < file->block ? left : file->block;
  if (!file->samples)
    BL_TRY(bl_allocate(&file->samples, file->block * bl_sample_file_size(file), element_size(file)));
  file->held = 0;
  BL_TRY(bl_sample_file_read(file->samples, file, first, rows));
  file->first = first;
  file->held = rows;
  return BL_OK;
}

bl_status bl_sample_file_get(float *values, bl_sample_file *file, size_t first, size_t rows) {
  const size_t size = bl_sample_file_size(file);
  for (size_t done = 0; done < rows;) {
    BL_TRY(hold(file, first + done));
    const size_t at = first + done - file->first, left = file->held - at;
    const size_t part = left < rows - done ? left : rows - done;
    if (file->points)
      memcpy(values + done * size, (const float *)file->samples + at * size, part * size * sizeof *values);
    else
      bl_sample_values(values + done * size, (const uint8_t *)file->samples + at * size, part * size);
    done += part;
  }
  return BL_OK;
}
