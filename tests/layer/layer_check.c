#include "layer/layer_check.h"

#include "base/memory.h"
#include "layer/trial.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { SAMPLED = 60 /* elements of x and of the parameters whose derivative is checked alone */ };

/* Slice */

typedef struct slice {
  int first;
  int block;
} slice;

static size_t element(const bl_tensor *tensor, int n, int c, int p) {
  const size_t pixels = (size_t)(tensor->height * tensor->width), block = (size_t)tensor->block;
  return ((size_t)n * (size_t)tensor->channels / block + (size_t)c / block) * pixels * block + (size_t)p * block +
         (size_t)c % block;
}

static bl_status slice_prepare(bl_graph *graph, bl_node *node) {
  (void)graph;
  node->output->block = ((const slice *)node->state)->block;
  return BL_OK;
}

static bl_status slice_forward(bl_graph *graph, bl_node *node) {
  const slice *state = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  for (int n = 0; n < graph->batch; n++)
    for (int c = 0; c < y->channels; c++)
      for (int p = 0; p < y->height * y->width; p++)
        y->data[element(y, n, c, p)] = x->data[element(x, n, c + state->first, p)];
  return BL_OK;
}

static bl_status slice_backward(bl_graph *graph, bl_node *node) {
  const slice *state = node->state;
  const bl_tensor *x = node->input[0], *y = node->output;
  if (node->d_input[0] == NULL)
    return BL_OK;
  memset(node->d_input[0], 0, bl_tensor_count(x) * sizeof(float));
  for (int n = 0; n < graph->batch; n++)
    for (int c = 0; c < y->channels; c++)
      for (int p = 0; p < y->height * y->width; p++)
        node->d_input[0][element(x, n, c + state->first, p)] = y->gradient[element(y, n, c, p)];
  return BL_OK;
}

static const bl_node_kind slice_kind = {
    .name = "slice", .prepare = slice_prepare, .forward = slice_forward, .backward = slice_backward};

bl_tensor *bl_test_slice(bl_graph *graph, bl_tensor *x, int first, int channels, int block) {
  bl_node *node = bl_node_add(graph, &slice_kind, 1, &x, channels, x->height, x->width);
  assert_non_null(node);
  slice *state = NULL;
  assert_int_equal(bl_allocate(&state, 1, sizeof *state), BL_OK);
  *state = (slice){first, block};
  node->state = state;
  return node->output;
}

/* Check */

/* What the reference works on. */
typedef struct exact {
  double *x, *y, *values;
} exact;

static double *widened(const float *values, size_t count) {
  double *out = NULL;
  assert_int_equal(bl_allocate(&out, count + 1, sizeof *out), BL_OK);
  for (size_t i = 0; i < count; i++)
    out[i] = (double)values[i];
  return out;
}

/* Σ d_y · f(x, values) by the reference. */
static double loss(const exact *e, const trial *t, const bl_layer_check *check) {
  double sum = 0.0;
  check->reference(e->y, e->x, e->values, check->context);
  for (size_t i = 0; i < t->outputs; i++)
    sum += e->y[i] * (double)t->d_y[i];
  return sum;
}

/* The derivative of the loss along `direction` (NULL: along element \a only of `operand`), by a central difference. */
static double derivative(const exact *e, const trial *t, const bl_layer_check *check, double *operand, size_t count,
                         const float *direction, size_t only) {
  const double step = 1e-4;
  double *kept = NULL, side[2];
  assert_int_equal(bl_allocate(&kept, count, sizeof *kept), BL_OK);
  memcpy(kept, operand, count * sizeof *kept);
  for (int k = 0; k < 2; k++) {
    const double signed_step = k == 0 ? step : -step;
    for (size_t i = 0; direction != NULL && i < count; i++)
      operand[i] = kept[i] + signed_step * (double)direction[i];
    if (direction == NULL)
      operand[only] = kept[only] + signed_step;
    side[k] = loss(e, t, check);
  }
  memcpy(operand, kept, count * sizeof *kept);
  bl_free(&kept);
  return (side[0] - side[1]) / (2.0 * step);
}

/* Along single elements, and along one random direction that holds every element. */
static void check_gradient(const exact *e, const trial *t, const bl_layer_check *check, double *operand,
                           const float *gradient, size_t count, const char *what) {
  double largest = 0.0, square = 0.0, product = 0.0;
  float *direction = NULL;
  uint32_t chosen[SAMPLED];
  assert_int_equal(bl_allocate(&direction, count, sizeof *direction), BL_OK);
  trial_random(direction, count, 3);
  for (size_t i = 0; i < count; i++) {
    largest = fmax(largest, fabs((double)gradient[i]));
    square += (double)gradient[i] * (double)gradient[i];
    product += (double)gradient[i] * (double)direction[i];
  }
  bl_random_bits(chosen, SAMPLED, (bl_draw){.seed = 6, .purpose = BL_PURPOSE_TEST});
  for (size_t k = 0; k < SAMPLED && k < count; k++) {
    const size_t i = count <= SAMPLED ? k : chosen[k] % count;
    const double expected = derivative(e, t, check, operand, count, NULL, i);
    if (!(fabs(expected - (double)gradient[i]) <= check->backward_tolerance * largest))
      fail_msg("gradient of %s[%zu]: %.8g instead of %.8g (largest %.3g)", what, i, (double)gradient[i], expected, largest);
  }
  const double expected = derivative(e, t, check, operand, count, direction, 0);
  if (!(fabs(expected - product) <= check->backward_tolerance * sqrt(square)))
    fail_msg("derivative along %s: %.8g instead of %.8g (norm %.3g)", what, product, expected, sqrt(square));
  bl_free(&direction);
}

/* Asking for one kind of gradient alone gives the bits of asking for both. */
static void check_parts(trial *t) {
  float *d_x = NULL, *d_values = NULL;
  assert_int_equal(bl_allocate(&d_x, t->inputs, sizeof *d_x), BL_OK);
  assert_int_equal(bl_allocate(&d_values, t->parameters + 1, sizeof *d_values), BL_OK);
  assert_int_equal(bl_graph_forward(t->graph, t->y, &(bl_graph_inputs){.x = t->x, .time = t->time}), BL_OK);
  assert_int_equal(bl_graph_backward(t->graph, NULL, d_x, t->d_y), BL_OK);
  assert_memory_equal(d_x, t->d_x, t->inputs * sizeof *d_x);
  assert_int_equal(bl_graph_forward(t->graph, t->y, &(bl_graph_inputs){.x = t->x, .time = t->time}), BL_OK);
  assert_int_equal(bl_graph_backward(t->graph, d_values, NULL, t->d_y), BL_OK);
  assert_memory_equal(d_values, t->d_values, t->parameters * sizeof *d_values);
  bl_free(&d_x);
  bl_free(&d_values);
}

void bl_check_layer(bl_graph *graph, const bl_layer_check *check) {
  trial t;
  trial_begin(&t, graph, BL_GRAPH_TRAINING);
  for (size_t i = 0; i < t.inputs; i++)
    t.x[i] = check->x_mean + check->x_scale * t.x[i];
  trial_run(&t);
  exact e = {widened(t.x, t.inputs), widened(t.y, t.outputs), widened(t.values, t.parameters)};
  check->reference(e.y, e.x, e.values, check->context);
  trial_close("y", t.y, e.y, t.outputs, check->forward_tolerance);
  check_gradient(&e, &t, check, e.x, t.d_x, t.inputs, "x");
  if (t.parameters > 0)
    check_gradient(&e, &t, check, e.values, t.d_values, t.parameters, "parameters");
  check_parts(&t);
  trial_watch(&t);
  bl_free(&e.x);
  bl_free(&e.y);
  bl_free(&e.values);
  trial_end(&t);
}
