#include "network/fixture.h"

#include "base/memory.h"
#include "support/cmocka.h"
#include "support/hashed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Largest relative errors. */
static const double y_tolerance = 1e-5, gradient_tolerance = 1e-4;

/** The part of a parameter's name before "weight" or "bias": "norm1." of "mid.block_1.norm1.weight". */
static const char *layer_of(const char *name) {
  const char *layer = strrchr(name, '.');
  while (layer > name && layer[-1] != '.')
    layer--;
  return layer;
}

static void fill_parameters(float *values, const bl_parameter_table *table) {
  for (size_t i = 0; i < table->entry_count; i++) {
    const bl_parameter *entry = &table->entries[i];
    const char *layer = layer_of(entry->name);
    float *out = values + entry->offset;
    double scale = 1.0 / sqrt((double)entry->fan_in), offset = 0.0;
    if (strncmp(layer, "norm", 4) == 0) {
      scale = 0.25;
      offset = strstr(layer, ".weight") != NULL ? 1.0 : 0.0;
    } else if (strncmp(layer, "embed.", 6) == 0) {
      scale = offset = 0.5;
    }
    test_hashed(out, entry->count, entry->name, 1.0, 0.0);
    for (size_t j = 0; j < entry->count; j++)
      out[j] = (float)(offset + scale * (double)out[j]);
  }
}

FILE *fixture_open(const char *what, const char *name) {
  const char *folder = getenv("top_srcdir");
  char path[4096], line[256], start[64];
  snprintf(path, sizeof path, "%s/tests/network/%s_fixture.txt", folder == NULL ? "." : folder, what);
  const int length = snprintf(start, sizeof start, "network %s ", name);
  FILE *file = fopen(path, "r");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  while (fgets(line, sizeof line, file) != NULL)
    if (strncmp(line, start, (size_t)length) == 0) {
      fseek(file, length - (long)strlen(line), SEEK_CUR);
      return file;
    }
  fail_msg("%s has no network %s", path, name);
  return NULL;
}

size_t fixture_count(FILE *file) {
  size_t count;
  assert_int_equal(fscanf(file, "%zu", &count), 1);
  return count;
}

double fixture_number(FILE *file) {
  double number;
  assert_int_equal(fscanf(file, "%lf", &number), 1);
  return number;
}

void fixture_word(FILE *file, const char *expected) {
  char word[BL_PARAMETER_NAME];
  assert_int_equal(fscanf(file, "%79s", word), 1);
  assert_string_equal(word, expected);
}

void fixture_summarise(double *norm, double *product, const float *values, size_t count) {
  float *direction = NULL;
  double square = 0.0;
  assert_int_equal(bl_allocate(&direction, count, sizeof *direction), BL_OK);
  test_hashed(direction, count, "direction", 1.0, 0.0);
  *product = 0.0;
  for (size_t i = 0; i < count; i++) {
    square += (double)values[i] * (double)values[i];
    *product += (double)values[i] * (double)direction[i];
  }
  *norm = sqrt(square);
  bl_free(&direction);
}

/** The relative error of an array, of which the file has norm, product and every stride-th number. */
static double compare_array(FILE *file, const char *what, const float *values, size_t count) {
  double norm, product, largest = 0.0, error = 0.0;
  fixture_word(file, what);
  const size_t stride = fixture_count(file);
  const double expected_norm = fixture_number(file), expected_product = fixture_number(file);
  fixture_summarise(&norm, &product, values, count);
  for (size_t i = 0; i < count; i += stride) {
    const double expected = fixture_number(file);
    largest = fmax(largest, fabs(expected));
    error = fmax(error, fabs((double)values[i] - expected));
  }
  return fmax(error / largest, fmax(fabs(norm - expected_norm), fabs(product - expected_product)) / expected_norm);
}

/** Some gradients are zero but for rounding: of what is added before a normalisation by channel, and of k's bias. They are
 * seen beside the last one before them that is not. */
void fixture_compare_gradients(fixture_distance *d, FILE *file, const trial *t, size_t count) {
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  double scale = 0.0;
  for (size_t i = 0; i < count; i++) {
    char name[BL_PARAMETER_NAME];
    double norm, product;
    assert_int_equal(fscanf(file, "%79s", name), 1);
    const bl_parameter *entry = bl_parameter_find(table, name);
    if (entry == NULL || fixture_count(file) != entry->count)
      fail_msg("parameter %s is missing or has another size", name);
    const double expected_norm = fixture_number(file), expected_product = fixture_number(file);
    fixture_summarise(&norm, &product, t->d_values + entry->offset, entry->count);
    if (expected_norm > 1e-9 * scale)
      scale = expected_norm;
    const double error = fmax(fabs(norm - expected_norm), fabs(product - expected_product)) / scale;
    if (!(error <= d->d_values)) {
      d->d_values = error;
      strcpy(d->worst, name);
    }
  }
}

void fixture_begin(trial *t, FILE *file, bl_graph *graph) {
  trial_attach(t, graph);
  assert_int_equal(t->inputs, fixture_count(file));
  assert_int_equal(t->outputs, fixture_count(file));
  assert_int_equal(bl_graph_parameters(graph)->entry_count, fixture_count(file));
  fixture_word(file, "time");
  for (size_t i = 0; i < t->batch; i++)
    t->time[i] = (float)fixture_number(file);
  fill_parameters(t->values, bl_graph_parameters(graph));
  test_hashed(t->x, t->inputs, "x", 1.0, 0.0);
  test_hashed(t->d_y, t->outputs, "d_y", 1.0, 0.0);
  assert_int_equal(bl_graph_load(graph, t->values), BL_OK);
}

fixture_distance fixture_compare(FILE *file, const trial *t, size_t gradients) {
  fixture_distance d = {.d_values = 0.0};
  d.y = compare_array(file, "y", t->y, t->outputs);
  d.d_x = compare_array(file, "d_x", t->d_x, t->inputs);
  fixture_compare_gradients(&d, file, t, gradients);
  return d;
}

bool fixture_is_close(const fixture_distance *d) {
  return d->y <= y_tolerance && d->d_x <= gradient_tolerance && d->d_values <= gradient_tolerance;
}
