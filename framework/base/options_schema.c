#include "base/options_schema.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Short forms of libcyaml's macros, so that the schema reads like the structs of options.h. All keys are required: the
 * defaults hold every one. */
#define TEXT(type, member)  CYAML_FIELD_STRING_PTR(#member, CYAML_FLAG_POINTER, type, member, 0, CYAML_UNLIMITED)
#define INT(type, member)   CYAML_FIELD_INT(#member, CYAML_FLAG_DEFAULT, type, member)
#define FLOAT(type, member) CYAML_FIELD_FLOAT(#member, CYAML_FLAG_STRICT, type, member)
#define BOOL(type, member)  CYAML_FIELD_BOOL(#member, CYAML_FLAG_DEFAULT, type, member)
#define LIST(type, member)                                                                                     \
  CYAML_FIELD_SEQUENCE_COUNT(#member, CYAML_FLAG_POINTER, type, member.values, member.count, &list_element, 0, \
                             BL_OPTIONS_LIST)
#define SECTION(type, member, fields) CYAML_FIELD_MAPPING(#member, CYAML_FLAG_DEFAULT, type, member, fields)

static const cyaml_schema_value_t list_element = {CYAML_VALUE_INT(CYAML_FLAG_DEFAULT, int)};

static const cyaml_schema_field_t import_fields[] = {
    TEXT(bl_options_import, format),
    TEXT(bl_options_import, images),
    TEXT(bl_options_import, labels),
    TEXT(bl_options_import, part),
    INT(bl_options_import, resize),
    BOOL(bl_options_import, grey),
    INT(bl_options_import, pad),
    INT(bl_options_import, maximum),
    INT(bl_options_import, limit),
    BOOL(bl_options_import, skip_bad),
    INT(bl_options_import, count),
    FLOAT(bl_options_import, noise),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t data_fields[] = {
    TEXT(bl_options_data, file),
    BOOL(bl_options_data, flip),
    TEXT(bl_options_data, test),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t network_fields[] = {
    TEXT(bl_options_network, start),        TEXT(bl_options_network, kind),
    INT(bl_options_network, base_channels), LIST(bl_options_network, multipliers),
    INT(bl_options_network, blocks),        INT(bl_options_network, patch),
    LIST(bl_options_network, attention),    FLOAT(bl_options_network, dropout),
    LIST(bl_options_network, widths),       CYAML_FIELD_END,
};

static const cyaml_schema_field_t model_fields[] = {
    TEXT(bl_options_model, file),
    TEXT(bl_options_model, weights),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t diffusion_fields[] = {
    TEXT(bl_options_diffusion, schedule),
    INT(bl_options_diffusion, steps),
    FLOAT(bl_options_diffusion, beta_first),
    FLOAT(bl_options_diffusion, beta_last),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t sampler_fields[] = {
    TEXT(bl_options_sampler, name),         TEXT(bl_options_sampler, grid),
    INT(bl_options_sampler, steps),         INT(bl_options_sampler, order),
    TEXT(bl_options_sampler, variance),     FLOAT(bl_options_sampler, kappa),
    FLOAT(bl_options_sampler, eta),         TEXT(bl_options_sampler, moments),
    TEXT(bl_options_sampler, head),         FLOAT(bl_options_sampler, pixel_clip),
    FLOAT(bl_options_sampler, final_sigma), BOOL(bl_options_sampler, clip),
    INT(bl_options_sampler, count),         CYAML_FIELD_END,
};

static const cyaml_schema_field_t moments_fields[] = {
    INT(bl_options_moments, count),
    TEXT(bl_options_moments, head),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t rate_fields[] = {
    FLOAT(bl_options_rate, first),
    TEXT(bl_options_rate, decay),
    FLOAT(bl_options_rate, last),
    INT(bl_options_rate, rise),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t optimiser_fields[] = {
    TEXT(bl_options_optimiser, name),          SECTION(bl_options_optimiser, rate, rate_fields),
    FLOAT(bl_options_optimiser, beta1),        FLOAT(bl_options_optimiser, beta2),
    FLOAT(bl_options_optimiser, weight_decay), FLOAT(bl_options_optimiser, start_decay),
    FLOAT(bl_options_optimiser, clip),         CYAML_FIELD_END,
};

static const cyaml_schema_field_t learner_fields[] = {
    TEXT(bl_options_learner, name),
    INT(bl_options_learner, rounds),
    INT(bl_options_learner, batch),
    INT(bl_options_learner, micro_batch),
    FLOAT(bl_options_learner, average),
    SECTION(bl_options_learner, optimiser, optimiser_fields),
    INT(bl_options_learner, n_critic),
    INT(bl_options_learner, n_generator),
    INT(bl_options_learner, critic_epochs),
    INT(bl_options_learner, warm_up),
    TEXT(bl_options_learner, log_density),
    BOOL(bl_options_learner, baseline),
    BOOL(bl_options_learner, normalise_advantage),
    TEXT(bl_options_learner, baseline_from),
    FLOAT(bl_options_learner, trace),
    TEXT(bl_options_learner, step_weight),
    BOOL(bl_options_learner, final_step),
    TEXT(bl_options_learner, keep),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t distill_fields[] = {
    INT(bl_options_distill, first),
    INT(bl_options_distill, last),
    TEXT(bl_options_distill, prediction),
    TEXT(bl_options_distill, weight),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t critic_fields[] = {
    TEXT(bl_options_critic, start),
    LIST(bl_options_critic, widths),
    SECTION(bl_options_critic, optimiser, optimiser_fields),
    TEXT(bl_options_critic, regulariser),
    FLOAT(bl_options_critic, weight),
    FLOAT(bl_options_critic, spectral_weight),
    FLOAT(bl_options_critic, spectral_bound),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t value_fields[] = {
    LIST(bl_options_value, widths),
    SECTION(bl_options_value, optimiser, optimiser_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t compute_fields[] = {
    TEXT(bl_options_compute, algorithms),
    BOOL(bl_options_compute, bf16),
    BOOL(bl_options_compute, recompute),
    INT(bl_options_compute, threads),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t checkpoint_fields[] = {
    INT(bl_options_checkpoint, every),  INT(bl_options_checkpoint, keep), INT(bl_options_checkpoint, milestones),
    BOOL(bl_options_checkpoint, final), INT(bl_options_checkpoint, stop), CYAML_FIELD_END,
};

static const cyaml_schema_field_t monitor_fields[] = {
    BOOL(bl_options_monitor, critic),
    BOOL(bl_options_monitor, policy),
    INT(bl_options_monitor, held_out),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t metrics_fields[] = {
    TEXT(bl_options_metrics, classifier), TEXT(bl_options_metrics, inception), TEXT(bl_options_metrics, reference),
    TEXT(bl_options_metrics, samples),    INT(bl_options_metrics, count),      INT(bl_options_metrics, every),
    INT(bl_options_metrics, projections), BOOL(bl_options_metrics, kid),       INT(bl_options_metrics, neighbours),
    BOOL(bl_options_metrics, score),      INT(bl_options_metrics, subset),     CYAML_FIELD_END,
};

static const cyaml_schema_field_t options_fields[] = {
    TEXT(bl_options, title),
    INT(bl_options, seed),
    TEXT(bl_options, output),
    TEXT(bl_options, roles),
    FLOAT(bl_options, watchdog),
    SECTION(bl_options, import, import_fields),
    SECTION(bl_options, data, data_fields),
    SECTION(bl_options, network, network_fields),
    SECTION(bl_options, model, model_fields),
    SECTION(bl_options, diffusion, diffusion_fields),
    SECTION(bl_options, sampler, sampler_fields),
    SECTION(bl_options, moments, moments_fields),
    SECTION(bl_options, learner, learner_fields),
    SECTION(bl_options, distill, distill_fields),
    SECTION(bl_options, critic, critic_fields),
    SECTION(bl_options, value, value_fields),
    SECTION(bl_options, compute, compute_fields),
    SECTION(bl_options, checkpoint, checkpoint_fields),
    SECTION(bl_options, monitor, monitor_fields),
    SECTION(bl_options, metrics, metrics_fields),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t bl_options_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, bl_options_loaded, options_fields),
};

static const char *const input_keys[] = {
    "import.images",     "import.labels",   "data.file",    "data.test",          "network.start",
    "model.file",        "sampler.moments", "sampler.head", "metrics.classifier", "metrics.inception",
    "metrics.reference", "metrics.samples", "critic.start",
};

static const char *const undigested_keys[] = {
    "title",
    "output",
    "roles",
    "compute.recompute",
    "checkpoint.every",
    "checkpoint.keep",
    "checkpoint.stop",
    "monitor.critic",
    "monitor.policy",
    "monitor.held_out",
    "learner.keep",
    "watchdog",
    "checkpoint.milestones",
    "checkpoint.final",
};

/* Keys that came after the first checkpoints were written, with the value that computes as before: it does not count, so
 * that those checkpoints can still be resumed. */
static const struct {
  const char *key;
  const char *value;
} later_keys[] = {
    {"compute.algorithms", "\"fixed\""},
    {"compute.bf16", "false"},
    {"compute.threads", "0"},
    {"sampler.order", "0"},
    {"sampler.eta", "0"},
    {"sampler.moments", "\"\""},
    {"sampler.pixel_clip", "2"},
    {"moments.count", "100"},
    {"sampler.head", "\"\""},
    {"moments.head", "\"\""},
    {"metrics.kid", "false"},
    {"metrics.neighbours", "0"},
    {"metrics.score", "false"},
    {"metrics.subset", "10000"},
    {"metrics.inception", "\"\""},
    {"critic.spectral_weight", "0"},
    {"learner.optimiser.rate.rise", "0"},
    {"critic.optimiser.rate.rise", "0"},
    {"value.optimiser.rate.rise", "0"},
    {"critic.spectral_bound", "1"},
    {"learner.baseline_from", "\"value\""},
    {"import.skip_bad", "false"},
    {"distill.first", "512"},
    {"distill.last", "1"},
    {"distill.prediction", "\"v\""},
    {"distill.weight", "\"snr_trunc\""},
};

/* The first row whose name is the end of a key holds. */
static const struct {
  const char *name;
  double low;
  double high;
  const char *expected;
} ranges[] = {
    {"seed", 0, DBL_MAX, "0 or more"},
    {"metrics.count", 0, DBL_MAX, "0 or more"},
    {"resize", 0, 65536, "0 to 65536"},
    {"pad", 0, 65536, "0 to 65536"},
    {"maximum", 1, 255, "1 to 255"},
    {"limit", 0, DBL_MAX, "0 or more"},
    {"count", 1, DBL_MAX, "at least 1"},
    {"noise", 0, DBL_MAX, "0 or more"},
    {"base_channels", 0, 65536, "0 to 65536"},
    {"multipliers", 1, 1024, "elements from 1 to 1024"},
    {"blocks", 0, 1024, "0 to 1024"},
    {"patch", 1, 64, "1 to 64"},
    {"attention", 1, 65536, "elements from 1 to 65536"},
    {"dropout", 0, 1 - DBL_EPSILON, "at least 0 and below 1"},
    {"widths", 1, 1048576, "elements from 1 to 1048576"},
    {"steps", 1, 1048576, "1 to 1048576"},
    {"distill.first", 1, 1048576, "1 to 1048576"},
    {"distill.last", 1, 1048576, "1 to 1048576"},
    {"beta_first", DBL_MIN, 1 - DBL_EPSILON, "above 0 and below 1"},
    {"beta_last", DBL_MIN, 1 - DBL_EPSILON, "above 0 and below 1"},
    {"kappa", 0, 1, "0 to 1"},
    {"eta", 0, 1, "0 to 1"},
    {"order", 0, 3, "0 to 3"},
    {"pixel_clip", 0, DBL_MAX, "0 or more"},
    {"final_sigma", -1, DBL_MAX, "0 or more, or -1 for the sampler's own"},
    {"rounds", 0, DBL_MAX, "0 or more"},
    {"batch", 1, DBL_MAX, "at least 1"},
    {"micro_batch", 1, DBL_MAX, "at least 1"},
    {"average", 0, 1 - DBL_EPSILON, "at least 0 and below 1"},
    {"rate.first", 0, DBL_MAX, "0 or more"},
    {"rate.last", 0, DBL_MAX, "0 or more"},
    {"rate.rise", 0, DBL_MAX, "0 or more"},
    {"beta1", 0, 1 - DBL_EPSILON, "at least 0 and below 1"},
    {"beta2", 0, 1 - DBL_EPSILON, "at least 0 and below 1"},
    {"weight_decay", 0, DBL_MAX, "0 or more"},
    {"start_decay", 0, DBL_MAX, "0 or more"},
    {"optimiser.clip", 0, DBL_MAX, "0 or more"},
    {"n_critic", 1, 65536, "1 to 65536"},
    {"n_generator", 1, 1048576, "1 to 1048576"},
    {"critic_epochs", 1, DBL_MAX, "at least 1"},
    {"warm_up", 0, DBL_MAX, "0 or more"},
    {"trace", 0, 1, "0 to 1"},
    {"weight", 0, DBL_MAX, "0 or more"},
    {"spectral_weight", 0, DBL_MAX, "0 or more"},
    {"spectral_bound", DBL_MIN, DBL_MAX, "above 0"},
    {"held_out", 0, 1048576, "0 to 1048576"},
    {"every", 0, DBL_MAX, "0 or more"},
    {"stop", 0, DBL_MAX, "0 or more"},
    {"watchdog", 0, 1e6, "0 to 1000000"},
    {"milestones", 0, DBL_MAX, "0 or more"},
    {"keep", 2, DBL_MAX, "at least 2"},
    {"threads", 0, 4096, "0 to 4096"},
    {"projections", 1, DBL_MAX, "at least 1"},
    {"neighbours", 0, 16, "0 to 16"},
    {"subset", 2, DBL_MAX, "at least 2"},
};

const cyaml_schema_value_t *bl_options_schema_find(const cyaml_schema_value_t *section, const char *name, size_t length) {
  if (section->type != CYAML_MAPPING)
    return NULL;
  for (const cyaml_schema_field_t *field = section->mapping.fields; field->key != NULL; field++)
    if (strlen(field->key) == length && memcmp(field->key, name, length) == 0)
      return &field->value;
  return NULL;
}

static int list_section(bl_options_slot *slots, int count, const cyaml_schema_value_t *section, const char *prefix) {
  for (const cyaml_schema_field_t *field = section->mapping.fields; field->key != NULL; field++) {
    char key[BL_OPTIONS_KEY];
    snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", field->key);
    if (field->value.type == CYAML_MAPPING) {
      count = list_section(slots, count, &field->value, key);
    } else if (count < BL_OPTIONS_SLOTS) {
      memcpy(slots[count].key, key, sizeof key);
      slots[count].type = &field->value;
      count++;
    }
  }
  return count;
}

int bl_options_schema_list(bl_options_slot *slots) {
  return list_section(slots, 0, &bl_options_schema, "");
}

static bool is_one_of(const char *key, const char *const *keys, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(key, keys[i]) == 0)
      return true;
  return false;
}

bool bl_options_schema_is_input(const char *key) {
  return is_one_of(key, input_keys, CYAML_ARRAY_LEN(input_keys));
}

bool bl_options_schema_is_digested(const char *key, const char *value) {
  for (size_t i = 0; i < CYAML_ARRAY_LEN(later_keys); i++)
    if (strcmp(key, later_keys[i].key) == 0 && strcmp(value, later_keys[i].value) == 0)
      return false;
  return !is_one_of(key, undigested_keys, CYAML_ARRAY_LEN(undigested_keys));
}

/* Whether `name` is the last words of `key`: "rate.first" of "critic.optimiser.rate.first". */
static bool ends_with(const char *key, const char *name) {
  size_t key_length = strlen(key);
  size_t length = strlen(name);
  if (length > key_length || strcmp(key + key_length - length, name) != 0)
    return false;
  return length == key_length || key[key_length - length - 1] == '.';
}

const char *bl_options_schema_range(const char *key, double value) {
  for (size_t i = 0; i < CYAML_ARRAY_LEN(ranges); i++)
    if (ends_with(key, ranges[i].name))
      return value >= ranges[i].low && value <= ranges[i].high ? NULL : ranges[i].expected;
  return NULL;
}

/* Levenshtein's distance: letters to insert, delete or replace. */
static int edit_distance(const char *a, const char *b) {
  int row[BL_OPTIONS_KEY + 1];
  int columns = (int)strlen(b);
  for (int j = 0; j <= columns; j++)
    row[j] = j;
  for (int i = 0; a[i] != '\0'; i++) {
    int diagonal = row[0];
    row[0] = i + 1;
    for (int j = 0; j < columns; j++) {
      int replace = diagonal + (a[i] != b[j]);
      int shift = (row[j] < row[j + 1] ? row[j] : row[j + 1]) + 1;
      diagonal = row[j + 1];
      row[j + 1] = replace < shift ? replace : shift;
    }
  }
  return row[columns];
}

/* nearest and candidate: (BL_OPTIONS_KEY) */
static void consider(char *nearest, int *best, const char *key, const char *candidate) {
  int distance = edit_distance(key, candidate);
  if (distance < *best) {
    *best = distance;
    memcpy(nearest, candidate, BL_OPTIONS_KEY);
  }
}

void bl_options_schema_nearest(char *nearest, const char *key) {
  static const bl_options_slot empty;
  nearest[0] = '\0';
  size_t length = strlen(key);
  if (length >= BL_OPTIONS_KEY)
    return;
  bl_options_slot slots[BL_OPTIONS_SLOTS];
  for (int i = 0; i < BL_OPTIONS_SLOTS; i++)
    slots[i] = empty;
  int count = bl_options_schema_list(slots);
  int best = length < 6 ? 3 : (int)length / 3 + 1;
  for (int i = 0; i < count; i++) {
    consider(nearest, &best, key, slots[i].key);
    for (char *dot = strrchr(slots[i].key, '.'); dot != NULL; dot = strrchr(slots[i].key, '.')) {
      *dot = '\0'; /* the sections that hold it are candidates too */
      consider(nearest, &best, key, slots[i].key);
    }
  }
  if (nearest[0] != '\0')
    return;
  /* A right name in the wrong section: "rounds" for "learner.rounds". */
  count = bl_options_schema_list(slots);
  const char *dot = strrchr(key, '.');
  for (int i = 0; i < count && nearest[0] == '\0'; i++)
    if (ends_with(slots[i].key, dot == NULL ? key : dot + 1))
      memcpy(nearest, slots[i].key, BL_OPTIONS_KEY);
}
