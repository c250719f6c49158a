/* Digests: which configurations give the same results, by today's rule and by those of earlier versions. */
#include "base/hash.h"
#include "base/options_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The line "key=value" of a row, numbers in one spelling. Paths count as they were written, not as they were resolved, so
 * that the working folder does not matter. */
static uint64_t add_line(uint64_t hash, const bl_option *row, const char *value) {
  char number[32];
  if (row->type == BL_OPTION_NUMBER) {
    snprintf(number, sizeof number, "%.17g", strtod(value, NULL));
    value = number;
  }
  return bl_hash_text(bl_hash_text(bl_hash_text(bl_hash_text(hash, row->key), "="), value), "\n");
}

/* ---- Rules of earlier versions -------------------------------------------------------------------------------------- */

/* They counted every key, at its default too, but those that they knew to be later than the first checkpoints. Of these the
 * value counted as it was spelt. The first rule of a key is that of the versions from before there was the key, or that
 * passed it over from the beginning; critic.start and start_decay counted as soon as they were there. */
static const struct {
  const char *key;
  int first;
} later_keys[] = {
    {"compute.algorithms", 1},
    {"compute.bf16", 1},
    {"compute.threads", 1},
    {"sampler.order", 1},
    {"sampler.eta", 1},
    {"sampler.moments", 1},
    {"sampler.pixel_clip", 1},
    {"moments.count", 1},
    {"sampler.head", 1},
    {"moments.head", 1},
    {"metrics.kid", 1},
    {"metrics.neighbours", 1},
    {"metrics.score", 1},
    {"metrics.subset", 1},
    {"metrics.inception", 1},
    {"learner.baseline_from", 1},
    {"import.skip_bad", 1},
    {"import.model", 1},
    {"import.sample_size", 1},
    {"export.chain", 1},
    {"distill.first", 1},
    {"distill.last", 1},
    {"distill.prediction", 1},
    {"distill.weight", 1},
    {"learner.optimiser.start_decay", 2},
    {"critic.optimiser.start_decay", 2},
    {"value.optimiser.start_decay", 2},
    {"critic.start", 3},
    {"network.attention_levels", 1},
    {"network.head_width", 1},
    {"network.groups", 1},
    {"network.norm_epsilon", 1},
    {"network.down_padding", 1},
    {"network.embedding", 1},
    {"network.frequency_shift", 1},
};

static bool counted(const bl_option *row, const char *value, int rule) {
  for (size_t i = 0; i < sizeof later_keys / sizeof *later_keys; i++)
    if (strcmp(row->key, later_keys[i].key) == 0 && rule >= later_keys[i].first && strcmp(value, row->standard) == 0)
      return false;
  return row->counts;
}

/* Of the keys that are gone one counted at its default; it stood before this row. */
static uint64_t add_removed(uint64_t hash, const bl_option *row) {
  return strcmp(row->key, "learner.baseline_from") == 0 ? bl_hash_text(hash, "learner.normalise_advantage=false\n") : hash;
}

/* ---- Digests -------------------------------------------------------------------------------------------------------- */

void bl_options_digest_by(char digest[BL_OPTIONS_DIGEST], const bl_options *options, const char *section, int rule) {
  const bl_options_loaded *loaded = bl_options_behind(options);
  const size_t length = strlen(section);
  uint64_t hash = BL_HASH_EMPTY;
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    const char *value = loaded->slots[i].text;
    if (row->type == BL_OPTION_SECTION || strncmp(row->key, section, length) != 0 ||
        (length > 0 && row->key[length] != '.'))
      continue;
    if (rule > 0)
      hash = add_removed(hash, row);
    if (rule > 0 ? counted(row, value, rule) : row->counts && !bl_options_same(row, value, row->standard))
      hash = add_line(hash, row, value);
  }
  snprintf(digest, BL_OPTIONS_DIGEST, "%016" PRIx64, hash);
}

const char *bl_options_digest(const bl_options *options) {
  return bl_options_behind(options)->digest;
}

bool bl_options_digest_fits(const bl_options *options, const char *digest) {
  char found[BL_OPTIONS_DIGEST] = "";
  for (int rule = 0; rule < BL_OPTIONS_RULES && strcmp(found, digest) != 0; rule++)
    bl_options_digest_by(found, options, "", rule);
  return strcmp(found, digest) == 0;
}

bool bl_options_difference(bl_options_change *change, const bl_options *before, const bl_options *now, int index) {
  for (int i = 0; i < bl_options_table_count; i++) {
    const bl_option *row = &bl_options_table[i];
    const char *old = bl_options_behind(before)->slots[i].text, *new = bl_options_behind(now)->slots[i].text;
    if (!row->counts || row->type == BL_OPTION_INPUT || bl_options_same(row, old, new) || index-- > 0)
      continue;
    *change = (bl_options_change){row->key, old, new};
    return true;
  }
  return false;
}
