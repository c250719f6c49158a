/* The U-Net against PyTorch (unet_fixture.txt, written by make_unet_fixture.py in double precision), and its table of
 * parameters against that of the public code. */
#include "network/network.h"
#include "network/node.h"
#include "network/trial.h"

#include "base/memory.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bl_network_shape colour = {.kind = BL_NETWORK_UNET,
                                        .channels = 3,
                                        .height = 16,
                                        .width = 16,
                                        .base_channels = 32,
                                        .multiplier_count = 3,
                                        .multipliers = {1, 1, 2},
                                        .blocks = 2,
                                        .attention_count = 1,
                                        .attention = {8}};

/* Numbers in [-1, 1) that follow from a name, as in make_unet_fixture.py. */
static void hashed(float *values, size_t count, const char *name, float scale, float offset) {
  uint32_t seed = 2166136261u;
  for (; *name != '\0'; name++)
    seed = (seed ^ (uint32_t)(unsigned char)*name) * 16777619u;
  for (size_t i = 0; i < count; i++) {
    uint32_t h = (uint32_t)i * 2654435761u + seed;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 16) * 0xc2b2ae35u;
    h ^= h >> 16;
    values[i] = (float)((double)offset + (double)scale * ((double)(h >> 8) / 8388608.0 - 1.0));
  }
}

static void fill_parameters(float *values, const bl_parameter_table *table) {
  for (size_t i = 0; i < table->entry_count; i++) {
    const bl_parameter *entry = &table->entries[i];
    const char *layer = strrchr(entry->name, '.');
    while (layer > entry->name && layer[-1] != '.')
      layer--;
    const bool norm = strncmp(layer, "norm", 4) == 0;
    /* The script scales in double precision; this is the same up to the last bit of a parameter. */
    const double scale = norm ? 0.25 : 1.0 / sqrt((double)entry->fan_in);
    float *out = values + entry->offset;
    hashed(out, entry->count, entry->name, 1.0f, 0.0f);
    for (size_t j = 0; j < entry->count; j++)
      out[j] = (float)((norm && strstr(entry->name, ".weight") != NULL ? 1.0 : 0.0) + scale * (double)out[j]);
  }
}

static FILE *open_fixture(const char *network, size_t outputs, size_t parameters) {
  const char *folder = getenv("top_srcdir");
  char path[4096], name[64];
  size_t found_outputs, found_parameters;
  snprintf(path, sizeof path, "%s/tests/network/unet_fixture.txt", folder == NULL ? "." : folder);
  FILE *file = fopen(path, "r");
  if (file == NULL)
    fail_msg("cannot open %s", path);
  while (fscanf(file, " network %63s %zu %zu", name, &found_outputs, &found_parameters) == 3 || !feof(file))
    if (strcmp(name, network) == 0) {
      assert_int_equal(found_outputs, outputs);
      assert_int_equal(found_parameters, parameters);
      return file;
    } else if (fscanf(file, "%*[^\n]") == EOF) {
      break;
    }
  fail_msg("%s has no network %s", path, network);
  return NULL;
}

static double *read_numbers(FILE *file, size_t count) {
  double *numbers = NULL;
  assert_int_equal(bl_allocate(&numbers, count, sizeof *numbers), BL_OK);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(fscanf(file, "%lf", &numbers[i]), 1);
  return numbers;
}

static void compare_gradients(FILE *file, const trial *t) {
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  for (size_t i = 0; i < table->entry_count; i++) {
    char name[BL_PARAMETER_NAME];
    size_t count;
    double expected_norm, expected_product, square = 0.0, product = 0.0;
    float *direction = NULL;
    assert_int_equal(fscanf(file, "%79s %zu %lf %lf", name, &count, &expected_norm, &expected_product), 4);
    const bl_parameter *entry = bl_parameter_find(table, name);
    if (entry == NULL || entry->count != count)
      fail_msg("no parameter %s of %zu elements", name, count);
    assert_int_equal(bl_allocate(&direction, count, sizeof *direction), BL_OK);
    hashed(direction, count, "direction", 1.0f, 0.0f);
    for (size_t j = 0; j < count; j++) {
      const double g = (double)t->d_values[entry->offset + j];
      square += g * g;
      product += g * (double)direction[j];
    }
    bl_free(&direction);
    /* Some gradients are zero but for rounding: of a bias before a normalisation by channel, and of k's bias. */
    const double tolerance = 1e-4 * expected_norm + 1e-5;
    if (!(fabs(sqrt(square) - expected_norm) <= tolerance && fabs(product - expected_product) <= tolerance))
      fail_msg("gradient of %s: norm %.8g, product %.8g; PyTorch: %.8g, %.8g", name, sqrt(square), product, expected_norm,
               expected_product);
  }
}

/** A table that names \a algorithm for every convolution of a network; where oneDNN does not have it, the direct sum
 * takes its place. */
static bl_algorithms *all_by(const char *algorithm, const bl_network_shape *shape, int batch) {
  static const char *const names[] = {": direct", ": winograd"};
  bl_algorithms *table = NULL, *forced = NULL;
  bl_graph *graph = NULL;
  assert_int_equal(bl_algorithms_create(&table), BL_OK);
  assert_int_equal(bl_algorithms_create(&forced), BL_OK);
  const bl_compute compute = {.algorithms = table};
  assert_int_equal(bl_network_create_with(&graph, shape, batch, BL_GRAPH_TRAINING, false, &compute), BL_OK);
  bl_graph_destroy(&graph);
  for (const char *line = bl_algorithms_text(table); *line != '\0'; line = strchr(line, '\n') + 1) {
    char text[256];
    const int length = (int)(strchr(line, ':') - line);
    assert_true(strncmp(line + length, names[0], strlen(names[0])) == 0 ||
                strncmp(line + length, names[1], strlen(names[1])) == 0);
    snprintf(text, sizeof text, "%.*s: %s\n", length, line, algorithm);
    assert_int_equal(bl_algorithms_parse(forced, text), BL_OK);
  }
  bl_algorithms_destroy(&table);
  return forced;
}

static void agree_with_pytorch(const char *name, const bl_network_shape *shape, int batch, const float *time,
                               const char *algorithm, bool recompute) {
  bl_graph *graph = NULL;
  trial t;
  bl_algorithms *table = algorithm == NULL ? NULL : all_by(algorithm, shape, batch);
  assert_int_equal(bl_graph_create(&graph, batch), BL_OK);
  bl_graph_set_compute(graph, &(bl_compute){.algorithms = table, .recompute = recompute});
  bl_unet_build(graph, shape);
  trial_begin(&t, graph, BL_GRAPH_TRAINING);
  bl_algorithms_destroy(&table);
  FILE *file = open_fixture(name, t.outputs, bl_graph_parameters(graph)->entry_count);
  fill_parameters(t.values, bl_graph_parameters(graph));
  hashed(t.x, t.inputs, "x", 1.0f, 0.0f);
  hashed(t.d_y, t.outputs, "d_y", 1.0f, 0.0f);
  memcpy(t.time, time, t.batch * sizeof *time);
  assert_int_equal(bl_graph_load(graph, t.values), BL_OK);
  trial_run(&t);
  double *y = read_numbers(file, t.outputs), *d_x = read_numbers(file, t.inputs);
  trial_close("y", t.y, y, t.outputs, 1e-5);
  trial_close("d_x", t.d_x, d_x, t.inputs, 1e-4);
  compare_gradients(file, &t);
  trial_watch(&t);
  fclose(file);
  bl_free(&y);
  bl_free(&d_x);
  trial_end(&t);
}

static const char *const algorithms[] = {NULL /* the fixed rule */, "direct", "winograd"};

static void digits_agree_with_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++)
    agree_with_pytorch("digits", &test_digits.network, 3, (const float[]){0.0f, 17.25f, 616.734f}, algorithms[i], i == 2);
}

static void colour_agrees_with_pytorch(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++)
    agree_with_pytorch("colour", &colour, 2, (const float[]){999.0f, 93.5f}, algorithms[i], i == 2);
}

/* The numbers of the public code's models: sum(p.numel() for p in model.parameters()), and names and shapes by sample. */
static void has_the_public_parameters(void **state) {
  (void)state;
  const struct {
    const char *name;
    size_t shape[4];
  } some[] = {{"temb.dense.0.weight", {512, 128}},
              {"temb.dense.1.bias", {512}},
              {"conv_in.weight", {128, 3, 3, 3}},
              {"down.0.downsample.conv.weight", {128, 128, 3, 3}},
              {"down.1.block.0.nin_shortcut.weight", {256, 128, 1, 1}},
              {"down.1.block.1.temb_proj.weight", {256, 512}},
              {"down.1.attn.1.proj_out.weight", {256, 256, 1, 1}},
              {"mid.block_1.norm2.weight", {256}},
              {"mid.attn_1.norm.bias", {256}},
              {"mid.attn_1.q.bias", {256}},
              {"up.0.block.0.conv1.weight", {128, 384, 3, 3}},
              {"up.0.block.2.nin_shortcut.weight", {128, 256, 1, 1}},
              {"up.1.attn.2.k.weight", {256, 256, 1, 1}},
              {"up.3.upsample.conv.weight", {256, 256, 3, 3}},
              {"norm_out.weight", {128}},
              {"conv_out.bias", {3}}};
  const char *absent[] = {"up.0.upsample.conv.weight", "down.3.downsample.conv.weight", "down.0.attn.0.q.weight",
                          "down.0.block.0.nin_shortcut.weight"};
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_unet_build(graph, &test_cifar10.network);
  assert_int_equal(graph->status, BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph);
  assert_int_equal(table->count, 35746307);
  for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
    const bl_parameter *entry = bl_parameter_find(table, some[i].name);
    if (entry == NULL)
      fail_msg("there is no %s", some[i].name);
    assert_memory_equal(entry->shape, some[i].shape, sizeof entry->shape);
  }
  for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
    assert_null(bl_parameter_find(table, absent[i]));
  bl_graph_destroy(&graph);
}

/** The models of the papers: as many parameters as the same layers have in PyTorch (experiments/speed/networks.py). */
static void has_the_parameters_of_the_papers(void **state) {
  (void)state;
  bl_network_shape celeba = test_cifar10.network, lsun = test_cifar10.network;
  celeba.height = celeba.width = 64;
  celeba.multiplier_count = 5;
  memcpy(celeba.multipliers, (int[]){1, 2, 2, 2, 4}, 5 * sizeof(int));
  lsun.height = lsun.width = 256;
  lsun.multiplier_count = 6;
  memcpy(lsun.multipliers, (int[]){1, 1, 2, 2, 4, 4}, 6 * sizeof(int));
  const struct {
    const bl_network_shape *shape;
    size_t count;
  } papers[] = {{&celeba, 78700803}, {&lsun, 113673219}};
  for (size_t i = 0; i < sizeof papers / sizeof *papers; i++) {
    bl_graph *graph = NULL;
    assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
    bl_unet_build(graph, papers[i].shape);
    assert_int_equal(graph->status, BL_OK);
    assert_int_equal(bl_graph_parameters(graph)->count, papers[i].count);
    bl_graph_destroy(&graph);
  }
}

/** A network on patches of 2 x 2 is the network on images of a quarter of the size and four times the channels. */
static void patches_are_channels(void **state) {
  (void)state;
  enum { BATCH = 2, SIDE = 8, HALF = 4, PIXELS = BATCH * SIDE * SIDE };
  bl_network_shape whole = test_digits.network, parts = test_digits.network;
  whole.patch = 2;
  parts.channels = 4;
  parts.height = parts.width = HALF;
  bl_graph *graph[2] = {NULL, NULL};
  assert_int_equal(bl_network_create(&graph[0], &whole, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_network_create(&graph[1], &parts, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  const bl_parameter_table *table = bl_graph_parameters(graph[0]);
  assert_int_equal(table->count, bl_graph_parameters(graph[1])->count);
  float *values = NULL, x[2][PIXELS], y[2][PIXELS];
  const float time[BATCH] = {3.0f, 700.5f};
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, 1);
  bl_random_normal(x[0], PIXELS, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int part = 0; part < 2; part++) {
    for (int n = 0; part == 1 && n < BATCH; n++)
      for (int c = 0; c < 4; c++)
        for (int i = 0; i < HALF * HALF; i++)
          x[1][(n * 4 + c) * HALF * HALF + i] = x[0][(n * SIDE + i / HALF * 2 + c / 2) * SIDE + i % HALF * 2 + c % 2];
    assert_int_equal(bl_graph_load(graph[part], values), BL_OK);
    assert_int_equal(bl_graph_forward(graph[part], y[part], x[part], time), BL_OK);
    bl_graph_destroy(&graph[part]);
  }
  for (int n = 0; n < BATCH; n++)
    for (int c = 0; c < 4; c++)
      for (int i = 0; i < HALF * HALF; i++)
        assert_true(y[1][(n * 4 + c) * HALF * HALF + i] ==
                    y[0][(n * SIDE + i / HALF * 2 + c / 2) * SIDE + i % HALF * 2 + c % 2]);
  bl_free(&values);
}

static void refuses(bl_network_shape shape, const char *message) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create(&graph, &shape, 1, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_null(graph);
  if (strstr(bl_status_message(), message) == NULL)
    fail_msg("\"%s\" does not say \"%s\"", bl_status_message(), message);
  bl_status_clear();
}

static void refuses_impossible_shapes(void **state) {
  (void)state;
  bl_network_shape shape = test_digits.network;
  shape.base_channels = 48;
  refuses(shape, "base_channels is 48: expected a multiple of 32");
  shape = test_digits.network;
  shape.height = 7;
  refuses(shape, "7 x 8 pixels in patches of 1 cannot be halved 1 times");
  shape = test_digits.network;
  shape.patch = 3;
  refuses(shape, "8 x 8 pixels in patches of 3 cannot be halved 1 times: expected multiples of 6");
  shape = test_digits.network;
  shape.patch = 2; /* its levels are 4 and 2 */
  shape.attention[0] = 8;
  refuses(shape, "attention at resolution 8");
  shape = test_digits.network;
  shape.attention[0] = 5;
  refuses(shape, "attention at resolution 5");
  shape = test_digits.network;
  shape.multipliers[1] = 0;
  refuses(shape, "multiplier 1 is 0");
  shape = test_digits.network;
  shape.multiplier_count = 0;
  refuses(shape, "0 multipliers");
  shape = test_digits.network;
  shape.blocks = 0;
  refuses(shape, "0 blocks per level");
  shape = test_digits.network;
  shape.dropout = 1.0f;
  refuses(shape, "dropout with probability 1");
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digits_agree_with_pytorch), cmocka_unit_test(colour_agrees_with_pytorch),
      cmocka_unit_test(has_the_public_parameters), cmocka_unit_test(has_the_parameters_of_the_papers),
      cmocka_unit_test(patches_are_channels),      cmocka_unit_test(refuses_impossible_shapes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
