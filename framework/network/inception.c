#include "network/inception.h"

#include "engine/node.h"
#include "layer/layer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double epsilon = 0.001; /* of the batch normalisations */

/* Square convolution, its normalisation folded in, and ReLU. */
static bl_tensor *square(bl_graph *g, bl_tensor *x, const char *block, const char *name, int channels, int kernel,
                         int stride, int padding) {
  char full[BL_PARAMETER_NAME];
  snprintf(full, sizeof full, "%s%s%s.conv", block, block[0] == '\0' ? "" : ".", name);
  const bl_conv_shape shape = {kernel, stride, padding, padding};
  return bl_activate(g, bl_conv(g, x, full, channels, shape, BL_INITIALISE_KAIMING_NORMAL), BL_RELU);
}

static bl_tensor *point(bl_graph *g, bl_tensor *x, const char *block, const char *name, int channels) {
  return square(g, x, block, name, channels, 1, 1, 0);
}

/* The same with a kernel of one row or one column. */
static bl_tensor *flat(bl_graph *g, bl_tensor *x, const char *block, const char *name, int channels, int height,
                       int width) {
  char full[BL_PARAMETER_NAME];
  snprintf(full, sizeof full, "%s.%s.conv", block, name);
  return bl_activate(g, bl_conv_rectangle(g, x, full, channels, height, width), BL_RELU);
}

static bl_tensor *join(bl_graph *g, bl_tensor *a, bl_tensor *b, bl_tensor *c, bl_tensor *d) {
  bl_tensor *first = bl_concat(g, bl_concat(g, a, b), c);
  return d == NULL && g->status == BL_OK ? first : bl_concat(g, first, d);
}

/* 35 × 35 pixels. */
static bl_tensor *block_a(bl_graph *g, bl_tensor *x, const char *name, int pooled) {
  bl_tensor *one = point(g, x, name, "branch1x1", 64);
  bl_tensor *five = point(g, x, name, "branch5x5_1", 48);
  five = square(g, five, name, "branch5x5_2", 64, 5, 1, 2);
  bl_tensor *three = point(g, x, name, "branch3x3dbl_1", 64);
  three = square(g, three, name, "branch3x3dbl_2", 96, 3, 1, 1);
  three = square(g, three, name, "branch3x3dbl_3", 96, 3, 1, 1);
  bl_tensor *pool = point(g, bl_average_pool(g, x, 3, 1, 1), name, "branch_pool", pooled);
  return join(g, one, five, three, pool);
}

/* To 17 × 17. */
static bl_tensor *block_b(bl_graph *g, bl_tensor *x, const char *name) {
  bl_tensor *three = square(g, x, name, "branch3x3", 384, 3, 2, 0);
  bl_tensor *twice = point(g, x, name, "branch3x3dbl_1", 64);
  twice = square(g, twice, name, "branch3x3dbl_2", 96, 3, 1, 1);
  twice = square(g, twice, name, "branch3x3dbl_3", 96, 3, 2, 0);
  return join(g, three, twice, bl_max_pool(g, x, 3, 2, 0), NULL);
}

static bl_tensor *block_c(bl_graph *g, bl_tensor *x, const char *name, int inner) {
  bl_tensor *one = point(g, x, name, "branch1x1", 192);
  bl_tensor *seven = point(g, x, name, "branch7x7_1", inner);
  seven = flat(g, seven, name, "branch7x7_2", inner, 1, 7);
  seven = flat(g, seven, name, "branch7x7_3", 192, 7, 1);
  bl_tensor *twice = point(g, x, name, "branch7x7dbl_1", inner);
  twice = flat(g, twice, name, "branch7x7dbl_2", inner, 7, 1);
  twice = flat(g, twice, name, "branch7x7dbl_3", inner, 1, 7);
  twice = flat(g, twice, name, "branch7x7dbl_4", inner, 7, 1);
  twice = flat(g, twice, name, "branch7x7dbl_5", 192, 1, 7);
  bl_tensor *pool = point(g, bl_average_pool(g, x, 3, 1, 1), name, "branch_pool", 192);
  return join(g, one, seven, twice, pool);
}

/* To 8 × 8. */
static bl_tensor *block_d(bl_graph *g, bl_tensor *x, const char *name) {
  bl_tensor *three = point(g, x, name, "branch3x3_1", 192);
  three = square(g, three, name, "branch3x3_2", 320, 3, 2, 0);
  bl_tensor *seven = point(g, x, name, "branch7x7x3_1", 192);
  seven = flat(g, seven, name, "branch7x7x3_2", 192, 1, 7);
  seven = flat(g, seven, name, "branch7x7x3_3", 192, 7, 1);
  seven = square(g, seven, name, "branch7x7x3_4", 192, 3, 2, 0);
  return join(g, three, seven, bl_max_pool(g, x, 3, 2, 0), NULL);
}

static bl_tensor *block_e(bl_graph *g, bl_tensor *x, const char *name, bool last) {
  bl_tensor *one = point(g, x, name, "branch1x1", 320);
  bl_tensor *three = point(g, x, name, "branch3x3_1", 384);
  bl_tensor *row = flat(g, three, name, "branch3x3_2a", 384, 1, 3);
  bl_tensor *column = flat(g, three, name, "branch3x3_2b", 384, 3, 1);
  three = bl_concat(g, row, column);
  bl_tensor *twice = point(g, x, name, "branch3x3dbl_1", 448);
  twice = square(g, twice, name, "branch3x3dbl_2", 384, 3, 1, 1);
  row = flat(g, twice, name, "branch3x3dbl_3a", 384, 1, 3);
  column = flat(g, twice, name, "branch3x3dbl_3b", 384, 3, 1);
  twice = bl_concat(g, row, column);
  bl_tensor *pool = last ? bl_max_pool(g, x, 3, 1, 1) : bl_average_pool(g, x, 3, 1, 1);
  return join(g, one, three, twice, point(g, pool, name, "branch_pool", 192));
}

void bl_inception_build(bl_graph *g, int channels, int height, int width) {
  bl_tensor *h = bl_input(g, channels, height, width);
  if (channels == 1)
    h = bl_concat(g, bl_concat(g, h, h), h);
  h = bl_resize_bilinear(g, h, BL_INCEPTION_SIDE, BL_INCEPTION_SIDE);
  h = square(g, h, "", "Conv2d_1a_3x3", 32, 3, 2, 0);
  h = square(g, h, "", "Conv2d_2a_3x3", 32, 3, 1, 0);
  h = square(g, h, "", "Conv2d_2b_3x3", 64, 3, 1, 1);
  h = bl_max_pool(g, h, 3, 2, 0);
  h = point(g, h, "", "Conv2d_3b_1x1", 80);
  h = square(g, h, "", "Conv2d_4a_3x3", 192, 3, 1, 0);
  h = bl_max_pool(g, h, 3, 2, 0);
  h = block_a(g, h, "Mixed_5b", 32);
  h = block_a(g, h, "Mixed_5c", 64);
  h = block_a(g, h, "Mixed_5d", 64);
  h = block_b(g, h, "Mixed_6a");
  h = block_c(g, h, "Mixed_6b", 128);
  h = block_c(g, h, "Mixed_6c", 160);
  h = block_c(g, h, "Mixed_6d", 160);
  h = block_c(g, h, "Mixed_6e", 192);
  h = block_d(g, h, "Mixed_7a");
  h = block_e(g, h, "Mixed_7b", false);
  h = block_e(g, h, "Mixed_7c", true);
  bl_output(g, bl_spatial_mean(g, h));
}

/* ---- Weights --------------------------------------------------------------------------------------------------------- */

enum { SCALE, SHIFT, MEAN, VARIANCE, STATISTICS };

static const char *const statistics[STATISTICS] = {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"};

/* "NAME." of "NAME.conv.weight", or NULL for a bias. */
static bool name_of(char *name, const bl_parameter *entry) {
  static const char end[] = "conv.weight";
  const size_t length = strlen(entry->name), cut = sizeof end - 1;
  if (length < cut || strcmp(entry->name + length - cut, end) != 0)
    return false;
  memcpy(name, entry->name, length - cut);
  name[length - cut] = '\0';
  return true;
}

static bl_status add(bl_parameter_table *raw, const char *name, const char *suffix, int dimensions, const size_t *shape) {
  char full[BL_PARAMETER_NAME + 32];
  size_t index;
  snprintf(full, sizeof full, "%s%s", name, suffix);
  return bl_parameter_add(&index, raw, full, dimensions, shape, BL_INITIALISE_ZERO, 1, 1);
}

bl_status bl_inception_raw_table(bl_parameter_table *raw, const bl_parameter_table *folded) {
  char name[BL_PARAMETER_NAME];
  bl_status status = BL_OK;
  *raw = (bl_parameter_table){0};
  for (size_t i = 0; i < folded->entry_count; i++) {
    const bl_parameter *entry = &folded->entries[i];
    if (!name_of(name, entry))
      continue;
    BL_GOTO(add(raw, name, "conv.weight", 4, entry->shape));
    for (int s = 0; s < STATISTICS; s++)
      BL_GOTO(add(raw, name, statistics[s], 1, entry->shape));
  }
  const size_t head[2] = {BL_INCEPTION_CLASSES, BL_INCEPTION_FEATURES};
  BL_GOTO(add(raw, "", "fc.weight", 2, head));
  BL_GOTO(add(raw, "", "fc.bias", 1, head));
done:
  if (status != BL_OK)
    bl_parameter_table_destroy(raw);
  return status;
}

static const float *find(const float *raw_values, const bl_parameter_table *raw, const char *name, const char *suffix) {
  char full[BL_PARAMETER_NAME + 32];
  snprintf(full, sizeof full, "%s%s", name, suffix);
  const bl_parameter *entry = bl_parameter_find(raw, full);
  return entry == NULL ? NULL : raw_values + entry->offset;
}

bl_status bl_inception_fold(float *values, const bl_parameter_table *folded, const float *raw_values,
                            const bl_parameter_table *raw) {
  char name[BL_PARAMETER_NAME];
  for (size_t i = 0; i < folded->entry_count; i++) {
    const bl_parameter *entry = &folded->entries[i];
    const float *of[STATISTICS];
    if (!name_of(name, entry))
      continue;
    const float *from = find(raw_values, raw, name, "conv.weight");
    for (int s = 0; s < STATISTICS; s++)
      of[s] = find(raw_values, raw, name, statistics[s]);
    float *weights = values + entry->offset, *bias = weights + entry->count; /* a layer's bias follows its weights */
    const size_t count = entry->count / entry->shape[0];
    for (size_t c = 0; c < entry->shape[0]; c++) {
      const double variance = (double)of[VARIANCE][c];
      if (!(variance >= 0.0 && isfinite(variance)))
        return bl_fail(BL_ERROR_INPUT, "element %zu of %sbn.running_var is %g, which is no variance", c, name, variance);
      const double scale = (double)of[SCALE][c] / sqrt(variance + epsilon);
      for (size_t k = 0; k < count; k++)
        weights[c * count + k] = (float)(scale * (double)from[c * count + k]);
      bias[c] = (float)((double)of[SHIFT][c] - scale * (double)of[MEAN][c]);
    }
  }
  return BL_OK;
}
