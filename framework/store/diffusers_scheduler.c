/* A scheduler_config.json of diffusers and the diffusion that a model was trained for. What a scheduler says of sampling
 * (clip_sample, timestep_spacing and so on) is not a model's: `sampler` says how Beeline draws. */
#include "store/json.h"
#include "store/model_format_row.h"

#include <stdio.h>
#include <string.h>

enum { TEXT = 96 };

typedef struct word {
  const char *theirs, *ours;
} word;

static const word schedules[] = {
    {"linear", "linear"}, {"scaled_linear", "quadratic"}, {"squaredcos_cap_v2", "cosine"}, {"sigmoid", "sigmoid"}};
static const word predictions[] = {{"epsilon", "epsilon"}, {"sample", "x"}, {"v_prediction", "v"}};

enum { SCHEDULES = sizeof schedules / sizeof *schedules, PREDICTIONS = sizeof predictions / sizeof *predictions };

static bl_status refuse(const char *path, const char *key, const json_t *value, const char *supported) {
  char found[TEXT];
  return bl_fail(BL_ERROR_INPUT, "%s: %s: found %s, supported: %s", path, key, bl_json_text(found, sizeof found, value),
                 supported);
}

/* The first word is the default. \param [out] text  (size). */
static bl_status get_word(char *text, size_t size, const char *path, const json_t *json, const char *key, const word *words,
                          int count) {
  const json_t *value = json_object_get(json, key);
  const char *found = value == NULL ? words[0].theirs : json_string_value(value);
  char supported[128] = "";
  for (int i = 0; i < count; i++) {
    const size_t used = strlen(supported);
    if (found != NULL && strcmp(found, words[i].theirs) == 0) {
      snprintf(text, size, "%s", words[i].ours);
      return BL_OK;
    }
    snprintf(supported + used, sizeof supported - used, "%s\"%s\"", i > 0 ? ", " : "", words[i].theirs);
  }
  return refuse(path, key, value, supported);
}

static bl_status get_real(double *number, const char *path, const json_t *json, const char *key, double standard) {
  const json_t *value = json_object_get(json, key);
  *number = value == NULL ? standard : json_number_value(value);
  if (value != NULL && (!json_is_number(value) || !(*number > 0 && *number < 1)))
    return refuse(path, key, value, "a number between 0 and 1");
  return BL_OK;
}

static bl_status read_scheduler(bl_model_header *header, const char *path, const json_t *json) {
  const json_t *steps = json_object_get(json, "num_train_timesteps"), *betas = json_object_get(json, "trained_betas");
  const json_t *variance = json_object_get(json, "variance_type"),
               *rescale = json_object_get(json, "rescale_betas_zero_snr");
  const char *kind = json_string_value(variance);
  if (steps != NULL && (!json_is_integer(steps) || json_integer_value(steps) < 1 || json_integer_value(steps) > 1 << 20))
    return refuse(path, "num_train_timesteps", steps, "1 to 1048576");
  if (betas != NULL && !json_is_null(betas))
    return refuse(path, "trained_betas", betas, "null");
  if (rescale != NULL && !json_is_false(rescale))
    return refuse(path, "rescale_betas_zero_snr", rescale, "false");
  if (kind != NULL && strncmp(kind, "learned", 7) == 0)
    return refuse(path, "variance_type", variance, "fixed ones: a learned variance is a part of another network");
  header->diffusion_steps = steps == NULL ? 1000 : (int)json_integer_value(steps);
  BL_TRY(get_real(&header->beta_first, path, json, "beta_start", 1e-4));
  BL_TRY(get_real(&header->beta_last, path, json, "beta_end", 0.02));
  BL_TRY(get_word(header->schedule, sizeof header->schedule, path, json, "beta_schedule", schedules, SCHEDULES));
  return get_word(header->prediction, sizeof header->prediction, path, json, "prediction_type", predictions, PREDICTIONS);
}

bl_status bl_diffusers_read_scheduler(bl_model_header *header, const char *path) {
  json_t *json;
  BL_TRY(bl_json_read(&json, path));
  const bl_status status = read_scheduler(header, path, json);
  json_decref(json);
  return status;
}

static const char *theirs_of(const char *ours, const word *words, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(words[i].ours, ours) == 0)
      return words[i].theirs;
  return words[0].theirs;
}

/* 1 - alpha_bar_i / alpha_bar_(i - 1), the last step of the chain first. */
static json_t *betas_of(const bl_foreign_chain *chain) {
  json_t *betas = json_array();
  double before = 1;
  for (int i = chain->steps - 1; i >= 0; i--) {
    json_array_append_new(betas, json_real(1 - chain->alpha_bar[i] / before));
    before = chain->alpha_bar[i];
  }
  return betas;
}

static bl_status write_chain(const char *path, const bl_model_header *header, const bl_foreign_chain *chain) {
  const bool ddim = chain->eta < 1;
  json_t *json = json_pack("{s:s, s:i, s:o, s:s, s:b}", "_class_name", ddim ? "DDIMScheduler" : "DDPMScheduler",
                           "num_train_timesteps", chain->steps, "trained_betas", betas_of(chain), "prediction_type",
                           theirs_of(header->prediction, predictions, PREDICTIONS), "clip_sample", 0);
  if (!ddim)
    json_object_set_new(json, "variance_type", json_string("fixed_small"));
  return bl_json_write(path, json);
}

bl_status bl_diffusers_write_scheduler(const char *path, const bl_model_header *header, const bl_foreign_chain *chain) {
  if (chain != NULL)
    return write_chain(path, header, chain);
  return bl_json_write(
      path,
      json_pack("{s:s, s:i, s:f, s:f, s:s, s:s, s:s, s:b}", "_class_name", "DDPMScheduler", "num_train_timesteps",
                header->diffusion_steps, "beta_start", header->beta_first, "beta_end", header->beta_last, "beta_schedule",
                theirs_of(header->schedule, schedules, SCHEDULES), "prediction_type",
                theirs_of(header->prediction, predictions, PREDICTIONS), "variance_type", "fixed_small", "clip_sample", 0));
}
