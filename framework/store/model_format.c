#include "store/model_format.h"

#include "base/memory.h"
#include "store/model_format_row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bl_model_format *const table[] = {&bl_model_format_ddpm, &bl_model_format_diffusers};

enum { FORMATS = sizeof table / sizeof table[0], HIGHEST_STEPS = 1 << 20 };

static const bl_model_format *find_format(const char *name) {
  for (int i = 0; i < FORMATS; i++)
    if (strcmp(table[i]->name, name) == 0)
      return table[i];
  return NULL;
}

bool bl_model_format_is_known(const char *name) {
  return find_format(name) != NULL;
}

/* ---- For the rows --------------------------------------------------------------------------------------------------- */

const bl_safetensors_tensor *bl_model_format_find(const bl_model_format *format, const bl_safetensors *file,
                                                  const char *ours, int levels) {
  char name[BL_SAFETENSORS_NAME];
  const bl_safetensors_tensor *tensor = NULL;
  for (int spelling = 0; tensor == NULL && format->spell(name, ours, levels, spelling); spelling++)
    tensor = bl_safetensors_find(file, name);
  return tensor;
}

void bl_model_format_configure(bl_model_header *header, const bl_options *options) {
  snprintf(header->schedule, sizeof header->schedule, "%s", options->diffusion.schedule);
  snprintf(header->prediction, sizeof header->prediction, "epsilon");
  header->diffusion_steps = options->diffusion.steps;
  header->beta_first = options->diffusion.beta_first;
  header->beta_last = options->diffusion.beta_last;
}

bl_status bl_model_format_check(const bl_model_header *header, const char *path) {
  if (header->diffusion_steps < 1 || header->diffusion_steps > HIGHEST_STEPS)
    return bl_fail(BL_ERROR_INPUT, "%s: found %d diffusion steps, expected 1 to %d", path, header->diffusion_steps,
                   HIGHEST_STEPS);
  if (!(header->beta_first > 0 && header->beta_first <= header->beta_last && header->beta_last < 1))
    return bl_fail(BL_ERROR_INPUT, "%s: found beta from %g to %g, expected 0 < first <= last < 1", path, header->beta_first,
                   header->beta_last);
  return BL_OK;
}

/* ---- In ------------------------------------------------------------------------------------------------------------- */

/* Sizes up to the last that is not 1: a convolution of 1 x 1 is a matrix. */
static int rank_of(const size_t *shape, int dimensions) {
  while (dimensions > 0 && shape[dimensions - 1] == 1)
    dimensions--;
  return dimensions;
}

/* The tensor of a parameter, of the right shape. */
static bl_status get_tensor(const bl_safetensors_tensor **tensor, const bl_model_format *format, const bl_safetensors *file,
                            const char *ours, const size_t *shape, int dimensions, int levels) {
  char expected[192], found[192], name[BL_SAFETENSORS_NAME];
  bl_safetensors_shape_text(expected, sizeof expected, shape, dimensions);
  *tensor = bl_model_format_find(format, file, ours, levels);
  if (*tensor == NULL) {
    format->spell(name, ours, levels, 0);
    return bl_fail(BL_ERROR_INPUT, "%s: has no tensor %s, expected one of shape %s: the file is of another network",
                   file->path, name, expected);
  }
  if (!bl_safetensors_is_real(*tensor))
    return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found numbers of type %s, expected F32, F16, BF16 or F64", file->path,
                   (*tensor)->name, (*tensor)->type);
  const int rank = rank_of(shape, dimensions);
  if (rank_of((*tensor)->shape, (*tensor)->dimensions) == rank &&
      memcmp((*tensor)->shape, shape, (size_t)rank * sizeof *shape) == 0)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found shape %s, expected %s: the file is of another network", file->path,
                 (*tensor)->name, bl_safetensors_shape_text(found, sizeof found, (*tensor)->shape, (*tensor)->dimensions),
                 expected);
}

/* No network may be built that the file cannot hold: the second convolution of each block says enough. */
static bl_status check_sizes(const bl_model_format *format, const bl_safetensors *file, const bl_network_shape *shape) {
  for (int level = 0; level < shape->multiplier_count; level++)
    for (int block = 0; block < shape->blocks; block++) {
      char name[BL_PARAMETER_NAME];
      const bl_safetensors_tensor *tensor;
      const size_t channels = (size_t)shape->base_channels * (size_t)shape->multipliers[level];
      snprintf(name, sizeof name, "down.%d.block.%d.conv2.weight", level, block);
      BL_TRY(
          get_tensor(&tensor, format, file, name, (const size_t[]){channels, channels, 3, 3}, 4, shape->multiplier_count));
    }
  return BL_OK;
}

static bl_status read_values(bl_foreign_model *model, const bl_model_format *format, const bl_safetensors *file) {
  const bl_parameter_table *parameters = bl_graph_parameters(model->graph);
  bool *used;
  bl_status status = BL_OK;
  BL_TRY(bl_allocate(&used, file->tensor_count + 1, sizeof *used));
  for (size_t i = 0; i < parameters->entry_count; i++) {
    const bl_parameter *entry = &parameters->entries[i];
    const bl_safetensors_tensor *tensor;
    BL_GOTO(get_tensor(&tensor, format, file, entry->name, entry->shape, entry->dimensions,
                       model->header.shape.multiplier_count));
    BL_GOTO(bl_safetensors_read_finite(model->values + entry->offset, file, tensor));
    used[tensor - file->tensors] = true;
  }
  for (size_t i = 0; i < file->tensor_count; i++)
    if (!used[i])
      BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s: tensor %s: found what the network has no use for: the file is of another one",
                      file->path, file->tensors[i].name));
done:
  bl_free(&used);
  return status;
}

/* What no other format has a word for is in the metadata that Beeline writes. */
static bl_status read_extra(bl_model_header *header, const bl_safetensors *file) {
  const char *steps = bl_safetensors_text_of(file, "beeline.distilled_steps");
  if (steps == NULL)
    return BL_OK;
  const long value = strtol(steps, NULL, 10);
  if (value < 1 || value > HIGHEST_STEPS)
    return bl_fail(BL_ERROR_INPUT, "%s: __metadata__: beeline.distilled_steps: found %s, expected 1 to %d", file->path,
                   steps, HIGHEST_STEPS);
  header->distilled_steps = (int)value;
  return BL_OK;
}

static bl_status import(bl_foreign_model *model, const bl_model_format *format, const bl_safetensors *file,
                        const bl_options *options) {
  BL_TRY(format->describe(model, file, options));
  BL_TRY(read_extra(&model->header, file));
  BL_TRY(bl_model_format_check(&model->header, model->weights));
  BL_TRY(check_sizes(format, file, &model->header.shape));
  if (bl_network_create(&model->graph, &model->header.shape, 1, BL_GRAPH_INFERENCE, false) != BL_OK) {
    char reason[BL_MESSAGE_SIZE];
    snprintf(reason, sizeof reason, "%s", bl_status_message());
    bl_status_clear();
    return bl_fail(BL_ERROR_INPUT, "%s: %s", model->weights, reason);
  }
  BL_TRY(bl_allocate(&model->values, bl_graph_parameters(model->graph)->count, sizeof *model->values));
  return read_values(model, format, file);
}

bl_status bl_model_import(bl_foreign_model *model, const bl_options *options) {
  const bl_model_format *format = find_format(options->import.format);
  bl_safetensors file;
  *model = (bl_foreign_model){.header = {.prediction = "epsilon"}};
  if (options->import.model[0] == '\0')
    return bl_options_reject(options, "import.model", "the model to read: a folder, or a .safetensors file");
  BL_TRY(format->find(model, options));
  BL_TRY(bl_safetensors_open(&file, model->weights));
  const bl_status status = import(model, format, &file, options);
  bl_safetensors_close(&file);
  return status;
}

void bl_foreign_model_destroy(bl_foreign_model *model) {
  bl_free(&model->values);
  bl_graph_destroy(&model->graph);
}

/* ---- Out ------------------------------------------------------------------------------------------------------------ */

bl_status bl_model_export_check(const char *format, const bl_model_header *header, const char *path) {
  if (header->head[0] != '\0')
    return bl_fail(BL_ERROR_INPUT,
                   "%s: holds a head (%s) of a diffusion model, which other programs have no use for; expected a model",
                   path, header->head);
  return find_format(format)->check(header, path);
}

bool bl_model_export_file(char *path, const char *format, const char *output, int index) {
  const bl_model_format *row = find_format(format);
  for (int i = 0; i <= index; i++)
    if (row->files[i] == NULL)
      return false;
  snprintf(path, BL_MODEL_FORMAT_PATH, "%s%s", output, row->files[index]);
  return true;
}

static bool is_attention(const char *name) {
  return strstr(name, ".attn") != NULL && strstr(name, ".weight") != NULL;
}

static void fill_part(bl_safetensors_part *part, char name[BL_SAFETENSORS_NAME], const bl_model_format *format,
                      const bl_parameter *entry, const float *values, int levels) {
  format->spell(name, entry->name, levels, 0);
  *part = (bl_safetensors_part){.name = name, .dimensions = entry->dimensions, .values = values + entry->offset};
  memcpy(part->shape, entry->shape, (size_t)entry->dimensions * sizeof *entry->shape);
  if (format->flat_attention && is_attention(entry->name))
    part->dimensions = rank_of(entry->shape, entry->dimensions);
}

enum { OWN_TEXTS = 17, TEXT = 40 };

/* What the names of tensors, or other programs, have no word for. */
static size_t own_texts(bl_safetensors_text texts[OWN_TEXTS], char values[OWN_TEXTS][TEXT], const bl_model_header *header) {
  const bl_network_shape *shape = &header->shape;
  const struct {
    const char *key;
    int value;
  } integers[] = {{"beeline.height", shape->height},
                  {"beeline.width", shape->width},
                  {"beeline.patch", shape->patch},
                  {"beeline.attention_levels", shape->attention_levels},
                  {"beeline.down_padding", shape->down_padding},
                  {"beeline.cosine_first", shape->cosine_first},
                  {"beeline.unshifted", shape->unshifted},
                  {"beeline.groups", shape->groups},
                  {"beeline.head_width", shape->head_width},
                  {"beeline.diffusion_steps", header->diffusion_steps},
                  {"beeline.distilled_steps", header->distilled_steps}};
  const struct {
    const char *key;
    double value;
  } reals[] = {{"beeline.dropout", (double)shape->dropout},
               {"beeline.norm_epsilon", (double)shape->norm_epsilon},
               {"beeline.beta_first", header->beta_first},
               {"beeline.beta_last", header->beta_last}};
  size_t count = 0;
  for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
    if (integers[i].value != 0) {
      snprintf(values[count], TEXT, "%d", integers[i].value);
      texts[count] = (bl_safetensors_text){integers[i].key, values[count]};
      count++;
    }
  for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
    if (reals[i].value != 0) {
      snprintf(values[count], TEXT, "%.17g", reals[i].value);
      texts[count] = (bl_safetensors_text){reals[i].key, values[count]};
      count++;
    }
  texts[count++] = (bl_safetensors_text){"beeline.schedule", header->schedule};
  texts[count++] = (bl_safetensors_text){"beeline.prediction", header->prediction};
  return count;
}

bl_status bl_model_export(const char *format, const char *output, const bl_model_header *header,
                          const bl_foreign_chain *chain, const bl_parameter_table *parameters, const float *values,
                          const bl_safetensors_text *texts, size_t text_count) {
  const bl_model_format *row = find_format(format);
  char path[BL_MODEL_FORMAT_PATH], (*names)[BL_SAFETENSORS_NAME] = NULL;
  bl_safetensors_part *parts = NULL;
  bl_safetensors_text *all = NULL;
  char own[OWN_TEXTS][TEXT];
  float *added = NULL;
  size_t count = parameters->entry_count;
  bl_status status;
  BL_GOTO(bl_allocate(&names, count, sizeof *names));
  BL_GOTO(bl_allocate(&parts, count + 1, sizeof *parts));
  for (size_t i = 0; i < count; i++)
    fill_part(&parts[i], names[i], row, &parameters->entries[i], values, header->shape.multiplier_count);
  if (chain != NULL)
    BL_GOTO(row->add_chain(&parts[count++], &added, header, chain));
  BL_GOTO(bl_allocate(&all, text_count + OWN_TEXTS, sizeof *all));
  if (text_count > 0)
    memcpy(all, texts, text_count * sizeof *all);
  text_count += own_texts(all + text_count, own, header);
  bl_model_export_file(path, format, output, 0);
  BL_GOTO(bl_safetensors_write(path, parts, count, all, text_count));
  status = row->write(output, header, chain);
done:
  bl_free(&added);
  bl_free(&all);
  bl_free(&parts);
  bl_free(&names);
  return status;
}
