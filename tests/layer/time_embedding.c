#include "engine/graph.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { BATCH = 6, FEATURES = 32 };

/* A graph needs an input x and reads all its layers: the embedding goes beside it. */
static bl_graph *build(int features, bl_time_form form) {
  bl_graph *g = NULL;
  assert_int_equal(bl_graph_create(&g, BATCH), BL_OK);
  bl_tensor *x = bl_input(g, 1, 1, 1);
  bl_output(g, bl_concat(g, bl_time_embedding(g, bl_input_time(g), features, form), x));
  return g;
}

/* Single precision leaves t · 2^-24 in the angle, as in the public code. */
static void agrees(bl_time_form form) {
  const float time[BATCH] = {0.0f, 1.0f, 9.5f, 93.7f, 616.734f, 999.0f}, x[BATCH] = {0};
  float y[BATCH * (FEATURES + 1)];
  bl_graph *g = build(FEATURES, form);
  const int sines = form.cosine_first ? FEATURES / 2 : 0, cosines = FEATURES / 2 - sines;
  assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_OK);
  assert_int_equal(bl_graph_forward(g, y, &(bl_graph_inputs){.x = x, .time = time}), BL_OK);
  for (int n = 0; n < BATCH; n++)
    for (int i = 0; i < FEATURES / 2; i++) {
      const double angle = (double)time[n] * pow(10000.0, -i / (FEATURES / 2 - (form.unshifted ? 0.0 : 1.0)));
      assert_near(y[n * (FEATURES + 1) + sines + i], sin(angle), 1e-7 + 3e-7 * angle);
      assert_near(y[n * (FEATURES + 1) + cosines + i], cos(angle), 1e-7 + 3e-7 * angle);
    }
  bl_graph_destroy(&g);
  assert_int_equal(bl_memory_balance(), 0);
}

static void agrees_with_the_formula(void **state) {
  (void)state;
  for (int form = 0; form < 4; form++)
    agrees((bl_time_form){.cosine_first = form % 2 != 0, .unshifted = form / 2 != 0});
}

static void refuses_odd_numbers(void **state) {
  (void)state;
  const int wrong[3] = {33, 2, 0};
  for (int i = 0; i < 3; i++) {
    bl_graph *g = build(wrong[i], (bl_time_form){0});
    assert_int_equal(bl_graph_compile(g, BL_GRAPH_INFERENCE), BL_ERROR_USAGE);
    assert_non_null(strstr(bl_status_message(), "even number"));
    bl_status_clear();
    bl_graph_destroy(&g);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_formula), cmocka_unit_test(refuses_odd_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
