/* The executor: random graphs with tensors that have many readers, passes that want a part of the gradients, misuse. */
#include "layer/trial.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "support/cmocka.h"
#include "support/whole_gradient.h"

#include <stdio.h>
#include <string.h>

static const bl_conv_shape same3 = {3, 1, 1, 1};

static uint32_t draw(uint32_t round, uint32_t number) {
  uint32_t bits;
  bl_random_bits(&bits, 1, (bl_draw){.seed = 9, .purpose = BL_PURPOSE_TEST, .round = round, .sample = number});
  return bits;
}

/** A convolution on patches: normalised, up-sampled or joined with itself first. */
static bl_tensor *cheap_then_convolution(bl_graph *g, bl_tensor *x, const char *name, uint32_t which) {
  char norm[24];
  snprintf(norm, sizeof norm, "%sn", name);
  bl_tensor *h = which == 0   ? bl_group_norm(g, x, norm, 4, 1e-6F, true)
                 : which == 1 ? bl_upsample(g, x)
                              : bl_concat(g, x, bl_dropout(g, bl_group_norm(g, x, norm, 8, 1e-6F, false), 0.25F));
  return bl_conv(g, h, name, 16, which == 1 ? (bl_conv_shape){3, 2, 0, 1} : same3, BL_INITIALISE_KAIMING_NORMAL);
}

/** A graph of \a count layers on images of 16 channels, each on random tensors that exist; what is left unread is added. */
static bl_graph *random_graph(uint32_t round, int count) {
  bl_graph *g = NULL;
  bl_tensor *made[64];
  bool read[64] = {false};
  char name[16];
  int tensors = 0;
  assert_int_equal(bl_graph_create(&g, 2), BL_OK);
  made[tensors++] = bl_input(g, 16, 4, 4);
  for (int i = 0; i < count; i++) {
    const uint32_t bits = draw(round, (uint32_t)i);
    const int a = (int)(bits % (uint32_t)tensors), b = (int)(bits / 64 % (uint32_t)tensors);
    snprintf(name, sizeof name, "c%d", i);
    read[a] = true;
    switch (bits / 4096 % 7) {
      case 0:
        made[tensors++] = bl_conv(g, made[a], name, 16, same3, BL_INITIALISE_KAIMING_NORMAL);
        break;
      case 1:
        made[tensors++] = bl_activate(g, made[a], BL_SILU);
        break;
      case 2:
        made[tensors++] = bl_activate(g, made[a], BL_SOFTPLUS);
        break;
      case 3:
        made[tensors++] = bl_add(g, made[a], bl_spatial_mean(g, made[a]));
        break;
      case 4:
        made[tensors++] = bl_add(g, made[a], bl_dense(g, made[a], name, 16, BL_INITIALISE_XAVIER_NORMAL));
        break;
      case 5:
        made[tensors++] = cheap_then_convolution(g, made[a], name, bits / 32768 % 3);
        break;
      default:
        read[b] = true;
        made[tensors++] = bl_add(g, made[a], made[b]);
        break;
    }
  }
  bl_tensor *y = made[tensors - 1];
  for (int i = 0; i < tensors - 1; i++)
    if (!read[i])
      y = bl_add(g, y, made[i]);
  bl_output(g, y);
  return g;
}

/** Smaller weights, so that values stay near one. */
static void shrink(trial *t) {
  for (size_t i = 0; i < t->parameters; i++)
    t->values[i] *= 0.1F;
  assert_int_equal(bl_graph_load(t->graph, t->values), BL_OK);
}

/** The same for a graph that is new; then all its steps, watched. */
static void begin_small(trial *t, bl_graph *graph, bl_graph_mode mode) {
  trial_begin(t, graph, mode);
  shrink(t);
  trial_watch(t);
}

static void random_graphs(void **state) {
  (void)state;
  for (uint32_t round = 0; round < 40; round++) {
    trial t, u;
    begin_small(&t, random_graph(round, 12), BL_GRAPH_TRAINING);
    trial_differences(&t, 1e-3, 5e-3);
    begin_small(&u, random_graph(round, 12), BL_GRAPH_INFERENCE);
    assert_memory_equal(t.y, u.y, t.outputs * sizeof(float));
    assert_true(bl_graph_memory(u.graph) <= bl_graph_memory(t.graph));
    trial_release(&u);
    trial_end(&t);
  }
}

/** A pass that wants only some gradients gives the same bits for these. */
static void partial_gradients(void **state) {
  (void)state;
  trial t;
  float only_x[2 * 16 * 16];
  trial_begin(&t, random_graph(3, 12), BL_GRAPH_TRAINING);
  trial_run(&t);
  assert_int_equal(bl_graph_forward(t.graph, t.y, &(bl_graph_inputs){.x = t.x}), BL_OK);
  assert_int_equal(bl_graph_backward(t.graph, NULL, only_x, t.d_y), BL_OK);
  assert_memory_equal(only_x, t.d_x, sizeof only_x);
  float *only_parameters = NULL;
  assert_int_equal(bl_allocate(&only_parameters, t.parameters, sizeof(float)), BL_OK);
  memset(only_parameters, 0xff, t.parameters * sizeof(float));
  assert_int_equal(bl_graph_forward(t.graph, t.y, &(bl_graph_inputs){.x = t.x}), BL_OK);
  assert_int_equal(bl_graph_backward(t.graph, only_parameters, NULL, t.d_y), BL_OK);
  assert_memory_equal(only_parameters, t.d_values, t.parameters * sizeof(float));
  bl_free(&only_parameters);
  trial_end(&t);
}

/** What a sink takes is the gradient, each element once. */
static void a_sink_takes_the_gradient(void **state) {
  (void)state;
  for (uint32_t round = 0; round < 10; round++) {
    trial t;
    float *whole = NULL;
    trial_begin(&t, random_graph(round, 12), BL_GRAPH_TRAINING);
    trial_run(&t);
    assert_int_equal(bl_allocate(&whole, t.parameters + 1, sizeof *whole), BL_OK);
    const bl_gradient_sink sink = whole_gradient(whole);
    assert_int_equal(bl_graph_forward(t.graph, t.y, &(bl_graph_inputs){.x = t.x}), BL_OK);
    assert_int_equal(bl_graph_backward_to(t.graph, &sink, t.d_y), BL_OK);
    for (size_t i = 0; i < t.parameters; i++)
      assert_true(whole[i] == t.d_values[i]);
    /* And the next whole gradient goes to its own place again. */
    memset(t.d_values, 0xff, t.parameters * sizeof *t.d_values);
    assert_int_equal(bl_graph_forward(t.graph, t.y, &(bl_graph_inputs){.x = t.x}), BL_OK);
    assert_int_equal(bl_graph_backward(t.graph, t.d_values, NULL, t.d_y), BL_OK);
    for (size_t i = 0; i < t.parameters; i++)
      assert_true(whole[i] == t.d_values[i]);
    bl_free(&whole);
    trial_end(&t);
  }
}

/** A random graph of segments of three layers each. */
static bl_graph *segmented_graph(uint32_t round, bool recompute) {
  bl_graph *g = random_graph(round, 12);
  for (int i = 0; i < g->node_count; i++)
    g->nodes[i]->output->in_segment = i % 3 != 2 && g->nodes[i]->output != g->output;
  bl_graph_set_compute(g, &(bl_compute){.recompute = recompute});
  return g;
}

/** What is made again has the bits of the first time, so gradients have too, and it takes less memory. */
static void recomputation_changes_no_bit(void **state) {
  (void)state;
  const bl_draw masks = {.seed = 3, .purpose = BL_PURPOSE_DROPOUT};
  size_t kept = 0, dropped = 0;
  for (uint32_t round = 0; round < 40; round++) {
    trial t[2];
    for (int i = 0; i < 2; i++) {
      trial_begin(&t[i], segmented_graph(round, i == 1), BL_GRAPH_TRAINING);
      shrink(&t[i]);
      bl_graph_set_dropout(t[i].graph, &masks);
      trial_watch(&t[i]);
    }
    assert_memory_equal(t[0].y, t[1].y, t[0].outputs * sizeof(float));
    assert_memory_equal(t[0].d_x, t[1].d_x, t[0].inputs * sizeof(float));
    assert_memory_equal(t[0].d_values, t[1].d_values, t[0].parameters * sizeof(float));
    kept += bl_graph_memory(t[0].graph);
    dropped += bl_graph_memory(t[1].graph);
    trial_release(&t[1]);
    trial_end(&t[0]);
  }
  assert_true(dropped < kept);
}

/** Without gradients a chain needs the memory of two or three tensors, however long it is. */
static void chains_share_memory(void **state) {
  (void)state;
  size_t memory[2];
  for (int i = 0; i < 2; i++) {
    bl_graph *g = NULL;
    char name[16];
    assert_int_equal(bl_graph_create(&g, 4), BL_OK);
    bl_tensor *h = bl_input(g, 16, 8, 8);
    for (int k = 0; k < (i == 0 ? 4 : 40); k++) {
      snprintf(name, sizeof name, "c%d", k);
      h = bl_activate(g, bl_conv(g, h, name, 16, same3, BL_INITIALISE_ZERO), BL_RELU);
    }
    bl_output(g, h);
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_OK);
    memory[i] = bl_graph_memory(g);
    bl_graph_destroy(&g);
  }
  assert_int_equal(memory[0], memory[1]);
}

/* What is made of x and of its convolution. */
typedef enum ending { CONVOLUTION, WITH_X, WITH_MEAN, MEAN } ending;

static void begin_with(trial *t, ending e, int batch, int side) {
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, batch), BL_OK);
  bl_tensor *x = bl_input(g, 16, side, side);
  bl_tensor *h = e == MEAN ? NULL : bl_conv(g, x, "conv", 16, same3, BL_INITIALISE_FAN_IN_UNIFORM);
  bl_output(g, e == CONVOLUTION ? h
               : e == WITH_X    ? bl_add(g, x, h)
               : e == WITH_MEAN ? bl_add(g, h, bl_spatial_mean(g, x))
                                : bl_spatial_mean(g, x));
  trial_begin(t, g, BL_GRAPH_TRAINING);
  trial_run(t);
}

/** A convolution that adds to its result does, in one layer, what two would, to the bit: images and vectors, by Winograd
 * (the larger image) and directly. */
static void convolutions_add_to_the_bit(void **state) {
  (void)state;
  for (int large = 0; large < 2; large++) {
    const int batch = large ? 8 : 1, side = large ? 18 : 5;
    const size_t pixels = (size_t)(side * side);
    trial plain, with_x, with_mean, mean;
    begin_with(&plain, CONVOLUTION, batch, side);
    begin_with(&with_x, WITH_X, batch, side);
    begin_with(&with_mean, WITH_MEAN, batch, side);
    begin_with(&mean, MEAN, batch, side);
    assert_int_equal(with_x.graph->node_count, 1);
    assert_int_equal(with_mean.graph->node_count, 2);
    for (size_t i = 0; i < plain.outputs; i++) {
      assert_true(with_x.y[i] == plain.y[i] + plain.x[i]);
      assert_true(with_mean.y[i] == plain.y[i] + mean.y[i / pixels]);
      assert_true(with_x.d_x[i] == plain.d_x[i] + plain.d_y[i]);
    }
    assert_memory_equal(with_x.d_values, plain.d_values, plain.parameters * sizeof(float));
    assert_memory_equal(with_mean.d_values, plain.d_values, plain.parameters * sizeof(float));
    trial_release(&plain);
    trial_release(&with_x);
    trial_release(&with_mean);
    trial_end(&mean);
  }
}

/** A block whose shortcut may come first: 32 channels of two tensors to 16. */
static bl_graph *block_with_shortcut(bool early) {
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, 2), BL_OK);
  bl_tensor *x = bl_input(g, 2, 16, 16);
  bl_tensor *a = bl_conv(g, x, "a", 16, same3, BL_INITIALISE_FAN_IN_UNIFORM);
  bl_tensor *both = bl_concat(g, a, bl_activate(g, a, BL_SILU));
  bl_tensor *h = bl_group_norm(g, both, "norm", 8, 1e-6F, true);
  h = bl_conv(g, h, "conv", 16, same3, BL_INITIALISE_FAN_IN_UNIFORM);
  h = bl_dropout(g, h, 0.25F);
  h = bl_conv(g, h, "again", 16, same3, BL_INITIALISE_FAN_IN_UNIFORM);
  bl_tensor *shortcut =
      bl_conv(g, both, "shortcut", 16, (bl_conv_shape){.kernel = 1, .stride = 1}, BL_INITIALISE_FAN_IN_UNIFORM);
  bl_output(g, bl_add(g, early ? bl_early(g, shortcut) : shortcut, h));
  return g;
}

/** The same bits, masks of dropout included, in less memory. */
static void an_early_shortcut_changes_no_bit(void **state) {
  (void)state;
  const bl_draw masks = {.seed = 3, .purpose = BL_PURPOSE_DROPOUT};
  for (bl_graph_mode mode = BL_GRAPH_INFERENCE; mode <= BL_GRAPH_TRAINING; mode++) {
    trial t[2];
    for (int i = 0; i < 2; i++) {
      trial_begin(&t[i], block_with_shortcut(i == 1), mode);
      bl_graph_set_dropout(t[i].graph, &masks);
      trial_watch(&t[i]);
    }
    assert_memory_equal(t[0].y, t[1].y, t[0].outputs * sizeof(float));
    assert_memory_equal(t[0].values, t[1].values, t[0].parameters * sizeof(float));
    if (mode == BL_GRAPH_TRAINING) {
      assert_memory_equal(t[0].d_x, t[1].d_x, t[0].inputs * sizeof(float));
      assert_memory_equal(t[0].d_values, t[1].d_values, t[0].parameters * sizeof(float));
    }
    assert_true(bl_graph_memory(t[1].graph) < bl_graph_memory(t[0].graph));
    trial_release(&t[1]);
    trial_end(&t[0]);
  }
}

/** Layers of random graphs come as early as they can, one after the other; nothing is read before it is there. */
static void early_layers_find_what_they_read(void **state) {
  (void)state;
  for (uint32_t round = 0; round < 40; round++) {
    trial t, u;
    begin_small(&t, random_graph(round, 12), BL_GRAPH_TRAINING);
    bl_graph *g = random_graph(round, 12);
    for (int i = 0; i < g->node_count; i++)
      bl_early(g, g->nodes[(i * 5 + (int)round) % g->node_count]->output);
    begin_small(&u, g, BL_GRAPH_TRAINING);
    trial_differences(&u, 1e-3, 5e-3);
    assert_memory_equal(t.y, u.y, t.outputs * sizeof(float));
    trial_release(&u);
    trial_end(&t);
  }
}

/** What a source is asked for, and with which it fails. */
typedef struct asked {
  const trial *from;
  size_t next, failing; /* entries of the table */
} asked;

static bl_status source(float *values, const bl_parameter *entry, void *context) {
  asked *a = context;
  const bl_parameter_table *table = bl_graph_parameters(a->from->graph);
  assert_string_equal(entry->name, table->entries[a->next].name);
  if (a->next++ == a->failing)
    return bl_fail(BL_ERROR_INPUT, "there is no %s", entry->name);
  memcpy(values, a->from->values + entry->offset, entry->count * sizeof *values);
  return BL_OK;
}

/** A source is asked in the order of the table, also where layers run in another; when it fails, nothing is evaluated. */
static void a_source_is_as_good_as_all_values(void **state) {
  (void)state;
  float y[2 * 16 * 16 * 16];
  trial t;
  trial_begin(&t, block_with_shortcut(true), BL_GRAPH_INFERENCE);
  trial_run(&t);
  const size_t entries = bl_graph_parameters(t.graph)->entry_count;
  assert_int_equal(t.outputs, sizeof y / sizeof *y);
  for (size_t failing = 0; failing <= entries; failing++) {
    asked a = {.from = &t, .failing = failing};
    bl_graph *g = block_with_shortcut(true);
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_OK);
    assert_int_equal(bl_graph_load_from(g, source, &a), failing < entries ? BL_ERROR_INPUT : BL_OK);
    assert_int_equal(a.next, failing < entries ? failing + 1 : entries);
    bl_status_clear();
    assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = t.x}), failing < entries ? BL_ERROR_USAGE : BL_OK);
    bl_status_clear();
    bl_graph_destroy(&g);
  }
  assert_memory_equal(y, t.y, sizeof y);
  trial_end(&t);
}

static void expect_usage(bl_status status, const char *part) {
  assert_int_equal(status, BL_ERROR_USAGE);
  if (strstr(bl_status_message(), part) == NULL)
    fail_msg("the message '%s' does not say '%s'", bl_status_message(), part);
  bl_status_clear();
}

static void misuse(void **state) {
  (void)state;
  bl_graph *g = NULL;
  float x[4] = {0}, y[4], values[16] = {0};
  expect_usage(bl_graph_create(&g, 0), "at least 1");
  assert_null(g);
  bl_graph_destroy(&g);

  assert_int_equal(bl_graph_create(&g, 2), BL_OK);
  bl_tensor *in = bl_input(g, 2, 1, 1);
  expect_usage(bl_graph_load(g, values), "not compiled");
  bl_dense(g, in, "unread", 3, BL_INITIALISE_ZERO);
  bl_output(g, bl_dense(g, in, "read", 2, BL_INITIALISE_ZERO));
  expect_usage(bl_graph_compile(g, BL_GRAPH_TRAINING), "nothing reads");
  bl_graph_destroy(&g);

  assert_int_equal(bl_graph_create(&g, 2), BL_OK);
  bl_output(g, bl_dense(g, bl_input(g, 2, 1, 1), "read", 2, BL_INITIALISE_ZERO));
  expect_usage(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), "compiled");
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_TRAINING), BL_OK);
  expect_usage(bl_graph_compile(g, BL_GRAPH_TRAINING), "twice");
  expect_usage(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), "before its parameters");
  assert_int_equal(bl_graph_load(g, values), BL_OK);
  expect_usage(bl_graph_backward(g, values, x, y), "forward");
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x}), BL_OK);
  assert_int_equal(bl_graph_backward(g, values, x, y), BL_OK);
  expect_usage(bl_graph_backward(g, values, x, y), "forward");
  assert_int_equal(bl_graph_evaluations(g), 2);
  bl_graph_destroy(&g);

  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_input(g, 2, 1, 1);
  assert_null(bl_input(g, 2, 1, 1));
  expect_usage(bl_graph_compile(g, BL_GRAPH_INFERENCE), "one input x");
  bl_graph_destroy(&g);

  assert_int_equal(bl_graph_create(&g, 1), BL_OK);
  bl_segment_begin(g);
  bl_segment_begin(g);
  expect_usage(bl_graph_compile(g, BL_GRAPH_TRAINING), "within another");
  bl_graph_destroy(&g);
  assert_int_equal(bl_memory_balance(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_graphs),
      cmocka_unit_test(partial_gradients),
      cmocka_unit_test(a_sink_takes_the_gradient),
      cmocka_unit_test(convolutions_add_to_the_bit),
      cmocka_unit_test(recomputation_changes_no_bit),
      cmocka_unit_test(an_early_shortcut_changes_no_bit),
      cmocka_unit_test(a_source_is_as_good_as_all_values),
      cmocka_unit_test(early_layers_find_what_they_read),
      cmocka_unit_test(chains_share_memory),
      cmocka_unit_test(misuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
