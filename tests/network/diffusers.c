/* U-Nets with what diffusers' UNet2DModel can differ in, against diffusers: how many parameters the networks with public
 * weights have, and what small ones return at equal weights (diffusers_fixture.txt, by make_diffusers_fixtures.py). */
#include "network/fixture.h"
#include "network/network.h"

#include "base/memory.h"
#include "support/algorithms.h"
#include "support/cmocka.h"
#include "support/shapes.h"
#include "support/valgrind.h"

#include <math.h>
#include <string.h>

#define IMAGE(c, h, w)     .kind = BL_NETWORK_UNET, .channels = (c), .height = (h), .width = (w)
#define LEVELS(count, ...) .multiplier_count = (count), .multipliers = {__VA_ARGS__}

/* Level i has attention where bit i is set. */
static const struct {
  const char *name, *same; /* `same`: a shape of tests/support that says the same by resolutions, or NULL */
  bl_network_shape shape;
} counted[] = {
    {"ddpm-cifar10-32",
     "unet_cifar10",
     {IMAGE(3, 32, 32), .base_channels = 128, LEVELS(4, 1, 2, 2, 2), .blocks = 2, .attention_levels = 1 << 1}},
    {"ddpm-celebahq-256",
     "unet_lsun",
     {IMAGE(3, 256, 256), .base_channels = 128, LEVELS(6, 1, 1, 2, 2, 4, 4), .blocks = 2, .attention_levels = 1 << 4}},
};

/* As in the script. */
static const struct {
  const char *name;
  bl_network_shape shape;
} computed[] = {
    {"cifar10", {IMAGE(3, 32, 32), .base_channels = 32, LEVELS(4, 1, 2, 2, 2), .blocks = 2, .attention_levels = 2}},
    {"celebahq", {IMAGE(3, 64, 64), .base_channels = 32, LEVELS(6, 1, 1, 2, 2, 4, 4), .blocks = 2, .attention_levels = 16}},
    {"defaults",
     {IMAGE(3, 16, 16), .base_channels = 32, LEVELS(4, 1, 2, 3, 4), .blocks = 2, .attention_levels = 14, .down_padding = 1,
      .cosine_first = 1, .unshifted = 1, .norm_epsilon = 1e-5f, .head_width = 8}},
    {"mixed1",
     {IMAGE(1, 16, 16), .base_channels = 40, LEVELS(2, 1, 2), .blocks = 2, .attention_levels = 2, .cosine_first = 1,
      .norm_epsilon = 1e-5f, .groups = 8, .head_width = 20}},
    {"mixed2",
     {IMAGE(3, 8, 16), .base_channels = 24, LEVELS(3, 1, 2, 3), .blocks = 1, .attention_levels = 5, .down_padding = 1,
      .unshifted = 1, .norm_epsilon = 1e-3f, .groups = 6, .head_width = 12}},
    {"mixed3",
     {IMAGE(2, 8, 8), .base_channels = 16, LEVELS(2, 1, 3), .blocks = 1, .down_padding = 1, .cosine_first = 1,
      .norm_epsilon = 1e-5f, .groups = 1}},
    {"mixed4",
     {IMAGE(3, 16, 8), .base_channels = 36, LEVELS(3, 1, 1, 2), .blocks = 3, .attention_levels = 3, .cosine_first = 1,
      .unshifted = 1, .norm_epsilon = 1e-6f, .groups = 4, .head_width = 6}},
    {"mixed5",
     {IMAGE(3, 16, 16), .base_channels = 64, LEVELS(2, 1, 2), .blocks = 1, .attention_levels = 3, .down_padding = 1,
      .norm_epsilon = 1e-5f, .head_width = 16}},
};

static bl_graph *build(const bl_network_shape *shape) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_unet_build(graph, shape); /* not compiled: the larger would need gigabytes */
  return graph;
}

static void public_networks_have_as_many_parameters(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
    FILE *file = fixture_open("diffusers", counted[i].name);
    bl_graph *levels = build(&counted[i].shape), *resolutions = build(test_shape(counted[i].same));
    const bl_parameter_table *table = bl_graph_parameters(levels), *same = bl_graph_parameters(resolutions);
    assert_int_equal(table->entry_count, fixture_count(file));
    assert_int_equal(table->count, fixture_count(file));
    assert_int_equal(table->entry_count, same->entry_count);
    for (size_t j = 0; j < table->entry_count; j++) {
      assert_string_equal(table->entries[j].name, same->entries[j].name);
      assert_int_equal(table->entries[j].count, same->entries[j].count);
    }
    fclose(file);
    bl_graph_destroy(&levels);
    bl_graph_destroy(&resolutions);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

/** Of all gradients: the root of the sum of squares, and the sum of the products. */
static double compare_all(FILE *file, const trial *t) {
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  double square = 0.0, products = 0.0;
  fixture_word(file, "all");
  assert_int_equal(table->count, fixture_count(file));
  for (size_t i = 0; i < table->entry_count; i++) {
    double norm, product;
    fixture_summarise(&norm, &product, t->d_values + table->entries[i].offset, table->entries[i].count);
    square += norm * norm;
    products += product;
  }
  const double expected = fixture_number(file), expected_products = fixture_number(file);
  return fmax(fabs(sqrt(square) - expected), fabs(products - expected_products)) / expected;
}

/** How far \a shape is from what the file says of \a name, at equal parameters. */
static fixture_distance measure(double *all, const char *name, const bl_network_shape *shape, const char *algorithm,
                                bool watch) {
  trial t;
  bl_graph *graph = NULL;
  FILE *file = fixture_open("diffusers", name);
  const int batch = (int)fixture_count(file);
  bl_algorithms *table = algorithm == NULL ? NULL : test_algorithms(algorithm, shape, batch);
  const bl_compute compute = {.algorithms = table, .recompute = algorithm != NULL};
  assert_int_equal(bl_network_create_with(&graph, shape, batch, BL_GRAPH_TRAINING, false, &compute), BL_OK);
  bl_algorithms_destroy(&table);
  fixture_begin(&t, file, graph);
  trial_run(&t);
  fixture_distance d = fixture_compare(file, &t, 0);
  fixture_word(file, "gradients");
  fixture_compare_gradients(&d, file, &t, fixture_count(file));
  *all = compare_all(file, &t);
  fclose(file);
  if (watch)
    trial_watch(&t);
  trial_end(&t);
  return d;
}

static void agrees(size_t index, const char *algorithm) {
  double all;
  const char *name = computed[index].name;
  const fixture_distance d = measure(&all, name, &computed[index].shape, algorithm, algorithm == NULL);
  print_message("%-9s %-10s errors: y %.1e, d_x %.1e, d_values %.1e (%s), of all %.1e\n", name,
                algorithm == NULL ? "fixed rule" : algorithm, d.y, d.d_x, d.d_values, d.worst, all);
  if (!fixture_is_close(&d) || !(all <= 1e-4))
    fail_msg("%s is not diffusers'", name);
}

static void networks_agree(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof computed / sizeof *computed; i++) {
    if (under_valgrind() && computed[i].shape.base_channels >= 32) /* the others would take hours */
      continue;
    agrees(i, NULL);
    if (under_valgrind())
      continue;
    agrees(i, "direct");
    agrees(i, "winograd");
  }
}

/** Each of diffusers' options matters: the network without it is another one. */
static void every_option_is_seen(void **state) {
  (void)state;
  if (under_valgrind())
    skip();
  enum { DEFAULTS = 2, OPTIONS = 5 };
  assert_string_equal(computed[DEFAULTS].name, "defaults");
  for (int option = 0; option < OPTIONS; option++) {
    bl_network_shape shape = computed[DEFAULTS].shape;
    double all;
    int *const switches[OPTIONS] = {&shape.down_padding, &shape.cosine_first, &shape.unshifted, &shape.head_width};
    if (switches[option] != NULL)
      *switches[option] = 0;
    else
      shape.norm_epsilon = 0.0f;
    const fixture_distance d = measure(&all, "defaults", &shape, NULL, false);
    if (d.y <= 1e-5)
      fail_msg("without option %d: y %.1e", option, d.y);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(public_networks_have_as_many_parameters),
      cmocka_unit_test(networks_agree),
      cmocka_unit_test(every_option_is_seen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
