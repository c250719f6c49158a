#include "store/model_format.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const bl_model_header header = {
    .shape = {.kind = BL_NETWORK_UNET,
              .channels = 3,
              .height = 16,
              .width = 32,
              .base_channels = 32,
              .multiplier_count = 4,
              .multipliers = {1, 2, 2, 1},
              .blocks = 2,
              .attention_count = 2,
              .attention = {8, 2},
              .dropout = 0.1F},
    .schedule = "cosine",
    .diffusion_steps = 200,
    .beta_first = 1e-3,
    .beta_last = 0.1,
    .prediction = "v",
    .distilled_steps = 4,
};

/* The network of a header with weights. */
typedef struct fixture {
  bl_graph *graph;
  const bl_parameter_table *table;
  float *values;
} fixture;

static void make(fixture *f, const bl_model_header *of) {
  assert_int_equal(bl_network_create(&f->graph, &of->shape, 1, BL_GRAPH_INFERENCE, false), BL_OK);
  f->table = bl_graph_parameters(f->graph);
  assert_int_equal(bl_allocate(&f->values, f->table->count, sizeof *f->values), BL_OK);
  bl_parameter_initialise(f->values, f->table, 5);
}

static void destroy(fixture *f) {
  bl_free(&f->values);
  bl_graph_destroy(&f->graph);
}

static bl_status import(bl_foreign_model *model, const char *format, const char *path, int sample_size) {
  char sets[3][600];
  snprintf(sets[0], sizeof sets[0], "import.format=%s", format);
  snprintf(sets[1], sizeof sets[1], "import.model=%s", path);
  snprintf(sets[2], sizeof sets[2], "import.sample_size=%d", sample_size);
  bl_options *options = options_of((const char *const[]){sets[0], sets[1], sets[2], NULL});
  const bl_status status = bl_model_import(model, options);
  bl_options_destroy(&options);
  return status;
}

static void refuse_model(const char *format, const char *path, const char *reason) {
  bl_foreign_model model;
  const bl_status status = import(&model, format, path, 0);
  bl_foreign_model_destroy(&model);
  if (status != BL_ERROR_INPUT && status != BL_ERROR_USAGE)
    fail_msg("status %d \"%s\", expected a refusal: %s", (int)status, bl_status_message(), reason);
  assert_true(message_has(reason));
}

static void expect_model(const char *format, const char *path, const bl_model_header *expected, const fixture *f) {
  bl_foreign_model model;
  if (import(&model, format, path, 0) != BL_OK)
    fail_msg("%s: %s", format, bl_status_message());
  assert_memory_equal(&model.header.shape, &expected->shape, sizeof expected->shape);
  assert_string_equal(model.header.schedule, expected->schedule);
  assert_string_equal(model.header.prediction, expected->prediction);
  assert_int_equal(model.header.diffusion_steps, expected->diffusion_steps);
  assert_int_equal(model.header.distilled_steps, expected->distilled_steps);
  assert_true(model.header.beta_first == expected->beta_first && model.header.beta_last == expected->beta_last);
  assert_memory_equal(model.values, f->values, f->table->count * sizeof *f->values);
  bl_foreign_model_destroy(&model);
}

static void models_come_back_with_the_same_bits(void **state) {
  (void)state;
  static const char *const schedules[] = {"linear", "quadratic", "sigmoid", "cosine"};
  static const char *const predictions[] = {"epsilon", "x", "v", "epsilon"};
  fixture f;
  bl_model_header other = header;
  make(&f, &header);
  for (int i = 0; i < 4; i++) {
    snprintf(other.schedule, sizeof other.schedule, "%s", schedules[i]);
    snprintf(other.prediction, sizeof other.prediction, "%s", predictions[i]);
    assert_int_equal(bl_model_export_check("diffusers", &other, "a.nc"), BL_OK);
    assert_int_equal(bl_model_export("diffusers", scratch("pipeline"), &other, NULL, f.table, f.values, NULL, 0), BL_OK);
    expect_model("diffusers", scratch("pipeline"), &other, &f);
    assert_int_equal(bl_model_export("ddpm", scratch("a.safetensors"), &other, NULL, f.table, f.values, NULL, 0), BL_OK);
    expect_model("ddpm", scratch("a.safetensors"), &other, &f);
  }
  expect_model("diffusers", scratch("pipeline/unet"), &other, &f);
  expect_model("diffusers", scratch("pipeline/unet/diffusion_pytorch_model.safetensors"), &other, &f);
  destroy(&f);
  other.shape.patch = 2;
  other.shape.attention_count = 1;
  other.shape.attention[1] = 0;
  other.shape.attention[0] = 8;
  make(&f, &other);
  assert_int_equal(bl_model_export("ddpm", scratch("a.safetensors"), &other, NULL, f.table, f.values, NULL, 0), BL_OK);
  expect_model("ddpm", scratch("a.safetensors"), &other, &f);
  destroy(&f);
}

/* Names and shapes as the public files have them. */
static void names_are_those_of_diffusers(void **state) {
  (void)state;
  static const struct {
    const char *ours, *theirs, *shape;
  } rows[] = {
      {"conv_in.weight", "conv_in.weight", "[32, 3, 3, 3]"},
      {"temb.dense.1.bias", "time_embedding.linear_2.bias", "[128]"},
      {"down.0.block.0.conv1.weight", "down_blocks.0.resnets.0.conv1.weight", "[32, 32, 3, 3]"},
      {"down.1.block.0.nin_shortcut.weight", "down_blocks.1.resnets.0.conv_shortcut.weight", "[64, 32, 1, 1]"},
      {"down.1.block.1.temb_proj.weight", "down_blocks.1.resnets.1.time_emb_proj.weight", "[64, 128]"},
      {"down.1.attn.0.q.weight", "down_blocks.1.attentions.0.to_q.weight", "[64, 64]"},
      {"down.1.attn.1.norm.weight", "down_blocks.1.attentions.1.group_norm.weight", "[64]"},
      {"down.2.downsample.conv.weight", "down_blocks.2.downsamplers.0.conv.weight", "[64, 64, 3, 3]"},
      {"mid.attn_1.proj_out.bias", "mid_block.attentions.0.to_out.0.bias", "[32]"},
      {"mid.block_2.norm1.weight", "mid_block.resnets.1.norm1.weight", "[32]"},
      {"up.3.block.0.conv1.weight", "up_blocks.0.resnets.0.conv1.weight", "[32, 64, 3, 3]"},
      {"up.1.attn.2.v.weight", "up_blocks.2.attentions.2.to_v.weight", "[64, 64]"},
      {"up.0.block.2.nin_shortcut.weight", "up_blocks.3.resnets.2.conv_shortcut.weight", "[32, 64, 1, 1]"},
      {"up.1.upsample.conv.weight", "up_blocks.2.upsamplers.0.conv.weight", "[64, 64, 3, 3]"},
      {"norm_out.bias", "conv_norm_out.bias", "[32]"},
  };
  fixture f;
  bl_safetensors file;
  char shape[64];
  float *values;
  make(&f, &header);
  assert_int_equal(bl_allocate(&values, f.table->count, sizeof *values), BL_OK);
  assert_int_equal(bl_model_export("diffusers", scratch("names"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  assert_int_equal(bl_safetensors_open(&file, scratch("names/unet/diffusion_pytorch_model.safetensors")), BL_OK);
  assert_int_equal(file.tensor_count, f.table->entry_count);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const bl_parameter *ours = bl_parameter_find(f.table, rows[i].ours);
    const bl_safetensors_tensor *tensor = bl_safetensors_find(&file, rows[i].theirs);
    if (ours == NULL || tensor == NULL)
      fail_msg("%s, %s: %s is missing", rows[i].ours, rows[i].theirs, ours == NULL ? "ours" : "theirs");
    assert_string_equal(bl_safetensors_shape_text(shape, sizeof shape, tensor->shape, tensor->dimensions), rows[i].shape);
    assert_int_equal(bl_safetensors_read(values, &file, tensor), BL_OK);
    assert_memory_equal(values, f.values + ours->offset, ours->count * sizeof *values);
  }
  bl_safetensors_close(&file);
  bl_free(&values);
  destroy(&f);
}

/* Write the file of weights anew: `from` in its names becomes `to`; the tensor `left_out` is none of them, and one of the
 * name `added` is, where they are not NULL. */
static void rewrite(const char *path, const fixture *f, const char *(*rename)(char *, const char *), const char *left_out,
                    const char *added) {
  bl_safetensors file;
  bl_safetensors_part *parts;
  char(*names)[BL_SAFETENSORS_NAME];
  float *values;
  size_t count = 0, at = 0;
  assert_int_equal(bl_safetensors_open(&file, path), BL_OK);
  assert_int_equal(bl_allocate(&parts, file.tensor_count + 1, sizeof *parts), BL_OK);
  assert_int_equal(bl_allocate(&names, file.tensor_count + 1, sizeof *names), BL_OK);
  assert_int_equal(bl_allocate(&values, f->table->count, sizeof *values), BL_OK);
  for (size_t i = 0; i < file.tensor_count; i++) {
    const bl_safetensors_tensor *tensor = &file.tensors[i];
    if (left_out != NULL && strcmp(tensor->name, left_out) == 0)
      continue;
    bl_safetensors_part *part = &parts[count];
    *part = (bl_safetensors_part){
        .name = rename(names[count], tensor->name), .dimensions = tensor->dimensions, .values = values + at};
    memcpy(part->shape, tensor->shape, sizeof part->shape);
    assert_int_equal(bl_safetensors_read(values + at, &file, tensor), BL_OK);
    at += bl_safetensors_count(tensor);
    count++;
  }
  if (added != NULL)
    parts[count++] = (bl_safetensors_part){.name = added, .dimensions = 1, .shape = {1}, .values = values};
  bl_safetensors_close(&file);
  assert_int_equal(bl_safetensors_write(path, parts, count, NULL, 0), BL_OK);
  bl_free(&values);
  bl_free(&names);
  bl_free(&parts);
}

static const char *replace(char *name, const char *old, const char *const (*pairs)[2], size_t count) {
  snprintf(name, BL_SAFETENSORS_NAME, "%s", old);
  for (size_t i = 0; i < count; i++) {
    const char *place = strstr(old, pairs[i][0]);
    if (place != NULL)
      snprintf(name, BL_SAFETENSORS_NAME, "%.*s%s%s", (int)(place - old), old, pairs[i][1], place + strlen(pairs[i][0]));
  }
  return name;
}

static const char *old_attention(char *name, const char *old) {
  static const char *const pairs[][2] = {
      {".to_q.", ".query."}, {".to_k.", ".key."}, {".to_v.", ".value."}, {".to_out.0.", ".proj_attn."}};
  return replace(name, old, pairs, 4);
}

static const char *original_attention(char *name, const char *old) {
  static const char *const pairs[][2] = {
      {".to_q.", ".q."}, {".to_k.", ".k."}, {".to_v.", ".v."}, {".to_out.0.", ".proj_out."}, {".group_norm.", ".norm."}};
  return replace(name, old, pairs, 5);
}

static const char *older_downsampling(char *name, const char *old) {
  static const char *const pairs[][2] = {{".downsample.conv.", ".downsample.op."}};
  return replace(name, old, pairs, 1);
}

static const char *same_name(char *name, const char *old) {
  return replace(name, old, NULL, 0);
}

static void other_spellings_are_read(void **state) {
  (void)state;
  fixture f;
  bl_model_header plain = header;
  plain.distilled_steps = 0; /* goes with the metadata */
  make(&f, &plain);
  char weights[512];
  snprintf(weights, sizeof weights, "%s", scratch("old/unet/diffusion_pytorch_model.safetensors"));
  assert_int_equal(bl_model_export("diffusers", scratch("old"), &plain, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(weights, &f, old_attention, NULL, NULL);
  expect_model("diffusers", scratch("old"), &plain, &f);
  assert_int_equal(bl_model_export("diffusers", scratch("old"), &plain, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(weights, &f, original_attention, NULL, NULL);
  expect_model("diffusers", scratch("old"), &plain, &f);
  /* Without metadata the section diffusion and the shapes say the rest. */
  bl_model_header bare = header;
  bl_foreign_model model;
  bare.shape.width = 16;
  assert_int_equal(bl_model_export("ddpm", scratch("bare.safetensors"), &bare, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(scratch("bare.safetensors"), &f, older_downsampling, NULL, NULL);
  assert_int_equal(import(&model, "ddpm", scratch("bare.safetensors"), 16), BL_OK);
  bare.shape.dropout = 0;
  assert_memory_equal(&model.header.shape, &bare.shape, sizeof bare.shape);
  assert_string_equal(model.header.schedule, "linear");
  assert_int_equal(model.header.diffusion_steps, 1000);
  assert_memory_equal(model.values, f.values, f.table->count * sizeof *f.values);
  bl_foreign_model_destroy(&model);
  refuse_model("ddpm", scratch("bare.safetensors"), "import.sample_size");
  destroy(&f);
}

static void tensors_of_other_networks_are_refused(void **state) {
  (void)state;
  fixture f;
  char weights[512];
  make(&f, &header);
  snprintf(weights, sizeof weights, "%s", scratch("bad/unet/diffusion_pytorch_model.safetensors"));
  assert_int_equal(bl_model_export("diffusers", scratch("bad"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(weights, &f, same_name, "mid_block.attentions.0.to_q.weight", NULL);
  refuse_model("diffusers", scratch("bad"),
               "has no tensor mid_block.attentions.0.to_q.weight, expected one of shape [32, 32, 1, 1]");
  assert_int_equal(bl_model_export("diffusers", scratch("bad"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(weights, &f, same_name, "down_blocks.2.resnets.1.conv2.weight", NULL);
  refuse_model("diffusers", scratch("bad"), "has no tensor down_blocks.2.resnets.1.conv2.weight");
  assert_int_equal(bl_model_export("diffusers", scratch("bad"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  rewrite(weights, &f, same_name, NULL, "time_proj.weight");
  refuse_model("diffusers", scratch("bad"), "tensor time_proj.weight: found what the network has no use for");
  f.values[7] = 1.0F / 0.0F;
  assert_int_equal(bl_model_export("ddpm", scratch("inf.safetensors"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  refuse_model("ddpm", scratch("inf.safetensors"), "element 7: found inf");
  assert_int_equal(bl_model_export("diffusers", scratch("bad"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  assert_int_equal(rename(weights, scratch("bad/unet/diffusion_pytorch_model.bin")), 0);
  refuse_model("diffusers", scratch("bad"), "is a pickle of Python, which is not read here");
  refuse_model("diffusers", scratch("nowhere"), "No such file");
  refuse_model("diffusers", "", "import.model");
  destroy(&f);
}

/* ---- Configurations ------------------------------------------------------------------------------------------------- */

/* The file with one key set to a value of JSON, or removed where it is NULL. */
static void change(const char *path, const char *key, const char *value) {
  json_t *json = json_load_file(path, 0, NULL);
  assert_non_null(json);
  if (value == NULL)
    json_object_del(json, key);
  else
    json_object_set_new(json, key, json_loads(value, JSON_DECODE_ANY, NULL));
  assert_int_equal(json_dump_file(json, path, 0), 0);
  json_decref(json);
}

typedef struct setting {
  const char *key, *value, *reason;
} setting;

static void refuse_settings(const char *file, const setting *settings, size_t count) {
  fixture f;
  char path[512];
  snprintf(path, sizeof path, "%s/%s", scratch("keys"), file);
  make(&f, &header);
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(bl_model_export("diffusers", scratch("keys"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
    change(path, settings[i].key, settings[i].value);
    if (settings[i].reason == NULL)
      expect_model("diffusers", scratch("keys"), &header, &f);
    else
      refuse_model("diffusers", scratch("keys"), settings[i].reason);
  }
  destroy(&f);
}

static void networks_that_are_others_are_refused(void **state) {
  (void)state;
  static const setting settings[] = {
      {"_class_name", "\"UNetModel\"", "_class_name: found \"UNetModel\", supported: \"UNet2DModel\""},
      {"_diffusers_version", "\"9\"", NULL},
      {"act_fn", "\"gelu\"", "act_fn: found \"gelu\", supported: \"silu\""},
      {"act_fn", "\"swish\"", NULL},
      {"add_attention", "false", "add_attention: found false, supported: true"},
      {"attention_head_dim", "64", "head_width is 64, which does not divide the 32 channels"},
      {"attention_head_dim", "0", "attention_head_dim: found 0, supported: null, or 1 to 65536"},
      {"attn_norm_num_groups", "16", "attn_norm_num_groups: found 16"},
      {"attn_norm_num_groups", NULL, NULL},
      {"center_input_sample", "true", "center_input_sample: found true, supported: false"},
      {"class_embed_type", "\"timestep\"", "class_embed_type: found \"timestep\", supported: null"},
      {"downsample_padding", "2", "downsample_padding: found 2, supported: 0 to 1"},
      {"downsample_type", "\"resnet\"", "downsample_type: found \"resnet\""},
      {"flip_sin_to_cos", "1", "flip_sin_to_cos: found 1, supported: true or false"},
      {"freq_shift", "2", "freq_shift: found 2, supported: 0 to 1"},
      {"freq_shift", "0.5", "freq_shift: found 0.5, supported: 0 to 1"},
      {"freq_shift", "1.0", NULL},
      {"mid_block_scale_factor", "1.4142135623730951", "mid_block_scale_factor: found 1.41421356, supported: 1"},
      {"mid_block_scale_factor", "1.0", NULL},
      {"mid_block_type", "null", "mid_block_type: found null"},
      {"norm_eps", "0", "norm_eps: found 0, supported: a number above 0"},
      {"norm_num_groups", "7", "supported: a multiple of norm_num_groups first"},
      {"num_class_embeds", "10", "num_class_embeds: found 10"},
      {"num_train_timesteps", "10", "num_train_timesteps: found 10"},
      {"resnet_time_scale_shift", "\"scale_shift\"", "resnet_time_scale_shift: found \"scale_shift\""},
      {"time_embedding_type", "\"fourier\"", "time_embedding_type: found \"fourier\", supported: \"positional\""},
      {"upsample_type", "\"resnet\"", "upsample_type: found \"resnet\""},
      {"new_key", "[1,{\"a\":2}]", "new_key: found [1, {\"a\": 2}], supported: null, since the key is not known"},
      {"new_key", "null", NULL},
      {"out_channels", "6", "out_channels: found 6, supported: that of in_channels"},
      {"in_channels", "0", "in_channels: found 0, supported: 1 to 65536"},
      {"in_channels", "\"3\"", "in_channels: found \"3\""},
      {"in_channels", NULL, NULL},
      {"layers_per_block", "2.5", "layers_per_block: found 2.5, supported: 1 to 64"},
      {"layers_per_block", "3", "has no tensor down_blocks.0.resnets.2.conv2.weight"},
      {"layers_per_block", "1", "the file is of another network"},
      {"layers_per_block", NULL, NULL},
      {"dropout", "1.5", "dropout: found 1.5"},
      {"sample_size", "null", "import.sample_size"},
      {"sample_size", "[16]", "sample_size: found [16]"},
      {"sample_size", "[16, 1e9]", "sample_size: found"},
      {"sample_size", "10", "cannot be halved 3 times"},
      {"block_out_channels", "[]", "block_out_channels: found [], supported: a list of 1 to 8 numbers"},
      {"block_out_channels", "[48, 96]",
       "block_out_channels: found [48, 96], supported: a multiple of norm_num_groups first"},
      {"block_out_channels", "[32, 48, 64, 32]", "supported: multiples of the first"},
      {"block_out_channels", "[32, 64, 32768, 32]",
       "down_blocks.2.resnets.0.conv2.weight: found shape [64, 64, 3, 3], "
       "expected [32768, 32768, 3, 3]"},
      {"block_out_channels", "{\"a\":1}", "block_out_channels: found {\"a\": 1}"},
      {"block_out_channels", NULL, "expected [224, 224, 3, 3]"},
      {"down_block_types", "[\"DownBlock2D\"]", "down_block_types: found [\"DownBlock2D\"], supported: as many"},
      {"down_block_types", "[\"DownBlock2D\",\"SkipDownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"]", "\"AttnDownBlock2D\""},
      {"up_block_types", "[\"AttnUpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\",\"UpBlock2D\"]", "the mirror image"},
      {"up_block_types", "7", "up_block_types: found 7, supported: the mirror image"},
  };
  refuse_settings("unet/config.json", settings, sizeof settings / sizeof settings[0]);
}

static void schedulers_are_read(void **state) {
  (void)state;
  static const setting settings[] = {
      {"_class_name", "\"DDIMScheduler\"", NULL},
      {"clip_sample", "true", NULL},
      {"trained_betas", "null", NULL},
      {"trained_betas", "[0.1]", "trained_betas: found [0.1], supported: null"},
      {"rescale_betas_zero_snr", "true", "rescale_betas_zero_snr: found true, supported: false"},
      {"variance_type", "\"learned_range\"", "variance_type: found \"learned_range\", supported: fixed ones"},
      {"variance_type", "\"fixed_large\"", NULL},
      {"beta_schedule", "\"laplace\"", "beta_schedule: found \"laplace\", supported: \"linear\", \"scaled_linear\""},
      {"prediction_type", "\"flow\"", "prediction_type: found \"flow\", supported: \"epsilon\", \"sample\""},
      {"prediction_type", "7", "prediction_type: found 7"},
      {"num_train_timesteps", "0", "num_train_timesteps: found 0"},
      {"num_train_timesteps", "1e3", "num_train_timesteps: found 1000"},
      {"beta_start", "0", "beta_start: found 0, supported: a number between 0 and 1"},
      {"beta_start", "0.5", "found beta from 0.5 to 0.1, expected 0 < first <= last < 1"},
      {"beta_end", "\"a\"", "beta_end: found \"a\""},
  };
  refuse_settings("scheduler/scheduler_config.json", settings, sizeof settings / sizeof settings[0]);
  /* The defaults of diffusers, and of Beeline where there is no file. */
  fixture f;
  bl_model_header plain = header;
  plain.diffusion_steps = 1000;
  plain.beta_first = 1e-4;
  plain.beta_last = 0.02;
  snprintf(plain.schedule, sizeof plain.schedule, "linear");
  snprintf(plain.prediction, sizeof plain.prediction, "epsilon");
  make(&f, &plain);
  assert_int_equal(bl_model_export("diffusers", scratch("none"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  write_bytes(scratch("none/scheduler/scheduler_config.json"), "{}", 2);
  expect_model("diffusers", scratch("none"), &plain, &f);
  assert_int_equal(remove(scratch("none/scheduler/scheduler_config.json")), 0);
  bl_log_speak(false);
  expect_model("diffusers", scratch("none"), &plain, &f);
  bl_log_speak(true);
  destroy(&f);
}

static void json_that_is_none_is_refused(void **state) {
  (void)state;
  static char deep[200000];
  static const char *const cases[][2] = {{"", "is empty"},
                                         {"{", "no JSON"},
                                         {"[]", "found a list"},
                                         {"{\"a\":1,\"a\":2}", "duplicate object key"},
                                         {"{\"a\":\"\xff\"}", "no JSON"},
                                         {"{} {}", "no JSON"},
                                         {"nonsense", "no JSON"}};
  fixture f;
  make(&f, &header);
  assert_int_equal(bl_model_export("diffusers", scratch("json"), &header, NULL, f.table, f.values, NULL, 0), BL_OK);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    write_bytes(scratch("json/unet/config.json"), cases[i][0], strlen(cases[i][0]));
    refuse_model("diffusers", scratch("json"), cases[i][1]);
  }
  memset(deep, '[', sizeof deep);
  write_bytes(scratch("json/unet/config.json"), deep, 60000);
  refuse_model("diffusers", scratch("json"), "nested more than 32 deep");
  write_bytes(scratch("json/unet/config.json"), deep, sizeof deep);
  refuse_model("diffusers", scratch("json"), "found 200000 bytes, expected at most 65536");
  destroy(&f);
}

static void what_others_cannot_is_refused(void **state) {
  (void)state;
  bl_model_header other = header;
  other.shape.patch = 2;
  assert_int_equal(bl_model_export_check("diffusers", &other, "a.nc"), BL_ERROR_INPUT);
  assert_true(message_has("a.nc: its U-Net works on patches of 2 x 2 pixels"));
  assert_int_equal(bl_model_export_check("ddpm", &other, "a.nc"), BL_OK);
  other = header;
  other.shape.kind = BL_NETWORK_MLP;
  assert_int_equal(bl_model_export_check("diffusers", &other, "a.nc"), BL_ERROR_INPUT);
  assert_true(message_has("a.nc: holds a network of kind mlp"));
  other = header;
  snprintf(other.head, sizeof other.head, "sn");
  assert_int_equal(bl_model_export_check("ddpm", &other, "a.nc"), BL_ERROR_INPUT);
  assert_true(message_has("a.nc: holds a head (sn)"));
  other = header;
  snprintf(other.prediction, sizeof other.prediction, "velocity");
  assert_int_equal(bl_model_export_check("diffusers", &other, "a.nc"), BL_ERROR_INPUT);
  assert_true(message_has("a.nc: predicts velocity"));
}

/* Rows of the embedding are those of the chain's times, rising; the betas multiply to its levels of noise. */
static void a_chain_goes_with_a_model(void **state) {
  (void)state;
  const float time[3] = {616.734F, 100.25F, 0};
  const double alpha_bar[3] = {0.01, 0.5, 0.9999};
  bl_foreign_chain chain = {.steps = 3, .time = time, .alpha_bar = alpha_bar, .eta = 1};
  float rows[3 * 32];
  fixture f;
  bl_safetensors file;
  make(&f, &header);
  for (int noisy = 1; noisy >= 0; noisy--) {
    chain.eta = noisy;
    assert_int_equal(bl_model_export("diffusers", scratch("chain"), &header, &chain, f.table, f.values, NULL, 0), BL_OK);
    json_t *json = json_load_file(scratch("chain/scheduler/scheduler_config.json"), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(json, "_class_name")), noisy ? "DDPMScheduler" : "DDIMScheduler");
    const json_t *betas = json_object_get(json, "trained_betas");
    double product = 1;
    assert_int_equal(json_array_size(betas), 3);
    for (size_t i = 0; i < 3; i++) {
      product *= 1 - json_real_value(json_array_get(betas, i));
      assert_true(fabs(product - alpha_bar[2 - i]) < 1e-14);
    }
    json_decref(json);
  }
  assert_int_equal(bl_safetensors_open(&file, scratch("chain/unet/diffusion_pytorch_model.safetensors")), BL_OK);
  assert_int_equal(file.tensor_count, f.table->entry_count + 1);
  const bl_safetensors_tensor *tensor = bl_safetensors_find(&file, "time_proj.weight");
  assert_non_null(tensor);
  assert_int_equal(bl_safetensors_count(tensor), 3 * 32);
  assert_int_equal(bl_safetensors_read(rows, &file, tensor), BL_OK);
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 16; k++) {
      const double angle = (double)time[2 - i] * pow(10000, -k / 15.0);
      assert_true(fabs((double)rows[32 * i + k] - sin(angle)) < 2e-4);
      assert_true(fabs((double)rows[32 * i + 16 + k] - cos(angle)) < 2e-4);
    }
  bl_safetensors_close(&file);
  refuse_model("diffusers", scratch("chain"), "num_train_timesteps: found 3, supported: null");
  destroy(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(models_come_back_with_the_same_bits),
      cmocka_unit_test(names_are_those_of_diffusers),
      cmocka_unit_test(other_spellings_are_read),
      cmocka_unit_test(tensors_of_other_networks_are_refused),
      cmocka_unit_test(networks_that_are_others_are_refused),
      cmocka_unit_test(schedulers_are_read),
      cmocka_unit_test(json_that_is_none_is_refused),
      cmocka_unit_test(what_others_cannot_is_refused),
      cmocka_unit_test(a_chain_goes_with_a_model),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
