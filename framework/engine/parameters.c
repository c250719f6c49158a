#include "engine/parameters.h"

#include "base/memory.h"
#include "base/random.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Room for one more entry. The capacity is the power of two that follows from the count, so it needs no field. */
static bl_status reserve(bl_parameter_table *table) {
  size_t count = table->entry_count;
  if (count != 0 && (count & (count - 1)) != 0)
    return BL_OK;
  bl_parameter *entries = NULL;
  BL_TRY(bl_allocate(&entries, count == 0 ? 1 : 2 * count, sizeof *entries));
  if (count != 0)
    memcpy(entries, table->entries, count * sizeof *entries);
  bl_free(&table->entries);
  table->entries = entries;
  return BL_OK;
}

bl_status bl_parameter_add(size_t *index, bl_parameter_table *table, const char *name, int dimensions, const size_t *shape,
                           bl_initialiser initialiser, size_t fan_in, size_t fan_out) {
  if (strlen(name) >= BL_PARAMETER_NAME)
    return bl_fail(BL_ERROR_USAGE, "parameter name \"%s\" is too long: expected at most %d characters", name,
                   BL_PARAMETER_NAME - 1);
  if (dimensions < 1 || dimensions > BL_PARAMETER_DIMENSIONS)
    return bl_fail(BL_ERROR_USAGE, "parameter \"%s\" has %d dimensions: expected 1 to %d", name, dimensions,
                   BL_PARAMETER_DIMENSIONS);
  if (bl_parameter_find(table, name) != NULL)
    return bl_fail(BL_ERROR_USAGE, "parameter \"%s\" is defined twice: give every layer its own name", name);
  BL_TRY(reserve(table));

  bl_parameter *entry = &table->entries[table->entry_count];
  memset(entry, 0, sizeof *entry);
  snprintf(entry->name, sizeof entry->name, "%s", name);
  entry->dimensions = dimensions;
  entry->count = 1;
  for (int i = 0; i < dimensions; i++) {
    entry->shape[i] = shape[i];
    if (shape[i] == 0 || entry->count > SIZE_MAX / sizeof(float) / shape[i])
      return bl_fail(BL_ERROR_USAGE, "parameter \"%s\": dimension %d of %zu elements is impossible", name, i, shape[i]);
    entry->count *= shape[i];
  }
  if (entry->count > INT_MAX - table->count) /* MPI counts elements of a message in an int */
    return bl_fail(BL_ERROR_USAGE, "parameter \"%s\" of %zu elements makes more than %d of a network, which are the most",
                   name, entry->count, INT_MAX);
  entry->offset = table->count;
  entry->initialiser = initialiser;
  entry->fan_in = fan_in;
  entry->fan_out = fan_out;

  *index = table->entry_count++;
  table->count += entry->count;
  return BL_OK;
}

const bl_parameter *bl_parameter_find(const bl_parameter_table *table, const char *name) {
  for (size_t i = 0; i < table->entry_count; i++)
    if (strcmp(table->entries[i].name, name) == 0)
      return &table->entries[i];
  return NULL;
}

static void fill(float *values, size_t count, float value) {
  for (size_t i = 0; i < count; i++)
    values[i] = value;
}

static void normal(float *values, size_t count, double deviation, bl_draw draw) {
  bl_random_normal(values, count, draw);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(deviation * (double)values[i]);
}

static void symmetric_uniform(float *values, size_t count, double bound, bl_draw draw) {
  bl_random_uniform(values, count, draw);
  for (size_t i = 0; i < count; i++)
    values[i] = (float)(bound * (2.0 * (double)values[i] - 1.0));
}

void bl_parameter_initialise(float *values, const bl_parameter_table *table, uint64_t seed) {
  for (size_t i = 0; i < table->entry_count; i++) {
    const bl_parameter *entry = &table->entries[i];
    float *out = values + entry->offset;
    double fan_in = entry->fan_in == 0 ? 1.0 : (double)entry->fan_in;
    bl_draw draw = {.seed = seed, .purpose = BL_PURPOSE_INITIALISE, .sample = (uint32_t)i};
    switch (entry->initialiser) {
      case BL_INITIALISE_ZERO:
        fill(out, entry->count, 0.0f);
        break;
      case BL_INITIALISE_ONE:
        fill(out, entry->count, 1.0f);
        break;
      case BL_INITIALISE_UNIFORM_01:
        bl_random_uniform(out, entry->count, draw);
        break;
      case BL_INITIALISE_FAN_IN_UNIFORM:
        symmetric_uniform(out, entry->count, 1.0 / sqrt(fan_in), draw);
        break;
      case BL_INITIALISE_XAVIER_NORMAL:
        normal(out, entry->count, sqrt(2.0 / (fan_in + (double)entry->fan_out)), draw);
        break;
      case BL_INITIALISE_KAIMING_NORMAL:
        normal(out, entry->count, sqrt(2.0 / fan_in), draw);
        break;
    }
  }
}

void bl_parameter_table_destroy(bl_parameter_table *table) {
  bl_free(&table->entries);
  table->entry_count = 0;
  table->count = 0;
}
