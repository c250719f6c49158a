/* The networks as wholes: gradients by differences, equal bits in both modes and at every place in a micro-batch, and what
 * bad shapes get. Their parameters and results: pytorch.c. */
#include "network/network.h"

#include "base/memory.h"
#include "layer/trial.h"
#include "support/cmocka.h"
#include "support/shapes.h"

#include <string.h>

enum { BATCH = 16 };

static const char *const all[] = {"critic_digits", "critic_points",     "value_digits", "value_points",
                                  "mlp_points",    "classifier_digits", "unet_digits"};
enum { ALL = sizeof all / sizeof *all };

static bl_graph *create(const char *name, bl_graph_mode mode) {
  bl_graph *graph = NULL;
  if (bl_network_create(&graph, test_shape(name), BATCH, mode, false) != BL_OK)
    fail_msg("%s: %s", name, bl_status_message());
  return graph;
}

/** A trial of a network that is compiled already, with its own initial parameters. */
static void begin(trial *t, const char *name, bl_graph_mode mode) {
  trial_attach(t, create(name, mode));
  bl_parameter_initialise(t->values, bl_graph_parameters(t->graph), 7);
  assert_int_equal(bl_graph_load(t->graph, t->values), BL_OK);
}

static void gradients_by_differences(void **state) {
  (void)state;
  for (int i = 0; i < ALL; i++) {
    trial t;
    begin(&t, all[i], BL_GRAPH_TRAINING);
    trial_run(&t);
    trial_differences(&t, 2e-3, 2e-2);
    trial_end(&t);
  }
}

static void memory_is_safe(void **state) {
  (void)state;
  for (int i = 0; i < ALL; i++) {
    trial t;
    begin(&t, all[i], BL_GRAPH_TRAINING);
    trial_watch(&t);
    trial_end(&t);
    begin(&t, all[i], BL_GRAPH_INFERENCE);
    trial_watch(&t);
    trial_end(&t);
  }
}

static void both_modes_give_the_same_bits(void **state) {
  (void)state;
  for (int i = 0; i < ALL; i++) {
    trial t;
    float y[BATCH * 64];
    begin(&t, all[i], BL_GRAPH_TRAINING);
    trial_run(&t);
    memcpy(y, t.y, t.outputs * sizeof *y);
    trial_end(&t);
    begin(&t, all[i], BL_GRAPH_INFERENCE);
    trial_run(&t);
    assert_memory_equal(y, t.y, t.outputs * sizeof *y);
    trial_end(&t);
  }
}

/** Sample n moves to place n + shift. */
static void rotate(float *values, size_t count, size_t shift) {
  float *copy = NULL;
  const size_t each = count / BATCH;
  assert_int_equal(bl_allocate(&copy, count, sizeof *copy), BL_OK);
  memcpy(copy, values, count * sizeof *copy);
  for (size_t n = 0; n < BATCH; n++)
    memcpy(values + (n + shift) % BATCH * each, copy + n * each, each * sizeof *copy);
  bl_free(&copy);
}

static void the_place_in_a_batch_does_not_matter(void **state) {
  (void)state;
  for (int i = 0; i < ALL; i++)
    for (size_t shift = 1; shift < BATCH; shift += 7) {
      trial t;
      float y[BATCH * 64], d_x[BATCH * 64];
      begin(&t, all[i], BL_GRAPH_TRAINING);
      trial_run(&t);
      memcpy(y, t.y, t.outputs * sizeof *y);
      memcpy(d_x, t.d_x, t.inputs * sizeof *d_x);
      rotate(t.x, t.inputs, shift);
      rotate(t.time, t.batch, shift);
      rotate(t.d_y, t.outputs, shift);
      rotate(y, t.outputs, shift);
      rotate(d_x, t.inputs, shift);
      trial_run(&t);
      assert_memory_equal(y, t.y, t.outputs * sizeof *y);
      assert_memory_equal(d_x, t.d_x, t.inputs * sizeof *d_x);
      trial_end(&t);
    }
}

/** The feature form is the beginning of the classifier: it loads the same buffer and gives what the last layer reads. */
static void features_of_the_classifier(void **state) {
  (void)state;
  trial t;
  bl_graph *features = NULL;
  float found[BATCH * 64];
  begin(&t, "classifier_digits", BL_GRAPH_INFERENCE);
  trial_run(&t);
  assert_int_equal(bl_network_create(&features, test_shape("classifier_digits"), BATCH, BL_GRAPH_INFERENCE, true), BL_OK);
  assert_int_equal(bl_graph_output_size(features), 64);
  assert_int_equal(bl_graph_load(features, t.values), BL_OK);
  assert_int_equal(bl_graph_forward(features, found, &(bl_graph_inputs){.x = t.x}), BL_OK);
  const bl_parameter *w = bl_parameter_find(bl_graph_parameters(t.graph), "classes.weight");
  const float *b = t.values + bl_parameter_find(bl_graph_parameters(t.graph), "classes.bias")->offset;
  for (size_t n = 0; n < BATCH; n++)
    for (size_t c = 0; c < 10; c++) {
      double sum = (double)b[c];
      for (size_t f = 0; f < 64; f++)
        sum += (double)t.values[w->offset + c * 64 + f] * (double)found[n * 64 + f];
      assert_float_equal(t.y[n * 10 + c], (float)sum, 1e-4F);
    }
  bl_graph_destroy(&features);
  trial_end(&t);
}

static void refuse(bl_network_shape shape, const char *part) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_network_create(&graph, &shape, 1, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_null(graph);
  if (strstr(bl_status_message(), part) == NULL)
    fail_msg("the message '%s' does not say '%s'", bl_status_message(), part);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

static void bad_shapes_are_refused(void **state) {
  (void)state;
  bl_network_shape s = *test_shape("critic_digits");
  s.width_count = 3;
  s.widths[2] = 256;
  refuse(s, "halved 2 times");
  s = *test_shape("critic_digits");
  s.channels = 0;
  refuse(s, "channels is 0");
  s = *test_shape("mlp_points");
  s.steps = 0;
  refuse(s, "steps is 0");
  s = *test_shape("value_digits");
  s.widths[1] = -5;
  refuse(s, "widths is -5");
  s = *test_shape("classifier_digits");
  s.width_count = 1;
  refuse(s, "length of widths");
  s = *test_shape("classifier_digits");
  s.classes = 1;
  refuse(s, "classes");
}

static void kinds_by_name(void **state) {
  (void)state;
  bl_network_kind kind;
  for (int i = BL_NETWORK_UNET; i <= BL_NETWORK_CLASSIFIER; i++) {
    assert_int_equal(bl_network_kind_parse(&kind, bl_network_kind_name((bl_network_kind)i)), BL_OK);
    assert_int_equal(kind, i);
  }
  assert_int_equal(bl_network_kind_parse(&kind, "vae"), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(), "there is no network 'vae'; choose one of unet, mlp, critic, value, classifier");
  bl_status_clear();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(gradients_by_differences),
      cmocka_unit_test(memory_is_safe),
      cmocka_unit_test(both_modes_give_the_same_bits),
      cmocka_unit_test(the_place_in_a_batch_does_not_matter),
      cmocka_unit_test(features_of_the_classifier),
      cmocka_unit_test(bad_shapes_are_refused),
      cmocka_unit_test(kinds_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
