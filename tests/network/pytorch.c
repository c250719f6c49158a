/* The networks against PyTorch: their parameters (parameters_fixture.txt), and what they return at equal weights
 * (results_fixture.txt) by each algorithm of convolutions. Both files are written by make_network_fixtures.py. */
#include "layer/trial.h"
#include "network/network.h"

#include "base/memory.h"
#include "support/algorithms.h"
#include "support/cmocka.h"
#include "support/hashed.h"
#include "support/shapes.h"
#include "support/valgrind.h"

#include <math.h>
#include <stdio.h>
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

/** \a what opened at the line after "network \a name". */
static FILE *open_fixture(const char *what, const char *name) {
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

static size_t read_count(FILE *file) {
  size_t count;
  assert_int_equal(fscanf(file, "%zu", &count), 1);
  return count;
}

static double read_number(FILE *file) {
  double number;
  assert_int_equal(fscanf(file, "%lf", &number), 1);
  return number;
}

static void read_word(FILE *file, const char *expected) {
  char word[BL_PARAMETER_NAME];
  assert_int_equal(fscanf(file, "%79s", word), 1);
  assert_string_equal(word, expected);
}

/* Parameters */

static void has_the_parameters_of_the_papers(void **state) {
  (void)state;
  static const char *const papers[] = {"unet_cifar10",  "unet_celeba",   "unet_lsun",   "critic_cifar10",
                                       "critic_celeba", "value_cifar10", "value_celeba"};
  for (size_t i = 0; i < sizeof papers / sizeof *papers; i++) {
    const bl_network_shape *shape = test_shape(papers[i]);
    bl_graph *graph = NULL;
    assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
    /* Not compiled: the largest would need gigabytes for its activations. */
    (shape->kind == BL_NETWORK_UNET     ? bl_unet_build
     : shape->kind == BL_NETWORK_CRITIC ? bl_critic_build
                                        : bl_value_build)(graph, shape);
    const bl_parameter_table *table = bl_graph_parameters(graph);
    FILE *file = open_fixture("parameters", papers[i]);
    assert_int_equal(table->entry_count, read_count(file));
    assert_int_equal(table->count, read_count(file));
    for (size_t j = 0; j < table->entry_count; j++) {
      char name[BL_PARAMETER_NAME];
      assert_int_equal(fscanf(file, "%79s", name), 1);
      const bl_parameter *entry = bl_parameter_find(table, name);
      if (entry == NULL)
        fail_msg("%s has no parameter %s", papers[i], name);
      for (int k = 0; k < entry->dimensions; k++)
        if (entry->shape[k] != read_count(file))
          fail_msg("%s: length %d of %s is %zu, which is not PyTorch's", papers[i], k, name, entry->shape[k]);
      assert_int_equal(fgetc(file), '\n');
    }
    fclose(file);
    bl_graph_destroy(&graph);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/* Results */

/** How far a network is from PyTorch: of y, of the gradient by x and by the worst parameter. */
typedef struct distance {
  double y, d_x, d_values;
  char worst[BL_PARAMETER_NAME];
} distance;

/** Norm, and product with the direction of the script. */
static void summarise(double *norm, double *product, const float *values, size_t count) {
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
  read_word(file, what);
  const size_t stride = read_count(file);
  const double expected_norm = read_number(file), expected_product = read_number(file);
  summarise(&norm, &product, values, count);
  for (size_t i = 0; i < count; i += stride) {
    const double expected = read_number(file);
    largest = fmax(largest, fabs(expected));
    error = fmax(error, fabs((double)values[i] - expected));
  }
  return fmax(error / largest, fmax(fabs(norm - expected_norm), fabs(product - expected_product)) / expected_norm);
}

/** Some gradients are zero but for rounding: of what is added before a normalisation by channel, and of k's bias. They are
 * seen beside the last one before them that is not. */
static void compare_gradients(distance *d, FILE *file, const trial *t) {
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  double scale = 0.0;
  for (size_t i = 0; i < table->entry_count; i++) {
    char name[BL_PARAMETER_NAME];
    double norm, product;
    assert_int_equal(fscanf(file, "%79s", name), 1);
    const bl_parameter *entry = bl_parameter_find(table, name);
    if (entry == NULL || read_count(file) != entry->count)
      fail_msg("parameter %s is missing or has another size", name);
    const double expected_norm = read_number(file), expected_product = read_number(file);
    summarise(&norm, &product, t->d_values + entry->offset, entry->count);
    if (expected_norm > 1e-9 * scale)
      scale = expected_norm;
    const double error = fmax(fabs(norm - expected_norm), fabs(product - expected_product)) / scale;
    if (!(error <= d->d_values)) {
      d->d_values = error;
      strcpy(d->worst, name);
    }
  }
}

/** A trial of the network \a name with the parameters and operands of the script. Returns the file, at its results. */
static FILE *begin(trial *t, const char *name, const char *algorithm, bool recompute) {
  const bl_network_shape *shape = test_shape(name);
  FILE *file = open_fixture("results", name);
  const int batch = (int)read_count(file);
  bl_algorithms *table = algorithm == NULL ? NULL : test_algorithms(algorithm, shape, batch);
  const bl_compute compute = {.algorithms = table, .recompute = recompute};
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create_with(&graph, shape, batch, BL_GRAPH_TRAINING, false, &compute), BL_OK);
  bl_algorithms_destroy(&table);
  trial_attach(t, graph);
  assert_int_equal(t->inputs, read_count(file));
  assert_int_equal(t->outputs, read_count(file));
  assert_int_equal(bl_graph_parameters(graph)->entry_count, read_count(file));
  read_word(file, "time");
  for (size_t i = 0; i < t->batch; i++)
    t->time[i] = (float)read_number(file);
  fill_parameters(t->values, bl_graph_parameters(graph));
  test_hashed(t->x, t->inputs, "x", 1.0, 0.0);
  test_hashed(t->d_y, t->outputs, "d_y", 1.0, 0.0);
  assert_int_equal(bl_graph_load(graph, t->values), BL_OK);
  return file;
}

static distance compare(FILE *file, const trial *t) {
  distance d = {.d_values = 0.0};
  d.y = compare_array(file, "y", t->y, t->outputs);
  d.d_x = compare_array(file, "d_x", t->d_x, t->inputs);
  compare_gradients(&d, file, t);
  return d;
}

static bool is_close(const distance *d) {
  return d->y <= y_tolerance && d->d_x <= gradient_tolerance && d->d_values <= gradient_tolerance;
}

static void agrees(const char *name, const char *algorithm, bool recompute, bool watch) {
  trial t;
  FILE *file = begin(&t, name, algorithm, recompute);
  trial_run(&t);
  const distance d = compare(file, &t);
  fclose(file);
  if (watch)
    trial_watch(&t);
  trial_end(&t);
  print_message("%-18s %-10s errors: y %.1e, d_x %.1e, d_values %.1e (%s)\n", name,
                algorithm == NULL ? "fixed rule" : algorithm, d.y, d.d_x, d.d_values, d.worst);
  if (!is_close(&d))
    fail_msg("%s is not PyTorch's", name);
}

/** Ends a test under valgrind, where what follows would take hours. */
static void leave_to_fast_runs(void) {
  if (under_valgrind())
    skip();
}

static void agrees_by_all(const char *name) {
  agrees(name, NULL, false, true);
  agrees(name, "direct", false, false);
  agrees(name, "winograd", true, true);
}

static void small_unets_agree(void **state) {
  (void)state;
  agrees_by_all("unet_digits");
  agrees_by_all("unet_colour");
  leave_to_fast_runs();
  agrees_by_all("unet_wide");
  agrees_by_all("unet_patches");
}

static void the_unet_of_cifar10_agrees(void **state) {
  (void)state;
  leave_to_fast_runs();
  agrees("unet_cifar10", "direct", false, false);
  agrees("unet_cifar10", "winograd", false, false);
}

/** No convolution of the larger critics is one that Winograd's algorithm is for. */
static void critics_agree(void **state) {
  (void)state;
  agrees_by_all("critic_digits");
  agrees("critic_points", NULL, false, true);
  leave_to_fast_runs();
  agrees("critic_cifar10", NULL, false, false);
  agrees("critic_celeba", NULL, false, false);
}

static void values_agree(void **state) {
  (void)state;
  agrees("value_digits", NULL, false, true);
  agrees("value_points", NULL, false, true);
  leave_to_fast_runs();
  agrees("value_cifar10", NULL, false, false);
  agrees("value_celeba", NULL, false, false);
}

static void the_mlp_agrees(void **state) {
  (void)state;
  agrees("mlp_points", NULL, false, true);
}

static void classifiers_agree(void **state) {
  (void)state;
  agrees_by_all("classifier_digits");
  leave_to_fast_runs();
  agrees_by_all("classifier_fashion");
}

/** Whether asking for Winograd makes a difference; without, what agrees "by winograd" agrees by the direct sum. */
static void winograd_was_used(void **state) {
  (void)state;
  leave_to_fast_runs();
  trial t[2];
  fclose(begin(&t[0], "unet_wide", "direct", false));
  fclose(begin(&t[1], "unet_wide", "winograd", false));
  trial_run(&t[0]);
  trial_run(&t[1]);
  const bool used = memcmp(t[0].y, t[1].y, t[0].outputs * sizeof *t[0].y) != 0;
  trial_release(&t[0]);
  trial_end(&t[1]);
  if (!used) {
    print_message("there is no Winograd on this machine\n");
    skip();
  }
}

/** The comparison is sharp: of a tensor in the middle one weight, that of the largest gradient, wrong by 3 % is seen. */
static void one_wrong_weight_is_seen(void **state) {
  (void)state;
  leave_to_fast_runs();
  static const char *const names[] = {"unet_digits",  "unet_wide",    "unet_patches", "critic_cifar10",
                                      "value_digits", "value_points", "mlp_points",   "classifier_fashion"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    trial t;
    FILE *file = begin(&t, names[i], NULL, false);
    const bl_parameter_table *table = bl_graph_parameters(t.graph);
    const bl_parameter *entry = &table->entries[table->entry_count / 2];
    while (strstr(entry->name, ".weight") == NULL)
      entry++;
    trial_run(&t);
    size_t at = entry->offset;
    for (size_t j = at; j < entry->offset + entry->count; j++)
      if (fabsf(t.d_values[j]) > fabsf(t.d_values[at]))
        at = j;
    t.values[at] += 0.03f / sqrtf((float)entry->fan_in);
    assert_int_equal(bl_graph_load(t.graph, t.values), BL_OK);
    trial_run(&t);
    const distance d = compare(file, &t);
    fclose(file);
    if (is_close(&d))
      fail_msg("%s with another %s: y %.1e, d_x %.1e, d_values %.1e", names[i], entry->name, d.y, d.d_x, d.d_values);
    trial_end(&t);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(has_the_parameters_of_the_papers),
      cmocka_unit_test(small_unets_agree),
      cmocka_unit_test(the_unet_of_cifar10_agrees),
      cmocka_unit_test(critics_agree),
      cmocka_unit_test(values_agree),
      cmocka_unit_test(the_mlp_agrees),
      cmocka_unit_test(classifiers_agree),
      cmocka_unit_test(winograd_was_used),
      cmocka_unit_test(one_wrong_weight_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
