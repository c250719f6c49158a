/* The U-Net of "Denoising Diffusion Probabilistic Models" (Ho, Jain & Abbeel 2020), layer by layer as in the public PyTorch
 * code, so that public weights map one to one by name. The table of parameters is in the order of execution (the public
 * code lists all attention of a level after all its blocks, and `up.0`, which runs last, before `up.1`). */

#include "engine/node.h"
#include "layer/layer.h"
#include "network/network.h"

#include <stdarg.h>
#include <stdio.h>

enum { GROUPS = 32, MAX_SKIPS = BL_NETWORK_LEVELS * 64 };

static const bl_conv_shape conv3 = {.kernel = 3, .stride = 1, .pad_before = 1, .pad_after = 1};
static const bl_conv_shape conv1 = {.kernel = 1, .stride = 1};
/* Down-sampling, by down_padding: below and to the right only, or all around. */
static const bl_conv_shape halve[2] = {{.kernel = 3, .stride = 2, .pad_after = 1},
                                       {.kernel = 3, .stride = 2, .pad_before = 1, .pad_after = 1}};

/* The name of a part of a layer: "down.0.block.1" and "conv1" give "down.0.block.1.conv1". */
typedef struct part_name {
  char text[BL_PARAMETER_NAME];
} part_name;

static part_name named(const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 1, 2)))
#endif
    ;

static part_name named(const char *format, ...) {
  part_name name;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(name.text, sizeof name.text, format, arguments);
  va_end(arguments);
  return name;
}

static bl_tensor *convolution(bl_graph *g, bl_tensor *x, const char *prefix, const char *part, int channels,
                              bl_conv_shape shape) {
  return bl_conv(g, x, named("%s.%s", prefix, part).text, channels, shape, BL_INITIALISE_FAN_IN_UNIFORM);
}

static int groups_of(const bl_network_shape *shape) {
  return shape->groups > 0 ? shape->groups : GROUPS;
}

static bl_tensor *norm(bl_graph *g, bl_tensor *x, const char *name, bool silu, const bl_network_shape *shape) {
  const float epsilon = shape->norm_epsilon > 0.0f ? shape->norm_epsilon : 1e-6f;
  return bl_group_norm(g, x, name, groups_of(shape), epsilon, silu);
}

/* \param time  (batch, 4 base), already activated. \param alone  nothing else reads x: then the shortcut comes first, and
 * the rest may overwrite x. */
static bl_tensor *residual_block(bl_graph *g, bl_tensor *x, bool alone, bl_tensor *time, const char *name, int channels,
                                 const bl_network_shape *shape) {
  if (x == NULL)
    return NULL;
  bl_segment_begin(g);
  bl_tensor *h = norm(g, x, named("%s.norm1", name).text, true, shape);
  h = convolution(g, h, name, "conv1", channels, conv3);
  h = bl_add(g, h, bl_dense(g, time, named("%s.temb_proj", name).text, channels, BL_INITIALISE_FAN_IN_UNIFORM));
  h = norm(g, h, named("%s.norm2", name).text, true, shape);
  h = bl_dropout(g, h, shape->dropout);
  h = convolution(g, h, name, "conv2", channels, conv3);
  if (x->channels != channels) {
    bl_tensor *shortcut = convolution(g, x, name, "nin_shortcut", channels, conv1);
    x = alone ? bl_early(g, shortcut) : shortcut;
  }
  return bl_segment_end(g, bl_add(g, x, h));
}

static bl_tensor *attention_block(bl_graph *g, bl_tensor *x, const char *name, const bl_network_shape *shape) {
  if (x == NULL)
    return NULL;
  bl_segment_begin(g);
  bl_tensor *h = norm(g, x, named("%s.norm", name).text, false, shape);
  bl_tensor *q = convolution(g, h, name, "q", x->channels, conv1);
  bl_tensor *k = convolution(g, h, name, "k", x->channels, conv1);
  bl_tensor *v = convolution(g, h, name, "v", x->channels, conv1);
  h = convolution(g, bl_attention(g, q, k, v, shape->head_width), name, "proj_out", x->channels, conv1);
  return bl_segment_end(g, bl_add(g, x, h));
}

static int patch_side(const bl_network_shape *shape) {
  return shape->patch > 0 ? shape->patch : 1;
}

static int resolution(const bl_network_shape *shape, int level) {
  return shape->height / patch_side(shape) >> level;
}

static int channels_of(const bl_network_shape *shape, int level) {
  return shape->base_channels * shape->multipliers[level];
}

static bool has_attention(const bl_network_shape *shape, int level) {
  if ((shape->attention_levels >> level & 1) != 0)
    return true;
  for (int i = 0; i < shape->attention_count; i++)
    if (shape->attention[i] == resolution(shape, level))
      return true;
  return false;
}

static bl_status check_attention(const bl_network_shape *shape) {
  for (int i = 0; i < shape->attention_count; i++) {
    bool found = false;
    for (int level = 0; level < shape->multiplier_count; level++)
      found = found || shape->attention[i] == resolution(shape, level);
    if (!found)
      return bl_fail(BL_ERROR_USAGE,
                     "unet: attention at resolution %d, but no level has it: %d levels start at %d and halve",
                     shape->attention[i], shape->multiplier_count, resolution(shape, 0));
  }
  const int last = shape->multiplier_count - 1;
  if (shape->attention_levels < 0 || shape->attention_levels >> last > 1)
    return bl_fail(BL_ERROR_USAGE, "unet: attention in levels 0x%x (bit i: level i), but the last level is %d",
                   (unsigned)shape->attention_levels, last);
  for (int level = 0; level <= last && shape->head_width != 0; level++)
    if ((has_attention(shape, level) || level == last) &&
        (shape->head_width < 0 || channels_of(shape, level) % shape->head_width != 0))
      return bl_fail(BL_ERROR_USAGE, "unet: head_width is %d, which does not divide the %d channels of level %d",
                     shape->head_width, channels_of(shape, level), level);
  return BL_OK;
}

static bl_status check_switch(const char *field, int value) {
  if (value == 0 || value == 1)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "unet: %s is %d: expected 0 or 1", field, value);
}

/* What diffusers' networks can differ in. */
static bl_status check_variant(const bl_network_shape *shape) {
  BL_TRY(check_switch("down_padding", shape->down_padding));
  BL_TRY(check_switch("cosine_first", shape->cosine_first));
  BL_TRY(check_switch("unshifted", shape->unshifted));
  if (!(shape->norm_epsilon >= 0.0f && shape->norm_epsilon <= 1.0f))
    return bl_fail(BL_ERROR_USAGE, "unet: norm_epsilon is %g: expected above 0 and at most 1, or 0 for 1e-6",
                   (double)shape->norm_epsilon);
  if (shape->out_channels == 0 || shape->out_channels == shape->channels)
    return BL_OK;
  return bl_fail(BL_ERROR_USAGE, "unet: %d output channels for images of %d%s: expected %d, the noise alone",
                 shape->out_channels, shape->channels,
                 shape->out_channels == 2 * shape->channels ? " (a learned variance)" : "", shape->channels);
}

static bl_status check(const bl_network_shape *shape) {
  int levels = shape->multiplier_count;
  const int groups = groups_of(shape);
  if (shape->groups < 0)
    return bl_fail(BL_ERROR_USAGE, "unet: groups is %d: expected at least 1, or 0 for %d", shape->groups, GROUPS);
  if (shape->base_channels < groups || shape->base_channels % groups != 0)
    return bl_fail(BL_ERROR_USAGE,
                   "unet: base_channels is %d: expected a multiple of %d, since group normalisation has %d groups",
                   shape->base_channels, groups, groups);
  if (levels < 1 || levels > BL_NETWORK_LEVELS)
    return bl_fail(BL_ERROR_USAGE, "unet: %d multipliers: expected 1 to %d", levels, BL_NETWORK_LEVELS);
  for (int i = 0; i < levels; i++)
    if (shape->multipliers[i] < 1 || shape->multipliers[i] > 1024)
      return bl_fail(BL_ERROR_USAGE, "unet: multiplier %d is %d: expected 1 to 1024", i, shape->multipliers[i]);
  if (shape->blocks < 1 || (shape->blocks + 1) * levels + 1 > MAX_SKIPS)
    return bl_fail(BL_ERROR_USAGE, "unet: %d blocks per level: expected 1 to %d", shape->blocks,
                   (MAX_SKIPS - 1) / levels - 1);
  const int divisor = patch_side(shape) << (levels - 1);
  if (shape->height < divisor || shape->height % divisor != 0 || shape->width % divisor != 0 || shape->width < divisor)
    return bl_fail(BL_ERROR_USAGE,
                   "unet: images of %d x %d pixels in patches of %d cannot be halved %d times: expected multiples of %d",
                   shape->height, shape->width, patch_side(shape), levels - 1, divisor);
  if (shape->channels < 1)
    return bl_fail(BL_ERROR_USAGE, "unet: images of %d channels: expected at least 1", shape->channels);
  if (shape->attention_count < 0 || shape->attention_count > BL_NETWORK_LEVELS)
    return bl_fail(BL_ERROR_USAGE, "unet: %d attention resolutions: expected 0 to %d", shape->attention_count,
                   BL_NETWORK_LEVELS);
  BL_TRY(check_variant(shape));
  return check_attention(shape);
}

/* The way down; every result is also kept for the way up. Returns how many. */
static int build_down(bl_graph *g, bl_tensor **skips, bl_tensor *x, bl_tensor *time, const bl_network_shape *shape) {
  int count = 0;
  bl_tensor *h = bl_conv(g, shape->patch > 1 ? bl_patch(g, x, shape->patch) : x, "conv_in", shape->base_channels, conv3,
                         BL_INITIALISE_FAN_IN_UNIFORM);
  skips[count++] = h;
  for (int level = 0; level < shape->multiplier_count; level++) {
    bool attends = has_attention(shape, level);
    for (int i = 0; i < shape->blocks; i++) {
      h = residual_block(g, h, false, time, named("down.%d.block.%d", level, i).text, channels_of(shape, level), shape);
      if (attends)
        h = attention_block(g, h, named("down.%d.attn.%d", level, i).text, shape);
      skips[count++] = h;
    }
    if (level + 1 < shape->multiplier_count && h != NULL) {
      h = bl_conv(g, h, named("down.%d.downsample.conv", level).text, h->channels, halve[shape->down_padding],
                  BL_INITIALISE_FAN_IN_UNIFORM);
      skips[count++] = h;
    }
  }
  return count;
}

static bl_tensor *build_up(bl_graph *g, bl_tensor **skips, int count, bl_tensor *h, bl_tensor *time,
                           const bl_network_shape *shape) {
  for (int level = shape->multiplier_count - 1; level >= 0; level--) {
    bool attends = has_attention(shape, level);
    for (int i = 0; i <= shape->blocks; i++) {
      h = residual_block(g, bl_concat(g, h, skips[--count]), true, time, named("up.%d.block.%d", level, i).text,
                         channels_of(shape, level), shape);
      if (attends)
        h = attention_block(g, h, named("up.%d.attn.%d", level, i).text, shape);
    }
    if (level > 0 && h != NULL)
      h = bl_conv(g, bl_upsample(g, h), named("up.%d.upsample.conv", level).text, h->channels, conv3,
                  BL_INITIALISE_FAN_IN_UNIFORM);
  }
  return h;
}

/* \param prefix  of the names: "", or "head." for the second copy. */
static bl_tensor *output_block(bl_graph *g, bl_tensor *h, const char *prefix, const bl_network_shape *shape) {
  const int side = patch_side(shape);
  h = norm(g, h, named("%snorm_out", prefix).text, true, shape);
  h = bl_conv(g, h, named("%sconv_out", prefix).text, shape->channels * side * side, conv3, BL_INITIALISE_FAN_IN_UNIFORM);
  return side > 1 ? bl_unpatch(g, h, side) : h;
}

void bl_unet_build(bl_graph *graph, const bl_network_shape *shape) {
  if (graph->status == BL_OK)
    graph->status = check(shape);
  if (graph->status != BL_OK)
    return;
  if (shape->head)
    bl_freeze_begin(graph);
  bl_tensor *x = bl_input(graph, shape->channels, shape->height, shape->width);
  int features = 4 * shape->base_channels;
  bl_tensor *time =
      bl_time_embedding(graph, bl_input_time(graph), shape->base_channels,
                        (bl_time_form){.cosine_first = shape->cosine_first != 0, .unshifted = shape->unshifted != 0});
  time = bl_dense(graph, time, "temb.dense.0", features, BL_INITIALISE_FAN_IN_UNIFORM);
  time = bl_dense(graph, bl_activate(graph, time, BL_SILU), "temb.dense.1", features, BL_INITIALISE_FAN_IN_UNIFORM);
  time = bl_activate(graph, time, BL_SILU); /* once, instead of in each block */

  bl_tensor *skips[MAX_SKIPS] = {0};
  int count = build_down(graph, skips, x, time, shape);
  if (graph->status != BL_OK)
    return;
  bl_tensor *h = residual_block(graph, skips[count - 1], false, time, "mid.block_1", skips[count - 1]->channels, shape);
  h = attention_block(graph, h, "mid.attn_1", shape);
  h = residual_block(graph, h, false, time, "mid.block_2", skips[count - 1]->channels, shape);
  h = build_up(graph, skips, count, h, time, shape);
  bl_tensor *y = output_block(graph, h, "", shape);
  if (shape->head) {
    bl_freeze_end(graph);
    y = bl_concat(graph, y, output_block(graph, h, "head.", shape));
  }
  bl_output(graph, y);
}
