#include "store/model.h"

#include "base/memory.h"
#include "store/container.h"

#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* ---- The header: global attributes ---------------------------------------------------------------------------------- */

static bl_status put_integers(int ncid, const char *path, const char *name, const int *values, int count) {
  return bl_container_result(BL_ERROR_LIBRARY, nc_put_att_int(ncid, NC_GLOBAL, name, NC_INT, (size_t)count, values), path,
                             name);
}

/* Numbers of a U-Net that a file has only where they are not 0. */
static const struct {
  const char *name;
  size_t offset; /* in bl_network_shape */
  int highest;
} variants[] = {
    {"network_attention_levels", offsetof(bl_network_shape, attention_levels), (1 << BL_NETWORK_LEVELS) - 1},
    {"network_down_padding", offsetof(bl_network_shape, down_padding), 1},
    {"network_cosine_first", offsetof(bl_network_shape, cosine_first), 1},
    {"network_unshifted", offsetof(bl_network_shape, unshifted), 1},
    {"network_groups", offsetof(bl_network_shape, groups), 1 << 16},
    {"network_head_width", offsetof(bl_network_shape, head_width), 1 << 16},
};

enum { VARIANTS = sizeof variants / sizeof *variants };

static bl_status write_variant(int ncid, const char *path, const bl_network_shape *shape) {
  for (int i = 0; i < VARIANTS; i++) {
    const int *value = (const int *)(const void *)((const char *)shape + variants[i].offset);
    if (*value != 0)
      BL_TRY(put_integers(ncid, path, variants[i].name, value, 1));
  }
  if (shape->norm_epsilon > 0.0F)
    BL_NETCDF(nc_put_att_float(ncid, NC_GLOBAL, "network_norm_epsilon", NC_FLOAT, 1, &shape->norm_epsilon), path);
  return BL_OK;
}

static bl_status write_shape(int ncid, const char *path, const bl_network_shape *shape) {
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "network_kind", bl_network_kind_name(shape->kind)));
  BL_TRY(put_integers(ncid, path, "network_channels", &shape->channels, 1));
  BL_TRY(put_integers(ncid, path, "network_height", &shape->height, 1));
  BL_TRY(put_integers(ncid, path, "network_width", &shape->width, 1));
  BL_TRY(put_integers(ncid, path, "network_base_channels", &shape->base_channels, 1));
  BL_TRY(put_integers(ncid, path, "network_multipliers", shape->multipliers, shape->multiplier_count));
  BL_TRY(put_integers(ncid, path, "network_blocks", &shape->blocks, 1));
  if (shape->patch > 1)
    BL_TRY(put_integers(ncid, path, "network_patch", &shape->patch, 1));
  BL_TRY(put_integers(ncid, path, "network_attention", shape->attention, shape->attention_count));
  BL_NETCDF(nc_put_att_float(ncid, NC_GLOBAL, "network_dropout", NC_FLOAT, 1, &shape->dropout), path);
  BL_TRY(put_integers(ncid, path, "network_widths", shape->widths, shape->width_count));
  BL_TRY(put_integers(ncid, path, "network_steps", &shape->steps, 1));
  if (shape->condition > 0)
    BL_TRY(put_integers(ncid, path, "network_condition", &shape->condition, 1));
  BL_TRY(write_variant(ncid, path, shape));
  return put_integers(ncid, path, "network_classes", &shape->classes, 1);
}

static bl_status write_header(int ncid, const char *path, const bl_model_header *header) {
  BL_TRY(write_shape(ncid, path, &header->shape));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "schedule", header->schedule));
  BL_TRY(put_integers(ncid, path, "diffusion_steps", &header->diffusion_steps, 1));
  BL_NETCDF(nc_put_att_double(ncid, NC_GLOBAL, "beta_first", NC_DOUBLE, 1, &header->beta_first), path);
  BL_NETCDF(nc_put_att_double(ncid, NC_GLOBAL, "beta_last", NC_DOUBLE, 1, &header->beta_last), path);
  if (header->prediction[0] != '\0' && strcmp(header->prediction, "epsilon") != 0)
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "prediction", header->prediction));
  if (header->distilled_steps > 0)
    BL_TRY(put_integers(ncid, path, "distilled_steps", &header->distilled_steps, 1));
  if (header->head[0] != '\0') {
    char checksum[16];
    snprintf(checksum, sizeof checksum, "%08" PRIx32, header->model_checksum);
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "head", header->head));
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "model_checksum", checksum));
  }
  if (header->accuracy > 0)
    BL_NETCDF(nc_put_att_double(ncid, NC_GLOBAL, "test_accuracy", NC_DOUBLE, 1, &header->accuracy), path);
  const long long round = header->round;
  long long steps[BL_MODEL_NETWORKS];
  size_t networks = 3; /* at least, as all files have had so far */
  for (size_t i = 0; i < BL_MODEL_NETWORKS; i++) {
    steps[i] = header->optimiser_steps[i];
    networks = steps[i] > 0 && i >= networks ? i + 1 : networks;
  }
  BL_NETCDF(nc_put_att_longlong(ncid, NC_GLOBAL, "round", NC_INT64, 1, &round), path);
  BL_NETCDF(nc_put_att_longlong(ncid, NC_GLOBAL, "optimiser_steps", NC_INT64, networks, steps), path);
  if (header->row_steps == 0)
    return BL_OK;
  const long long row_steps = header->row_steps;
  BL_NETCDF(nc_put_att_longlong(ncid, NC_GLOBAL, "row_steps", NC_INT64, 1, &row_steps), path);
  BL_NETCDF(nc_put_att_double(ncid, NC_GLOBAL, "row_sums", NC_DOUBLE, 2, header->row_sums), path);
  return BL_OK;
}

static bl_status attribute_length(size_t *length, int ncid, const char *path, const char *name, bool text) {
  nc_type type;
  if (nc_inq_att(ncid, NC_GLOBAL, name, &type, length) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: no model: has no attribute %s", path, name);
  if ((type == NC_CHAR) != text || type > NC_UINT64)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: expected %s", path, name, text ? "text" : "numbers");
  return BL_OK;
}

/* \a expected whole numbers from \a lowest to \a highest. */
static bl_status get_numbers(int64_t *values, size_t expected, int ncid, const char *path, const char *name, int64_t lowest,
                             int64_t highest) {
  enum { MOST_NUMBERS = 3 };
  size_t length;
  long long found[MOST_NUMBERS];
  BL_TRY(attribute_length(&length, ncid, path, name, false));
  if (length != expected)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: found %zu values, expected %zu", path, name, length, expected);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_att_longlong(ncid, NC_GLOBAL, name, found), path, name));
  for (size_t i = 0; i < expected; i++) {
    if (found[i] < lowest || found[i] > highest)
      return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: found %lld, expected %lld to %lld", path, name, found[i],
                     (long long)lowest, (long long)highest);
    values[i] = found[i];
  }
  return BL_OK;
}

static bl_status get_integer(int *value, int ncid, const char *path, const char *name, int lowest, int highest) {
  int64_t found;
  BL_TRY(get_numbers(&found, 1, ncid, path, name, lowest, highest));
  *value = (int)found;
  return BL_OK;
}

/* Counts of rounds or steps, each small enough that sums of a few do not overflow. */
static bl_status get_counts(int64_t *values, size_t expected, int ncid, const char *path, const char *name) {
  return get_numbers(values, expected, ncid, path, name, 0, INT64_C(1) << 53);
}

static bl_status get_integers(int values[BL_NETWORK_LEVELS], int *count, int ncid, const char *path, const char *name,
                              int highest) {
  size_t length;
  BL_TRY(attribute_length(&length, ncid, path, name, false));
  if (length > BL_NETWORK_LEVELS)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: found %zu values, expected at most %d", path, name, length,
                   BL_NETWORK_LEVELS);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_att_int(ncid, NC_GLOBAL, name, values), path, name));
  for (size_t i = 0; i < length; i++)
    if (values[i] < 1 || values[i] > highest)
      return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: value %zu is %d, expected 1 to %d", path, name, i, values[i],
                     highest);
  *count = (int)length;
  return BL_OK;
}

static bl_status get_real(double *value, int ncid, const char *path, const char *name) {
  size_t length;
  BL_TRY(attribute_length(&length, ncid, path, name, false));
  if (length != 1)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: found %zu values, expected 1", path, name, length);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_get_att_double(ncid, NC_GLOBAL, name, value), path, name));
  if (!(*value >= 0.0 && *value <= 1.0))
    return bl_fail(BL_ERROR_INPUT, "%s: attribute %s: found %g, expected 0 to 1", path, name, *value);
  return BL_OK;
}

static bool has_attribute(int ncid, const char *name) {
  return nc_inq_att(ncid, NC_GLOBAL, name, NULL, NULL) == NC_NOERR;
}

static bl_status read_variant(bl_network_shape *shape, int ncid, const char *path) {
  double epsilon = 0.0;
  for (int i = 0; i < VARIANTS; i++) {
    int *value = (int *)(void *)((char *)shape + variants[i].offset);
    *value = 0;
    if (has_attribute(ncid, variants[i].name))
      BL_TRY(get_integer(value, ncid, path, variants[i].name, 1, variants[i].highest));
  }
  if (has_attribute(ncid, "network_norm_epsilon"))
    BL_TRY(get_real(&epsilon, ncid, path, "network_norm_epsilon"));
  shape->norm_epsilon = (float)epsilon;
  shape->out_channels = 0;
  return BL_OK;
}

static bl_status read_shape(bl_network_shape *shape, int ncid, const char *path) {
  enum { SIDE = 16384, FEATURES = 1 << 16, ROWS = 1 << 20 };
  char kind[32];
  size_t length;
  double dropout;
  BL_TRY(attribute_length(&length, ncid, path, "network_kind", true));
  bl_container_get_text(kind, sizeof kind, ncid, "network_kind");
  if (bl_network_kind_parse(&shape->kind, kind) != BL_OK) {
    bl_status_clear();
    return bl_fail(BL_ERROR_INPUT, "%s: attribute network_kind: \"%s\" is no kind of network that this version knows", path,
                   kind);
  }
  BL_TRY(get_integer(&shape->channels, ncid, path, "network_channels", 1, SIDE));
  BL_TRY(get_integer(&shape->height, ncid, path, "network_height", 1, SIDE));
  BL_TRY(get_integer(&shape->width, ncid, path, "network_width", 1, SIDE));
  BL_TRY(get_integer(&shape->base_channels, ncid, path, "network_base_channels", 0, FEATURES));
  BL_TRY(get_integers(shape->multipliers, &shape->multiplier_count, ncid, path, "network_multipliers", 1024));
  BL_TRY(get_integer(&shape->blocks, ncid, path, "network_blocks", 0, 1024));
  shape->patch = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "network_patch", NULL, NULL) == NC_NOERR)
    BL_TRY(get_integer(&shape->patch, ncid, path, "network_patch", 2, 64));
  BL_TRY(get_integers(shape->attention, &shape->attention_count, ncid, path, "network_attention", SIDE));
  BL_TRY(get_real(&dropout, ncid, path, "network_dropout"));
  shape->dropout = (float)dropout;
  BL_TRY(get_integers(shape->widths, &shape->width_count, ncid, path, "network_widths", FEATURES));
  BL_TRY(get_integer(&shape->steps, ncid, path, "network_steps", 0, ROWS));
  shape->condition = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "network_condition", NULL, NULL) == NC_NOERR)
    BL_TRY(get_integer(&shape->condition, ncid, path, "network_condition", 1, 1024));
  BL_TRY(read_variant(shape, ncid, path));
  return get_integer(&shape->classes, ncid, path, "network_classes", 0, ROWS);
}

static bl_status read_head(bl_model_header *header, int ncid, const char *path) {
  char checksum[16];
  size_t length;
  header->head[0] = '\0';
  header->model_checksum = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "head", NULL, NULL) != NC_NOERR)
    return BL_OK;
  BL_TRY(attribute_length(&length, ncid, path, "head", true));
  bl_container_get_text(header->head, sizeof header->head, ncid, "head");
  BL_TRY(attribute_length(&length, ncid, path, "model_checksum", true));
  bl_container_get_text(checksum, sizeof checksum, ncid, "model_checksum");
  if (sscanf(checksum, "%8" SCNx32, &header->model_checksum) != 1)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute model_checksum: found \"%s\", expected 8 hexadecimal digits", path,
                   checksum);
  return BL_OK;
}

/* No network may be built, and no memory asked for, for weights that the file cannot hold: the largest matrix between two
 * layers, and the table of steps, say enough. Deeper levels of a UNet are convolutions of 3 x 3. */
static bl_status check_weights(const bl_network_shape *shape, const char *path) {
  size_t bytes;
  for (int i = 0; i < shape->width_count; i++) {
    const size_t before = i > 0 ? (size_t)shape->widths[i - 1] : 1;
    const size_t sizes[2] = {before, (size_t)shape->widths[i]};
    BL_TRY(bl_container_plausible(&bytes, path, "network_widths", sizes, 2, sizeof(float)));
  }
  if (shape->kind == BL_NETWORK_MLP || shape->kind == BL_NETWORK_VALUE) {
    const size_t sizes[2] = {(size_t)shape->steps, shape->width_count > 0 ? (size_t)shape->widths[0] : 1};
    BL_TRY(bl_container_plausible(&bytes, path, "network_steps", sizes, 2, sizeof(float)));
  }
  if (shape->condition > 0) {
    const size_t sizes[2] = {(size_t)shape->classes, shape->width_count > 0 ? (size_t)shape->widths[0] : 1};
    BL_TRY(bl_container_plausible(&bytes, path, "network_classes", sizes, 2, sizeof(float)));
  }
  for (int i = 0; i < shape->multiplier_count; i++) {
    const size_t channels = (size_t)shape->base_channels * (size_t)shape->multipliers[i];
    const size_t sizes[3] = {channels, channels, 9};
    BL_TRY(bl_container_plausible(&bytes, path, "network_multipliers", sizes, 3, sizeof(float)));
  }
  return BL_OK;
}

/* What a checkpoint between two rows of the record knows of the next row. */
static bl_status read_row(bl_model_header *header, int ncid, const char *path) {
  size_t length;
  header->row_steps = 0;
  header->row_sums[0] = header->row_sums[1] = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "row_steps", NULL, NULL) != NC_NOERR)
    return BL_OK;
  BL_TRY(get_counts(&header->row_steps, 1, ncid, path, "row_steps"));
  BL_TRY(attribute_length(&length, ncid, path, "row_sums", false));
  if (length != 2 || nc_get_att_double(ncid, NC_GLOBAL, "row_sums", header->row_sums) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: attribute row_sums: expected two numbers", path);
  return BL_OK;
}

static bl_status read_header(bl_model_header *header, int ncid, const char *path) {
  size_t length;
  BL_TRY(read_shape(&header->shape, ncid, path));
  BL_TRY(attribute_length(&length, ncid, path, "schedule", true));
  bl_container_get_text(header->schedule, sizeof header->schedule, ncid, "schedule");
  BL_TRY(get_integer(&header->diffusion_steps, ncid, path, "diffusion_steps", 0, 1 << 24));
  BL_TRY(get_real(&header->beta_first, ncid, path, "beta_first"));
  BL_TRY(get_real(&header->beta_last, ncid, path, "beta_last"));
  if (nc_inq_att(ncid, NC_GLOBAL, "prediction", NULL, NULL) == NC_NOERR) {
    BL_TRY(attribute_length(&length, ncid, path, "prediction", true));
    bl_container_get_text(header->prediction, sizeof header->prediction, ncid, "prediction");
  } else {
    snprintf(header->prediction, sizeof header->prediction, "epsilon");
  }
  header->distilled_steps = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "distilled_steps", NULL, NULL) == NC_NOERR)
    BL_TRY(get_integer(&header->distilled_steps, ncid, path, "distilled_steps", 1, 1 << 24));
  BL_TRY(read_head(header, ncid, path));
  if (header->head[0] == '\0') /* a head's file holds its own weights only */
    BL_TRY(check_weights(&header->shape, path));
  header->accuracy = 0;
  if (nc_inq_att(ncid, NC_GLOBAL, "test_accuracy", NULL, NULL) == NC_NOERR)
    BL_TRY(get_real(&header->accuracy, ncid, path, "test_accuracy"));
  BL_TRY(get_counts(&header->round, 1, ncid, path, "round"));
  BL_TRY(attribute_length(&length, ncid, path, "optimiser_steps", false));
  memset(header->optimiser_steps, 0, sizeof header->optimiser_steps);
  BL_TRY(get_counts(header->optimiser_steps, length == BL_MODEL_NETWORKS ? BL_MODEL_NETWORKS : 3, ncid, path,
                    "optimiser_steps"));
  bl_container_get_text(header->digest, sizeof header->digest, ncid, "digest");
  return read_row(header, ncid, path);
}

bl_status bl_model_open(bl_model_file *file, bl_model_header *header, const char *path) {
  memset(header, 0, sizeof *header);
  file->path = path;
  BL_TRY(bl_container_open(&file->ncid, path));
  const bl_status status = read_header(header, file->ncid, path);
  if (status != BL_OK)
    bl_model_close(file);
  return status;
}

void bl_model_close(bl_model_file *file) {
  if (file->ncid >= 0)
    nc_close(file->ncid);
  file->ncid = -1;
}

bl_status bl_model_read_header(bl_model_header *header, const char *path) {
  bl_model_file file;
  BL_TRY(bl_model_open(&file, header, path));
  bl_model_close(&file);
  return BL_OK;
}

/* ---- Parts: one group each, one variable per tensor ----------------------------------------------------------------- */

/* Dimensions are shared by size ("size_32"), since tensors of a network have few different sizes. */
static bl_status find_dimension(int *dimension, int root, const char *path, size_t size) {
  char name[32];
  snprintf(name, sizeof name, "size_%zu", size);
  if (nc_inq_dimid(root, name, dimension) == NC_NOERR)
    return BL_OK;
  return bl_container_result(BL_ERROR_LIBRARY, nc_def_dim(root, name, size, dimension), path, name);
}

static bl_status define_part(int root, const char *path, const bl_model_part *part) {
  enum { CHUNK_ELEMENTS = 1 << 20 };
  int group;
  BL_TRY(bl_container_result(BL_ERROR_LIBRARY, nc_def_grp(root, part->name, &group), path, part->name));
  for (size_t i = 0; i < part->table->entry_count; i++) {
    const bl_parameter *entry = &part->table->entries[i];
    int dimensions[BL_PARAMETER_DIMENSIONS], variable;
    size_t chunk[BL_PARAMETER_DIMENSIONS];
    for (int d = 0; d < entry->dimensions; d++) {
      BL_TRY(find_dimension(&dimensions[d], root, path, entry->shape[d]));
      chunk[d] = entry->shape[d];
    }
    BL_TRY(bl_container_variable(&variable, group, path, entry->name, NC_FLOAT, entry->dimensions, dimensions, "1",
                                 entry->name));
    if (entry->dimensions == 0)
      continue;
    /* One chunk a tensor, large ones cut along their first dimension into even pieces, since a chunk that is not full takes
     * its whole room: netCDF checks checksums by chunk. */
    const size_t pieces = (entry->count + CHUNK_ELEMENTS - 1) / CHUNK_ELEMENTS;
    chunk[0] = (entry->shape[0] + pieces - 1) / pieces;
    BL_NETCDF(nc_def_var_chunking(group, variable, NC_CHUNKED, chunk), path);
    BL_NETCDF(nc_def_var_fletcher32(group, variable, NC_FLETCHER32), path);
    /* The library would keep a second copy of all chunks until the end. */
    BL_NETCDF(nc_set_var_chunk_cache(group, variable, 0, 0, 0), path);
  }
  return BL_OK;
}

bl_status bl_model_put(const bl_model_file *file, const bl_model_part *part) {
  int group, variable;
  BL_NETCDF(nc_inq_ncid(file->ncid, part->name, &group), file->path);
  for (size_t i = 0; i < part->table->entry_count; i++) {
    const bl_parameter *entry = &part->table->entries[i];
    BL_NETCDF(nc_inq_varid(group, entry->name, &variable), file->path);
    BL_NETCDF(nc_put_var_float(group, variable, part->values + entry->offset), file->path);
  }
  return BL_OK;
}

/* The file is built in memory, and is there twice when the library hands it out. */
static bl_status check_memory(const char *path, const bl_model_part *parts, int part_count) {
  char what[512];
  size_t bytes = BL_MEMORY_RESERVE / 2;
  for (int i = 0; i < part_count; i++)
    bytes += 2 * parts[i].table->count * sizeof(float);
  snprintf(what, sizeof what, "writing %.400s", path);
  return bl_memory_check(bytes, what);
}

bl_status bl_model_begin(bl_model_file *file, const char *path, const bl_model_header *header, const bl_model_part *parts,
                         int part_count, const bl_provenance *provenance) {
  bl_status status;
  file->path = path;
  BL_TRY(check_memory(path, parts, part_count));
  BL_TRY(bl_container_create(&file->ncid, path, BL_CONTENT_MODEL, provenance));
  BL_GOTO(write_header(file->ncid, path, header));
  for (int i = 0; i < part_count; i++)
    BL_GOTO(define_part(file->ncid, path, &parts[i]));
  status = bl_container_result(BL_ERROR_LIBRARY, nc_enddef(file->ncid), path, "nc_enddef");
done:
  if (status != BL_OK)
    bl_model_abandon(file);
  return status;
}

bl_status bl_model_end(bl_model_file *file) {
  const int ncid = file->ncid;
  file->ncid = -1;
  return bl_container_write(ncid, file->path);
}

void bl_model_abandon(bl_model_file *file) {
  bl_container_abandon(file->ncid);
  file->ncid = -1;
}

bl_status bl_model_write(const char *path, const bl_model_header *header, const bl_model_part *parts, int part_count,
                         const bl_provenance *provenance) {
  bl_model_file file;
  bl_status status;
  BL_TRY(bl_model_begin(&file, path, header, parts, part_count, provenance));
  for (int i = 0; i < part_count; i++)
    BL_GOTO(bl_model_put(&file, &parts[i]));
  status = bl_model_end(&file);
done:
  bl_model_abandon(&file);
  return status;
}

/* "(64, 32, 3, 3)" */
static void describe_shape(char *text, size_t size, const size_t *shape, int dimensions) {
  size_t used = (size_t)snprintf(text, size, "(");
  for (int d = 0; d < dimensions && used < size; d++)
    used += (size_t)snprintf(text + used, size - used, "%s%zu", d > 0 ? ", " : "", shape[d]);
  if (used < size)
    snprintf(text + used, size - used, ")");
}

/* What is not finite here would be in every result. */
static bl_status check_finite(const float *values, size_t count, const char *path, const char *part, const char *name) {
  size_t finite = 0;
  for (size_t i = 0; i < count; i++)
    finite += values[i] - values[i] == 0.0F;
  for (size_t i = 0; i < count && finite < count; i++)
    if (!isfinite(values[i]))
      return bl_fail(
          BL_ERROR_INPUT,
          "%s: group %s: variable %s: element %zu is %g, the first of %zu that are not finite: the model is of no "
          "use; take an earlier checkpoint",
          path, part, name, i, (double)values[i], count - finite);
  return BL_OK;
}

static bl_status read_tensor(float *values, int group, const char *path, const char *part, const bl_parameter *entry) {
  int variable, dimension_count, dimensions[NC_MAX_VAR_DIMS];
  nc_type type;
  size_t shape[BL_PARAMETER_DIMENSIONS] = {0};
  char expected[128], found[128];
  describe_shape(expected, sizeof expected, entry->shape, entry->dimensions);
  if (nc_inq_varid(group, entry->name, &variable) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: group %s: has no variable %s, expected one of shape %s: the file is of another network", path, part,
                   entry->name, expected);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_var(group, variable, NULL, &type, &dimension_count, dimensions, NULL),
                             path, entry->name));
  bool same = dimension_count == entry->dimensions;
  const int shown = dimension_count < BL_PARAMETER_DIMENSIONS ? dimension_count : BL_PARAMETER_DIMENSIONS;
  for (int d = 0; d < shown; d++) {
    BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_dimlen(group, dimensions[d], &shape[d]), path, entry->name));
    same = same && shape[d] == entry->shape[d];
  }
  describe_shape(found, sizeof found, shape, shown);
  if (!same)
    return bl_fail(BL_ERROR_INPUT, "%s: group %s: variable %s: found shape %s, expected %s: the file is of another network",
                   path, part, entry->name, found, expected);
  if (type != NC_FLOAT)
    return bl_fail(BL_ERROR_INPUT, "%s: group %s: variable %s: expected type float", path, part, entry->name);
  /* The library would keep a second copy of all chunks until the file is closed. It refuses where there are no chunks. */
  (void)nc_set_var_chunk_cache(group, variable, 0, 0, 0);
  const int code = nc_get_var_float(group, variable, values);
  if (code != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: group %s: variable %s: damaged (its checksum does not fit): %s", path, part,
                   entry->name, nc_strerror(code));
  return check_finite(values, entry->count, path, part, entry->name);
}

bl_status bl_model_get_parameter(float *values, const bl_model_file *file, const char *part, const bl_parameter *entry) {
  int group;
  if (nc_inq_grp_ncid(file->ncid, part, &group) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: has no group %s; see what is in it by `beeline inspect`", file->path, part);
  return read_tensor(values, group, file->path, part, entry);
}

bl_status bl_model_get(const bl_model_file *file, const bl_model_part *part) {
  for (size_t i = 0; i < part->table->entry_count; i++)
    BL_TRY(
        bl_model_get_parameter(part->values + part->table->entries[i].offset, file, part->name, &part->table->entries[i]));
  return BL_OK;
}

bool bl_model_has_part(const bl_model_file *file, const char *part) {
  int group;
  return nc_inq_grp_ncid(file->ncid, part, &group) == NC_NOERR;
}

bl_status bl_model_read(const char *path, const bl_model_part *parts, int part_count) {
  bl_model_file file = {.path = path};
  bl_status status = bl_container_open(&file.ncid, path);
  if (status != BL_OK)
    return status;
  for (int i = 0; i < part_count && status == BL_OK; i++)
    status = bl_model_get(&file, &parts[i]);
  bl_model_close(&file);
  return status;
}

uint32_t bl_model_checksum(uint32_t before, const float *values, size_t count) {
  return (uint32_t)crc32_z(before, (const unsigned char *)values, count * sizeof *values);
}
