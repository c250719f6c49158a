/* Models with the names of the public DDPM code, which are ours, in a .safetensors file. */
#include "store/model_format_row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bl_status find(bl_foreign_model *model, const bl_options *options) {
  if (snprintf(model->weights, sizeof model->weights, "%s", options->import.model) < (int)sizeof model->weights)
    return BL_OK;
  return bl_options_reject(options, "import.model", "a path of less than %d bytes", BL_MODEL_FORMAT_PATH);
}

/* In files on the way to diffusers a convolution that halves has another name. */
static bool spell(char name[BL_SAFETENSORS_NAME], const char *ours, int levels, int spelling) {
  const char *part = strstr(ours, ".downsample.conv.");
  (void)levels;
  if (spelling == 0 || part == NULL)
    snprintf(name, BL_SAFETENSORS_NAME, "%s", ours);
  else
    snprintf(name, BL_SAFETENSORS_NAME, "%.*s.downsample.op.%s", (int)(part - ours), ours,
             part + strlen(".downsample.conv."));
  return spelling < 2;
}

static const bl_safetensors_tensor *find_tensor(const bl_safetensors *file, const char *format, int level, int block) {
  char name[BL_SAFETENSORS_NAME];
  snprintf(name, sizeof name, format, level, block);
  return bl_safetensors_find(file, name);
}

/* ---- What tensors do not tell --------------------------------------------------------------------------------------- */

/* A number of the metadata; it stays as it is where there is none. */
static bl_status get_real(double *value, const bl_safetensors *file, const char *key, double lowest, double highest) {
  char *end = NULL;
  const char *text = bl_safetensors_text_of(file, key);
  if (text == NULL)
    return BL_OK;
  *value = strtod(text, &end);
  if (end == text || *end != '\0' || !(*value >= lowest && *value <= highest))
    return bl_fail(BL_ERROR_INPUT, "%s: __metadata__: %s: found %.100s, expected a number from %g to %g", file->path, key,
                   text, lowest, highest);
  return BL_OK;
}

static bl_status get_integer(int *value, const bl_safetensors *file, const char *key, int lowest, int highest) {
  double real = *value;
  BL_TRY(get_real(&real, file, key, lowest, highest));
  *value = (int)real;
  return BL_OK;
}

static void get_text(char *value, size_t size, const bl_safetensors *file, const char *key) {
  const char *text = bl_safetensors_text_of(file, key);
  if (text != NULL)
    snprintf(value, size, "%s", text);
}

static bl_status read_process(bl_model_header *header, const bl_safetensors *file, const bl_options *options) {
  bl_model_format_configure(header, options);
  get_text(header->schedule, sizeof header->schedule, file, "beeline.schedule");
  get_text(header->prediction, sizeof header->prediction, file, "beeline.prediction");
  BL_TRY(get_integer(&header->diffusion_steps, file, "beeline.diffusion_steps", 1, 1 << 20));
  BL_TRY(get_real(&header->beta_first, file, "beeline.beta_first", 0, 1));
  return get_real(&header->beta_last, file, "beeline.beta_last", 0, 1);
}

/* What differs from Ho et al.'s network. */
static bl_status read_variant(bl_network_shape *shape, const bl_safetensors *file) {
  double epsilon = 0;
  BL_TRY(get_integer(&shape->attention_levels, file, "beeline.attention_levels", 0, (1 << BL_NETWORK_LEVELS) - 1));
  BL_TRY(get_integer(&shape->down_padding, file, "beeline.down_padding", 0, 1));
  BL_TRY(get_integer(&shape->cosine_first, file, "beeline.cosine_first", 0, 1));
  BL_TRY(get_integer(&shape->unshifted, file, "beeline.unshifted", 0, 1));
  BL_TRY(get_integer(&shape->groups, file, "beeline.groups", 0, 4096));
  BL_TRY(get_integer(&shape->head_width, file, "beeline.head_width", 0, 65536));
  BL_TRY(get_real(&epsilon, file, "beeline.norm_epsilon", 0, 1));
  shape->norm_epsilon = (float)epsilon;
  return BL_OK;
}

static bl_status read_sizes(bl_network_shape *shape, const bl_safetensors *file, const bl_options *options) {
  double dropout = 0;
  int patch = 1;
  shape->height = shape->width = options->import.sample_size;
  BL_TRY(get_integer(&shape->height, file, "beeline.height", 1, 16384));
  BL_TRY(get_integer(&shape->width, file, "beeline.width", 1, 16384));
  BL_TRY(get_integer(&patch, file, "beeline.patch", 1, 64));
  BL_TRY(get_real(&dropout, file, "beeline.dropout", 0, 0.999));
  shape->patch = patch > 1 ? patch : 0;
  shape->dropout = (float)dropout;
  BL_TRY(read_variant(shape, file));
  if (shape->height == 0)
    return bl_options_reject(options, "import.sample_size",
                             "the side of the images in pixels: %s does not tell it (no metadata of Beeline)", file->path);
  return BL_OK;
}

/* ---- The network, from the shapes of its tensors -------------------------------------------------------------------- */

static bl_status read_levels(bl_network_shape *shape, const bl_safetensors *file) {
  static const char block[] = "down.%d.block.%d.conv1.weight", attention[] = "down.%d.attn.%d.q.weight";
  const bl_safetensors_tensor *tensor;
  const int height = shape->height / (shape->patch > 1 ? shape->patch : 1);
  while (shape->blocks < 64 && find_tensor(file, block, 0, shape->blocks) != NULL)
    shape->blocks++;
  for (int level = 0; level < BL_NETWORK_LEVELS && (tensor = find_tensor(file, block, level, 0)) != NULL; level++) {
    const size_t channels = tensor->dimensions == 4 ? tensor->shape[0] : 0, base = (size_t)shape->base_channels;
    if (channels == 0 || channels % base != 0 || channels / base > 1024)
      return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found %zu output channels, expected a multiple of the %zu of conv_in",
                     file->path, tensor->name, channels, base);
    shape->multipliers[shape->multiplier_count++] = (int)(channels / base);
    if (shape->attention_levels == 0 && find_tensor(file, attention, level, 0) != NULL)
      shape->attention[shape->attention_count++] = height >> level;
  }
  return BL_OK;
}

static bl_status describe(bl_foreign_model *model, const bl_safetensors *file, const bl_options *options) {
  bl_network_shape *shape = &model->header.shape;
  const bl_safetensors_tensor *first = bl_safetensors_find(file, "conv_in.weight");
  *shape = (bl_network_shape){.kind = BL_NETWORK_UNET};
  if (first == NULL || first->dimensions != 4 || bl_safetensors_count(first) == 0 || first->shape[0] > 65536 ||
      first->shape[1] > 65536)
    return bl_fail(
        BL_ERROR_INPUT,
        "%s: has no tensor conv_in.weight of four sizes, which U-Nets of the public DDPM code have; checkpoints of "
        "PyTorch become one by analysis/checkpoint_to_safetensors.py, which strips prefixes of names",
        file->path);
  BL_TRY(read_sizes(shape, file, options));
  const int pixels = shape->patch > 1 ? shape->patch * shape->patch : 1;
  shape->base_channels = (int)first->shape[0];
  shape->channels = (int)first->shape[1] / pixels;
  BL_TRY(read_levels(shape, file));
  return read_process(&model->header, file, options);
}

/* ---- Out: any network, as it is ------------------------------------------------------------------------------------- */

static bl_status check(const bl_model_header *header, const char *path) {
  (void)header, (void)path;
  return BL_OK;
}

static bl_status write_rest(const char *output, const bl_model_header *header, const bl_foreign_chain *chain) {
  (void)output, (void)header, (void)chain;
  return BL_OK;
}

static const char *const files[] = {"", NULL};

const bl_model_format bl_model_format_ddpm = {.name = "ddpm",
                                              .files = files,
                                              .find = find,
                                              .describe = describe,
                                              .spell = spell,
                                              .check = check,
                                              .write = write_rest};
