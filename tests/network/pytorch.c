/* The networks against PyTorch: their parameters (parameters_fixture.txt), and what they return at equal weights
 * (results_fixture.txt) by each algorithm of convolutions. Both files are written by make_network_fixtures.py. */
#include "network/fixture.h"
#include "network/network.h"

#include "base/memory.h"
#include "support/algorithms.h"
#include "support/cmocka.h"
#include "support/shapes.h"
#include "support/valgrind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    FILE *file = fixture_open("parameters", papers[i]);
    assert_int_equal(table->entry_count, fixture_count(file));
    assert_int_equal(table->count, fixture_count(file));
    for (size_t j = 0; j < table->entry_count; j++) {
      char name[BL_PARAMETER_NAME];
      assert_int_equal(fscanf(file, "%79s", name), 1);
      const bl_parameter *entry = bl_parameter_find(table, name);
      if (entry == NULL)
        fail_msg("%s has no parameter %s", papers[i], name);
      for (int k = 0; k < entry->dimensions; k++)
        if (entry->shape[k] != fixture_count(file))
          fail_msg("%s: length %d of %s is %zu, which is not PyTorch's", papers[i], k, name, entry->shape[k]);
      assert_int_equal(fgetc(file), '\n');
    }
    fclose(file);
    bl_graph_destroy(&graph);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/* Results */

/** A trial of the network \a name with the parameters and operands of the script. Returns the file, at its results. */
static FILE *begin(trial *t, const char *name, const char *algorithm, bool recompute) {
  const bl_network_shape *shape = test_shape(name);
  FILE *file = fixture_open("results", name);
  const int batch = (int)fixture_count(file);
  bl_algorithms *table = algorithm == NULL ? NULL : test_algorithms(algorithm, shape, batch);
  const bl_compute compute = {.algorithms = table, .recompute = recompute};
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create_with(&graph, shape, batch, BL_GRAPH_TRAINING, false, &compute), BL_OK);
  bl_algorithms_destroy(&table);
  fixture_begin(t, file, graph);
  return file;
}

static void agrees(const char *name, const char *algorithm, bool recompute, bool watch) {
  trial t;
  FILE *file = begin(&t, name, algorithm, recompute);
  trial_run(&t);
  const fixture_distance d = fixture_compare(file, &t, bl_graph_parameters(t.graph)->entry_count);
  fclose(file);
  if (watch)
    trial_watch(&t);
  trial_end(&t);
  print_message("%-18s %-10s errors: y %.1e, d_x %.1e, d_values %.1e (%s)\n", name,
                algorithm == NULL ? "fixed rule" : algorithm, d.y, d.d_x, d.d_values, d.worst);
  if (!fixture_is_close(&d))
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
    const fixture_distance d = fixture_compare(file, &t, bl_graph_parameters(t.graph)->entry_count);
    fclose(file);
    if (fixture_is_close(&d))
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
