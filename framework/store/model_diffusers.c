/* Models of diffusers: UNet2DModel, alone or in a pipeline's folder. Its names and ours: each level of the way down is a
 * block of its own, and the blocks of the way up are numbered from the deepest level. */
#include "base/log.h"
#include "base/memory.h"
#include "layer/layer.h"
#include "store/json.h"
#include "store/model_format_row.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WEIGHTS "diffusion_pytorch_model.safetensors"

/* ---- Where the files are -------------------------------------------------------------------------------------------- */

static bool is_there(const char *path) {
  return access(path, F_OK) == 0;
}

static bool is_folder(const char *path) {
  struct stat what;
  return stat(path, &what) == 0 && S_ISDIR(what.st_mode);
}

static bl_status find(bl_foreign_model *model, const bl_options *options) {
  const char *path = options->import.model;
  char config[BL_MODEL_FORMAT_PATH], pickle[BL_MODEL_FORMAT_PATH];
  if (strlen(path) > sizeof config - 64)
    return bl_options_reject(options, "import.model", "a path of less than %d bytes", BL_MODEL_FORMAT_PATH - 64);
  snprintf(model->weights, sizeof model->weights, "%s", path);
  if (!is_folder(path))
    return BL_OK;
  snprintf(config, sizeof config, "%s/unet/config.json", path);
  const char *part = is_there(config) ? "/unet" : "";
  snprintf(model->weights, sizeof model->weights, "%s%s/" WEIGHTS, path, part);
  snprintf(pickle, sizeof pickle, "%s%s/diffusion_pytorch_model.bin", path, part);
  if (is_there(model->weights) || !is_there(pickle))
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT,
                 "%s: is a pickle of Python, which is not read here; analysis/checkpoint_to_safetensors.py makes " WEIGHTS
                 " of it",
                 pickle);
}

/* Files beside the weights: "config.json", "../scheduler/scheduler_config.json". */
static void beside(char path[BL_MODEL_FORMAT_PATH], const char *weights, const char *name) {
  const char *slash = strrchr(weights, '/');
  snprintf(path, BL_MODEL_FORMAT_PATH, "%.*s%s", slash == NULL ? 0 : (int)(slash + 1 - weights), weights, name);
}

/* In a pipeline's folder, or in the same where there is no pipeline's. */
static bool find_scheduler(char path[BL_MODEL_FORMAT_PATH], const char *weights) {
  static const char *const places[] = {"scheduler_config.json", "scheduler/scheduler_config.json",
                                       "../scheduler/scheduler_config.json"};
  char parent[BL_MODEL_FORMAT_PATH];
  beside(parent, weights, "../model_index.json");
  const int count = is_there(parent) ? 3 : 2;
  for (int i = 0; i < count; i++) {
    beside(path, weights, places[i]);
    if (is_there(path))
      return true;
  }
  return false;
}

static bl_status describe(bl_foreign_model *model, const bl_safetensors *file, const bl_options *options) {
  char path[BL_MODEL_FORMAT_PATH];
  (void)file;
  beside(path, model->weights, "config.json");
  BL_TRY(bl_diffusers_read_network(&model->header.shape, path, options));
  if (find_scheduler(path, model->weights))
    return bl_diffusers_read_scheduler(&model->header, path);
  bl_warn(
      "%s: has no scheduler_config.json near it: the diffusion is that of the section diffusion, and the model predicts "
      "epsilon",
      model->weights);
  bl_model_format_configure(&model->header, options);
  return BL_OK;
}

/* ---- Names ---------------------------------------------------------------------------------------------------------- */

/* Of a layer within its block; the second one of diffusers before 2023. */
static const struct {
  const char *ours, *theirs, *old;
} parts[] = {{"temb_proj", "time_emb_proj", NULL},
             {"nin_shortcut", "conv_shortcut", NULL},
             {"norm", "group_norm", NULL},
             {"q", "to_q", "query"},
             {"k", "to_k", "key"},
             {"v", "to_v", "value"},
             {"proj_out", "to_out.0", "proj_attn"}};

/* Of blocks that are there once. */
static const struct {
  const char *ours, *theirs;
} blocks[] = {{"temb.dense.0.", "time_embedding.linear_1."},
              {"temb.dense.1.", "time_embedding.linear_2."},
              {"norm_out.", "conv_norm_out."},
              {"mid.block_1.", "mid_block.resnets.0."},
              {"mid.attn_1.", "mid_block.attentions.0."},
              {"mid.block_2.", "mid_block.resnets.1."}};

/* The beginning of a name, up to the layer. Returns how much of \a ours it stands for. */
static int spell_block(char *name, const char *ours, int levels) {
  int level, block, used = 0;
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    if (strncmp(ours, blocks[i].ours, strlen(blocks[i].ours)) == 0) {
      snprintf(name, BL_SAFETENSORS_NAME, "%s", blocks[i].theirs);
      return (int)strlen(blocks[i].ours);
    }
  const bool up = strncmp(ours, "up.", 3) == 0;
  const char *way = up ? "up" : "down", *at = strchr(ours, '.');
  name[0] = '\0';
  if (at == NULL || (!up && strncmp(ours, "down.", 5) != 0))
    return 0;
  const int start = (int)(at + 1 - ours);
  if (sscanf(at + 1, "%d.block.%d.%n", &level, &block, &used) == 2 && used > 0)
    snprintf(name, BL_SAFETENSORS_NAME, "%s_blocks.%d.resnets.%d.", way, up ? levels - 1 - level : level, block);
  else if (sscanf(at + 1, "%d.attn.%d.%n", &level, &block, &used) == 2 && used > 0)
    snprintf(name, BL_SAFETENSORS_NAME, "%s_blocks.%d.attentions.%d.", way, up ? levels - 1 - level : level, block);
  else if (sscanf(at + 1, "%d.downsample.%n", &level, &used) == 1 && used > 0)
    snprintf(name, BL_SAFETENSORS_NAME, "down_blocks.%d.downsamplers.0.", level);
  else if (sscanf(at + 1, "%d.upsample.%n", &level, &used) == 1 && used > 0)
    snprintf(name, BL_SAFETENSORS_NAME, "up_blocks.%d.upsamplers.0.", levels - 1 - level);
  return used > 0 ? start + used : 0;
}

static bool spell(char name[BL_SAFETENSORS_NAME], const char *ours, int levels, int spelling) {
  const char *layer = ours + spell_block(name, ours, levels);
  const size_t length = strcspn(layer, ".");
  const char *theirs = NULL;
  for (size_t i = 0; i < sizeof parts / sizeof *parts && name[0] != '\0'; i++)
    if (strlen(parts[i].ours) == length && strncmp(layer, parts[i].ours, length) == 0)
      theirs = spelling == 1 && parts[i].old != NULL ? parts[i].old : parts[i].theirs;
  const size_t used = strlen(name);
  if (theirs != NULL)
    snprintf(name + used, BL_SAFETENSORS_NAME - used, "%s%s", theirs, layer + length);
  else
    snprintf(name + used, BL_SAFETENSORS_NAME - used, "%s", layer);
  if (spelling == 2) /* as google's first files may have it: our own name of a layer of attention */
    snprintf(name + used, BL_SAFETENSORS_NAME - used, "%s", layer);
  return spelling < 3;
}

/* ---- Out ------------------------------------------------------------------------------------------------------------ */

static bl_status check(const bl_model_header *header, const char *path) {
  const bl_network_shape *shape = &header->shape;
  if (shape->kind != BL_NETWORK_UNET)
    return bl_fail(BL_ERROR_INPUT, "%s: holds a network of kind %s, which diffusers has no word for; expected a unet", path,
                   bl_network_kind_name(shape->kind));
  if (shape->patch > 1)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: its U-Net works on patches of %d x %d pixels, which diffusers' UNet2DModel cannot; a .safetensors "
                   "file as output takes it",
                   path, shape->patch, shape->patch);
  if (strcmp(header->prediction, "epsilon") != 0 && strcmp(header->prediction, "x") != 0 &&
      strcmp(header->prediction, "v") != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: predicts %s, which diffusers' DDPMScheduler cannot; expected epsilon, x or v", path,
                   header->prediction);
  return BL_OK;
}

/* The embeddings of a chain's times by the layer that computes them, the last step first, as diffusers counts. */
static bl_status embed(float *rows, const bl_foreign_chain *chain, const bl_network_shape *shape) {
  const bl_time_form form = {.cosine_first = shape->cosine_first != 0, .unshifted = shape->unshifted != 0};
  const size_t steps = (size_t)chain->steps;
  float *times = NULL;
  bl_graph *graph = NULL;
  bl_status status;
  BL_GOTO(bl_allocate(&times, steps, sizeof *times));
  for (size_t i = 0; i < steps; i++)
    times[i] = chain->time[steps - 1 - i];
  BL_GOTO(bl_graph_create(&graph, chain->steps));
  (void)bl_input(graph, 1, 1, 1); /* each graph has one */
  bl_output(graph, bl_time_embedding(graph, bl_input_time(graph), shape->base_channels, form));
  BL_GOTO(bl_graph_compile(graph, BL_GRAPH_INFERENCE));
  status = bl_graph_forward(graph, rows, &(bl_graph_inputs){.x = times, .time = times});
done:
  bl_graph_destroy(&graph);
  bl_free(&times);
  return status;
}

static bl_status add_chain(bl_safetensors_part *part, float **values, const bl_model_header *header,
                           const bl_foreign_chain *chain) {
  const size_t steps = (size_t)chain->steps, features = (size_t)header->shape.base_channels;
  *part = (bl_safetensors_part){.name = "time_proj.weight", .dimensions = 2, .shape = {steps, features}};
  BL_TRY(bl_allocate(values, steps * features, sizeof **values));
  part->values = *values;
  return embed(*values, chain, &header->shape);
}

static bl_status write_index(const char *path, const bl_foreign_chain *chain) {
  const bool ddim = chain != NULL && chain->eta < 1;
  return bl_json_write(
      path, json_pack("{s:s, s:[s, s], s:[s, s]}", "_class_name", ddim ? "DDIMPipeline" : "DDPMPipeline", "scheduler",
                      "diffusers", ddim ? "DDIMScheduler" : "DDPMScheduler", "unet", "diffusers", "UNet2DModel"));
}

static bl_status write_rest(const char *output, const bl_model_header *header, const bl_foreign_chain *chain) {
  char path[BL_MODEL_FORMAT_PATH];
  bl_model_export_file(path, bl_model_format_diffusers.name, output, 1);
  BL_TRY(bl_diffusers_write_network(path, &header->shape, chain));
  bl_model_export_file(path, bl_model_format_diffusers.name, output, 2);
  BL_TRY(bl_diffusers_write_scheduler(path, header, chain));
  bl_model_export_file(path, bl_model_format_diffusers.name, output, 3);
  return write_index(path, chain);
}

static const char *const files[] = {"/unet/" WEIGHTS, "/unet/config.json", "/scheduler/scheduler_config.json",
                                    "/model_index.json", NULL};

const bl_model_format bl_model_format_diffusers = {.name = "diffusers",
                                                   .files = files,
                                                   .flat_attention = true,
                                                   .find = find,
                                                   .describe = describe,
                                                   .spell = spell,
                                                   .check = check,
                                                   .add_chain = add_chain,
                                                   .write = write_rest};
