/* UNet2DModel's config.json and the shape of our network. A key that is missing has diffusers' default, not ours. */
#include "store/json.h"
#include "store/model_format_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS = 32, SIDE = 16384, TEXT = 96 };

/* Keys whose value is fixed, since every other one means another network: what a missing one means, and what is supported,
 * as JSON; `other` is a second spelling of the same. An option of the U-Net takes its key out of here, into read_shape and
 * bl_diffusers_write_network. */
static const struct {
  const char *key, *standard, *supported, *other;
} fixed[] = {
    {"_class_name", "\"UNet2DModel\"", "\"UNet2DModel\"", NULL},
    {"act_fn", "\"silu\"", "\"silu\"", "\"swish\""},
    {"add_attention", "true", "true", NULL},
    {"center_input_sample", "false", "false", NULL},
    {"class_embed_type", "null", "null", NULL},
    {"downsample_type", "\"conv\"", "\"conv\"", NULL},
    {"mid_block_scale_factor", "1", "1", NULL},
    {"mid_block_type", "\"UNetMidBlock2D\"", "\"UNetMidBlock2D\"", NULL},
    {"num_class_embeds", "null", "null", NULL},
    {"num_train_timesteps", "null", "null", NULL},
    {"resnet_time_scale_shift", "\"default\"", "\"default\"", NULL},
    {"time_embedding_dim", "null", "null", NULL},
    {"time_embedding_type", "\"positional\"", "\"positional\"", NULL},
    {"upsample_type", "\"conv\"", "\"conv\"", NULL},
};

enum { FIXED = sizeof fixed / sizeof fixed[0] };

/* Keys that read_shape reads, with diffusers' defaults. */
static const struct {
  const char *key, *standard;
} described[] = {
    {"attention_head_dim", "8"},
    {"attn_norm_num_groups", "null"},
    {"block_out_channels", "[224, 448, 672, 896]"},
    {"down_block_types", "[\"DownBlock2D\", \"AttnDownBlock2D\", \"AttnDownBlock2D\", \"AttnDownBlock2D\"]"},
    {"downsample_padding", "1"},
    {"dropout", "0.0"},
    {"flip_sin_to_cos", "true"},
    {"freq_shift", "0"},
    {"in_channels", "3"},
    {"layers_per_block", "2"},
    {"norm_eps", "1e-5"},
    {"norm_num_groups", "32"},
    {"out_channels", "3"},
    {"sample_size", "null"},
    {"up_block_types", "[\"AttnUpBlock2D\", \"AttnUpBlock2D\", \"AttnUpBlock2D\", \"UpBlock2D\"]"},
};

enum { READ = sizeof described / sizeof described[0] };

/* A configuration that is being read. */
typedef struct config {
  const char *path;
  json_t *json;
  json_t *standards; /* what missing keys of both tables mean */
} config;

static json_t *load(const char *text) {
  return json_loads(text, JSON_DECODE_ANY, NULL);
}

/* 1 and 1.0 are the same. */
static bool same(const json_t *value, const char *text) {
  json_t *wanted = text != NULL ? load(text) : NULL;
  const bool numbers = json_is_number(value) && json_is_number(wanted);
  const bool equal =
      wanted != NULL && (numbers ? json_number_value(value) == json_number_value(wanted) : json_equal(value, wanted) == 1);
  json_decref(wanted);
  return equal;
}

static bl_status refuse(const config *c, const char *key, const char *supported) {
  char found[TEXT];
  const json_t *value = json_object_get(c->json, key), *standard = json_object_get(c->standards, key);
  if (value != NULL)
    return bl_fail(BL_ERROR_INPUT, "%s: %s: found %s, supported: %s", c->path, key,
                   bl_json_text(found, sizeof found, value), supported);
  return bl_fail(BL_ERROR_INPUT, "%s: %s: found none, which means %s, supported: %s", c->path, key,
                 bl_json_text(found, sizeof found, standard), supported);
}

static bl_status check_fixed(const config *c) {
  for (int i = 0; i < FIXED; i++) {
    const json_t *value = json_object_get(c->json, fixed[i].key);
    if (value == NULL)
      value = json_object_get(c->standards, fixed[i].key);
    if (!same(value, fixed[i].supported) && !same(value, fixed[i].other))
      return refuse(c, fixed[i].key, fixed[i].supported);
  }
  return BL_OK;
}

static bool is_known(const char *key) {
  for (int i = 0; i < FIXED; i++)
    if (strcmp(fixed[i].key, key) == 0)
      return true;
  for (int i = 0; i < READ; i++)
    if (strcmp(described[i].key, key) == 0)
      return true;
  return key[0] == '_';
}

/* Keys of later versions may mean anything, unless they say nothing. */
static bl_status check_unknown(const config *c) {
  const char *key;
  json_t *value;
  char found[TEXT];
  json_object_foreach(c->json, key, value) {
    if (!is_known(key) && !json_is_null(value))
      return bl_fail(BL_ERROR_INPUT, "%s: %s: found %s, supported: null, since the key is not known", c->path, key,
                     bl_json_text(found, sizeof found, value));
  }
  return BL_OK;
}

/* ---- Keys that are read --------------------------------------------------------------------------------------------- */

static const json_t *get(const config *c, const char *key) {
  const json_t *value = json_object_get(c->json, key);
  return value != NULL ? value : json_object_get(c->standards, key);
}

static bool is_between(const json_t *value, int lowest, int highest) {
  const double number = json_is_number(value) ? json_number_value(value) : -1;
  return number >= lowest && number <= highest && number == (double)(int)number;
}

static int whole(const json_t *value) {
  return (int)json_number_value(value);
}

static bl_status get_integer(int *value, const config *c, const char *key, int lowest, int highest) {
  char supported[64];
  snprintf(supported, sizeof supported, "%d to %d", lowest, highest);
  if (!is_between(get(c, key), lowest, highest))
    return refuse(c, key, supported);
  *value = whole(get(c, key));
  return BL_OK;
}

static bl_status read_channels(bl_network_shape *shape, const config *c) {
  const json_t *list = get(c, "block_out_channels");
  const size_t levels = json_array_size(list);
  if (levels < 1 || levels > BL_NETWORK_LEVELS)
    return refuse(c, "block_out_channels", "a list of 1 to 8 numbers");
  const json_t *first = json_array_get(list, 0);
  const int groups = shape->groups > 0 ? shape->groups : GROUPS;
  if (!is_between(first, 1, 65536) || whole(first) % groups != 0)
    return refuse(c, "block_out_channels", "a multiple of norm_num_groups first");
  shape->base_channels = whole(first);
  shape->multiplier_count = (int)levels;
  for (size_t i = 0; i < levels; i++) {
    const json_t *channels = json_array_get(list, i);
    const int base = shape->base_channels;
    if (!is_between(channels, base, 65536) || whole(channels) % base != 0 || whole(channels) / base > 1024)
      return refuse(c, "block_out_channels", "multiples of the first, up to 1024 times");
    shape->multipliers[i] = whole(channels) / base;
  }
  return BL_OK;
}

static bl_status read_attention(bl_network_shape *shape, const config *c) {
  static const char mirror[] = "the mirror image of down_block_types";
  const json_t *down = get(c, "down_block_types"), *up = get(c, "up_block_types");
  const size_t levels = (size_t)shape->multiplier_count;
  /* Where each level halves its images exactly, a resolution says which it is, as in Ho et al.'s networks. */
  const bool halves = shape->height % (1 << (levels - 1)) == 0 && shape->width % (1 << (levels - 1)) == 0;
  if (json_array_size(down) != levels)
    return refuse(c, "down_block_types", "as many as block_out_channels");
  if (json_array_size(up) != levels)
    return refuse(c, "up_block_types", mirror);
  for (size_t i = 0; i < levels; i++) {
    const char *going = json_string_value(json_array_get(down, i));
    const char *coming = json_string_value(json_array_get(up, levels - 1 - i));
    const bool attends = going != NULL && strcmp(going, "AttnDownBlock2D") == 0;
    if (!attends && (going == NULL || strcmp(going, "DownBlock2D") != 0))
      return refuse(c, "down_block_types", "\"DownBlock2D\" and \"AttnDownBlock2D\"");
    if (coming == NULL || strcmp(coming, attends ? "AttnUpBlock2D" : "UpBlock2D") != 0)
      return refuse(c, "up_block_types", mirror);
    if (attends && halves)
      shape->attention[shape->attention_count++] = shape->height >> i;
    else if (attends)
      shape->attention_levels |= 1 << i;
  }
  return BL_OK;
}

/* One number, or height and width; import.sample_size where there is none. */
static bl_status read_sides(bl_network_shape *shape, const config *c, const bl_options *options) {
  const json_t *size = get(c, "sample_size"), *height = size, *width = size;
  if (json_is_null(size) && options->import.sample_size > 0) {
    shape->height = shape->width = options->import.sample_size;
    return BL_OK;
  }
  if (json_is_null(size))
    return bl_options_reject(options, "import.sample_size", "the side of the images in pixels: %s does not tell it",
                             c->path);
  if (json_array_size(size) == 2) {
    height = json_array_get(size, 0);
    width = json_array_get(size, 1);
  }
  if (!is_between(height, 1, SIDE) || !is_between(width, 1, SIDE))
    return refuse(c, "sample_size", "1 to 16384, or two such numbers");
  shape->height = whole(height);
  shape->width = whole(width);
  if (options->import.sample_size != 0 &&
      (options->import.sample_size != shape->height || options->import.sample_size != shape->width))
    return bl_options_reject(options, "import.sample_size", "0, since %s tells it: %d x %d", c->path, shape->height,
                             shape->width);
  return BL_OK;
}

static bl_status read_groups(bl_network_shape *shape, const config *c) {
  int groups;
  const json_t *attention = get(c, "attn_norm_num_groups"), *epsilon = get(c, "norm_eps");
  BL_TRY(get_integer(&groups, c, "norm_num_groups", 1, 4096));
  if (!json_is_null(attention) && !is_between(attention, groups, groups))
    return refuse(c, "attn_norm_num_groups", "null, or norm_num_groups");
  if (!json_is_number(epsilon) || !(json_number_value(epsilon) > 0 && json_number_value(epsilon) < 1))
    return refuse(c, "norm_eps", "a number above 0 and below 1");
  shape->groups = groups == GROUPS ? 0 : groups;
  shape->norm_epsilon = same(epsilon, "1e-6") ? 0 : (float)json_number_value(epsilon);
  return BL_OK;
}

/* What the network of Ho et al. has otherwise than diffusers' own. */
static bl_status read_variant(bl_network_shape *shape, const config *c) {
  const json_t *width = get(c, "attention_head_dim"), *flip = get(c, "flip_sin_to_cos");
  int shift;
  if (!json_is_null(width) && !is_between(width, 1, 65536))
    return refuse(c, "attention_head_dim", "null, or 1 to 65536");
  if (!json_is_boolean(flip))
    return refuse(c, "flip_sin_to_cos", "true or false");
  BL_TRY(get_integer(&shift, c, "freq_shift", 0, 1));
  BL_TRY(get_integer(&shape->down_padding, c, "downsample_padding", 0, 1));
  shape->head_width = json_is_null(width) ? 0 : whole(width);
  shape->cosine_first = json_is_true(flip);
  shape->unshifted = shift == 0;
  return read_groups(shape, c);
}

static bl_status read_shape(bl_network_shape *shape, const config *c, const bl_options *options) {
  int out_channels;
  *shape = (bl_network_shape){.kind = BL_NETWORK_UNET};
  BL_TRY(get_integer(&shape->channels, c, "in_channels", 1, 65536));
  BL_TRY(get_integer(&out_channels, c, "out_channels", 1, 65536));
  if (out_channels != shape->channels)
    return refuse(c, "out_channels", "that of in_channels (twice as many are a learned variance)");
  BL_TRY(get_integer(&shape->blocks, c, "layers_per_block", 1, 64));
  const json_t *dropout = get(c, "dropout");
  if (!json_is_number(dropout) || !(json_number_value(dropout) >= 0 && json_number_value(dropout) < 1))
    return refuse(c, "dropout", "a number of at least 0 and below 1");
  shape->dropout = (float)json_number_value(dropout);
  BL_TRY(read_sides(shape, c, options));
  BL_TRY(read_variant(shape, c));
  BL_TRY(read_channels(shape, c));
  return read_attention(shape, c);
}

bl_status bl_diffusers_read_network(bl_network_shape *shape, const char *path, const bl_options *options) {
  config c = {.path = path};
  bl_status status;
  BL_TRY(bl_json_read(&c.json, path));
  c.standards = json_object();
  for (int i = 0; i < READ; i++)
    json_object_set_new(c.standards, described[i].key, load(described[i].standard));
  for (int i = 0; i < FIXED; i++)
    json_object_set_new(c.standards, fixed[i].key, load(fixed[i].standard));
  BL_GOTO(check_fixed(&c));
  BL_GOTO(check_unknown(&c));
  status = read_shape(shape, &c, options);
done:
  json_decref(c.standards);
  json_decref(c.json);
  return status;
}

/* ---- Out ------------------------------------------------------------------------------------------------------------ */

/* The shortest decimal number that is this float: 1e-5, not 9.99999974737875e-06. */
static double decimal(float value) {
  char text[32];
  for (int digits = 1; digits < 10; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value)
      break;
  }
  return strtod(text, NULL);
}

static bool has_attention(const bl_network_shape *shape, int level) {
  for (int i = 0; i < shape->attention_count; i++)
    if (shape->attention[i] == shape->height >> level)
      return true;
  return (shape->attention_levels >> level & 1) != 0;
}

static void add_variant(json_t *json, const bl_network_shape *shape) {
  json_object_set_new(json, "attention_head_dim", shape->head_width > 0 ? json_integer(shape->head_width) : json_null());
  json_object_set_new(json, "attn_norm_num_groups", json_null());
  json_object_set_new(json, "downsample_padding", json_integer(shape->down_padding));
  json_object_set_new(json, "flip_sin_to_cos", json_boolean(shape->cosine_first != 0));
  json_object_set_new(json, "freq_shift", json_integer(shape->unshifted != 0 ? 0 : 1));
  json_object_set_new(json, "norm_eps", shape->norm_epsilon > 0 ? json_real(decimal(shape->norm_epsilon)) : load("1e-6"));
  json_object_set_new(json, "norm_num_groups", json_integer(shape->groups > 0 ? shape->groups : GROUPS));
}

bl_status bl_diffusers_write_network(const char *path, const bl_network_shape *shape, const bl_foreign_chain *chain) {
  json_t *json = json_object(), *channels = json_array(), *down = json_array(), *up = json_array();
  for (int i = 0; i < FIXED; i++)
    json_object_set_new(json, fixed[i].key, load(fixed[i].supported));
  for (int i = 0; i < shape->multiplier_count; i++) {
    const bool attends = has_attention(shape, i);
    json_array_append_new(channels, json_integer(shape->base_channels * shape->multipliers[i]));
    json_array_append_new(down, json_string(attends ? "AttnDownBlock2D" : "DownBlock2D"));
    json_array_insert_new(up, 0, json_string(attends ? "AttnUpBlock2D" : "UpBlock2D"));
  }
  json_object_set_new(
      json, "sample_size",
      shape->height == shape->width ? json_integer(shape->height) : json_pack("[i, i]", shape->height, shape->width));
  json_object_set_new(json, "in_channels", json_integer(shape->channels));
  json_object_set_new(json, "out_channels", json_integer(shape->channels));
  json_object_set_new(json, "block_out_channels", channels);
  json_object_set_new(json, "down_block_types", down);
  json_object_set_new(json, "up_block_types", up);
  json_object_set_new(json, "layers_per_block", json_integer(shape->blocks));
  json_object_set_new(json, "dropout", json_real(decimal(shape->dropout)));
  add_variant(json, shape);
  if (chain != NULL) {
    json_object_set_new(json, "time_embedding_type", json_string("learned"));
    json_object_set_new(json, "num_train_timesteps", json_integer(chain->steps));
  }
  return bl_json_write(path, json);
}
