#include "layer/trial.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void require(bl_status status) {
  if (status != BL_OK)
    fail_msg("%s", bl_status_message());
}

static float *array(size_t count) {
  float *a = NULL;
  require(bl_allocate(&a, count + 1, sizeof *a));
  return a;
}

void trial_random(float *values, size_t count, uint32_t stream) {
  bl_random_uniform(values, count, (bl_draw){.seed = 5, .purpose = BL_PURPOSE_TEST, .round = stream});
  for (size_t i = 0; i < count; i++)
    values[i] = 2 * values[i] - 1;
}

void trial_begin(trial *t, bl_graph *graph, bl_graph_mode mode) {
  require(bl_graph_compile(graph, mode));
  trial_attach(t, graph);
}

void trial_attach(trial *t, bl_graph *graph) {
  *t = (trial){.graph = graph, .batch = (size_t)graph->batch};
  t->inputs = t->batch * bl_graph_input_size(graph);
  t->outputs = t->batch * bl_graph_output_size(graph);
  t->parameters = bl_graph_parameters(graph)->count;
  t->x = array(t->inputs);
  t->d_x = array(t->inputs);
  t->time = array(t->batch);
  const size_t conditions = t->batch * bl_graph_condition_size(graph);
  t->condition = array(conditions);
  for (size_t i = 0; i < conditions; i++)
    t->condition[i] = (float)(i % 3);
  t->values = array(t->parameters);
  t->d_values = array(t->parameters);
  t->y = array(t->outputs);
  t->d_y = array(t->outputs);
  trial_random(t->x, t->inputs, 0);
  trial_random(t->values, t->parameters, 1);
  trial_random(t->d_y, t->outputs, 2);
  for (size_t i = 0; i < t->batch; i++)
    t->time[i] = (float)(i % 3);
  require(bl_graph_load(graph, t->values));
}

/* What a forward pass starts from. */
static bl_graph_inputs inputs_of(const trial *t) {
  return (bl_graph_inputs){.x = t->x, .time = t->time, .condition = t->condition};
}

void trial_run(trial *t) {
  const bl_graph_inputs inputs = inputs_of(t);
  require(bl_graph_forward(t->graph, t->y, &inputs));
  if (t->graph->mode == BL_GRAPH_TRAINING)
    require(bl_graph_backward(t->graph, t->d_values, t->d_x, t->d_y));
}

void trial_release(trial *t) {
  float **const arrays[] = {&t->x, &t->time, &t->condition, &t->values, &t->y, &t->d_y, &t->d_x, &t->d_values};
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    bl_free(arrays[i]);
  bl_graph_destroy(&t->graph);
}

void trial_end(trial *t) {
  trial_release(t);
  assert_int_equal(bl_memory_balance(), 0);
}

void trial_close(const char *what, const float *found, const double *expected, size_t count, double tolerance) {
  double largest = 0;
  for (size_t i = 0; i < count; i++)
    largest = fmax(largest, fabs(expected[i]));
  for (size_t i = 0; i < count; i++)
    if (!(fabs((double)found[i] - expected[i]) <= tolerance * largest))
      fail_msg("%s[%zu] is %.9g instead of %.9g (largest %.3g, tolerance %.1g)", what, i, (double)found[i], expected[i],
               largest, tolerance);
}

/* Finite differences */

/** sum of d_y y with the present values and x. \param [out] scale  sum of |d_y y|, for the rounding error. */
static double objective(trial *t, double *scale) {
  double sum = 0;
  float *y = array(t->outputs);
  *scale = 0;
  const bl_graph_inputs inputs = inputs_of(t);
  require(bl_graph_load(t->graph, t->values));
  require(bl_graph_forward(t->graph, y, &inputs));
  for (size_t i = 0; i < t->outputs; i++) {
    sum += (double)t->d_y[i] * (double)y[i];
    *scale += fabs((double)t->d_y[i] * (double)y[i]);
  }
  bl_free(&y);
  return sum;
}

static double length_of(const float *values, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)values[i] * (double)values[i];
  return sqrt(sum);
}

/** Along the gradient's own direction the derivative is large, so that it stands out of the rounding errors; a random one
 * is mixed in, so that a gradient that is wrongly zero shows too. */
static void along(trial *t, float *operand, const float *gradient, size_t count, double step, double tolerance,
                  const char *what) {
  float *direction = array(count), *kept = array(count);
  double expected = 0, value[2], scale = 0;
  trial_random(direction, count, 3);
  memcpy(kept, operand, count * sizeof *kept);
  const double length = length_of(gradient, count), random = length_of(direction, count);
  for (size_t i = 0; i < count; i++) {
    direction[i] = (float)((double)direction[i] / random + (length > 0 ? (double)gradient[i] / length : 0));
    expected += (double)gradient[i] * (double)direction[i];
  }
  for (int side = 0; side < 2; side++) {
    for (size_t i = 0; i < count; i++)
      operand[i] = (float)((double)kept[i] + (side == 0 ? -step : step) * (double)direction[i]);
    value[side] = objective(t, &scale);
  }
  memcpy(operand, kept, count * sizeof *kept);
  const double found = (value[1] - value[0]) / (2 * step);
  if (!(fabs(found - expected) <= tolerance * length + 1e-6 * scale / step))
    fail_msg("derivative along %s: %.8g by differences, %.8g by backward (length of the gradient %.3g)", what, found,
             expected, length);
  bl_free(&kept);
  bl_free(&direction);
}

void trial_differences(trial *t, double step, double tolerance) {
  const bl_parameter_table *table = bl_graph_parameters(t->graph);
  along(t, t->x, t->d_x, t->inputs, step, tolerance, "x");
  for (size_t i = 0; i < table->entry_count; i++) {
    const bl_parameter *p = &table->entries[i];
    along(t, t->values + p->offset, t->d_values + p->offset, p->count, step, tolerance, p->name);
  }
  require(bl_graph_load(t->graph, t->values));
}

/* Step by step */

static void poison(float *values, size_t count) {
  for (size_t i = 0; i < count; i++)
    values[i] = NAN;
}

static void same(const char *what, const bl_node *node, int which, const float *a, const float *b, size_t count) {
  if (memcmp(a, b, count * sizeof *a) != 0)
    fail_msg("%s %d of node %d ('%s') was overwritten before its last use", what, which, node->index, node->kind->name);
}

/** Copies of what was written. */
typedef struct shadow {
  float *data[512], *gradient[512], *kept[512];
} shadow;

static void watch_forward(trial *t, shadow *s) {
  bl_graph *graph = t->graph;
  for (int i = 0; i < graph->node_count; i++) {
    bl_node *node = graph->nodes[i];
    const bl_tensor *y = node->output;
    for (int j = 0; j < node->inputs; j++)
      same("input", node, j, node->input[j]->data, s->data[node->input[j]->index], bl_tensor_count(node->input[j]));
    require(bl_node_forward(graph, node));
    memcpy(s->data[y->index] = array(bl_tensor_count(y)), y->data, bl_tensor_count(y) * sizeof(float));
    s->kept[i] = array(node->kept);
    if (node->kept > 0)
      memcpy(s->kept[i], node->kept_data, node->kept * sizeof(float));
  }
}

static void watch_backward(trial *t, shadow *s) {
  bl_graph *graph = t->graph;
  for (int i = graph->node_count - 1; i >= 0; i--) {
    bl_node *node = graph->nodes[i];
    const bl_tensor *y = node->output;
    require(bl_node_bring_back(graph, node));
    for (int j = 0; j < node->inputs; j++)
      if (node->keeps_input[j])
        same("kept input", node, j, node->input[j]->data, s->data[node->input[j]->index], bl_tensor_count(node->input[j]));
    if (node->keeps_output)
      same("kept output", node, 0, y->data, s->data[y->index], bl_tensor_count(y));
    if (node->kept > 0)
      same("kept data", node, 0, node->kept_data, s->kept[i], node->kept);
    if (y->needs_gradient)
      same("gradient", node, 0, y->gradient, s->gradient[y->index], bl_tensor_count(y));
    require(bl_node_backward(graph, node));
    for (int j = 0; j < node->inputs; j++) {
      const bl_tensor *x = node->input[j];
      if (!x->needs_gradient)
        continue;
      assert_non_null(node->d_input[j]);
      if (s->gradient[x->index] == NULL)
        s->gradient[x->index] = array(bl_tensor_count(x));
      memcpy(s->gradient[x->index], x->gradient, bl_tensor_count(x) * sizeof(float));
    }
  }
}

void trial_watch(trial *t) {
  static shadow s;
  bl_graph *graph = t->graph;
  float *y = array(t->outputs), *d_x = array(t->inputs), *d_values = array(t->parameters);
  const bool training = graph->mode == BL_GRAPH_TRAINING;
  assert_true(graph->tensor_count <= 512);
  trial_run(t);
  memset(&s, 0, sizeof s);
  poison(graph->arena, graph->arena_floats);
  const bl_graph_inputs inputs = inputs_of(t);
  bl_graph_set_inputs(graph, &inputs);
  memcpy(s.data[graph->x->index] = array(t->inputs), graph->x->data, t->inputs * sizeof(float));
  if (graph->time != NULL)
    memcpy(s.data[graph->time->index] = array(t->batch), t->time, t->batch * sizeof(float));
  if (graph->condition != NULL) {
    const size_t count = bl_tensor_count(graph->condition);
    memcpy(s.data[graph->condition->index] = array(count), t->condition, count * sizeof(float));
  }
  watch_forward(t, &s);
  bl_tensor_to_plain(y, graph->output, graph->output->data);
  assert_memory_equal(y, t->y, t->outputs * sizeof *y);
  if (training) {
    bl_tensor_from_plain(graph->output->gradient, graph->output, t->d_y);
    memcpy(s.gradient[graph->output->index] = array(t->outputs), graph->output->gradient, t->outputs * sizeof(float));
    graph->d_parameters = d_values;
    graph->d_x_wanted = true;
    watch_backward(t, &s);
    graph->d_parameters = NULL;
    bl_tensor_to_plain(d_x, graph->x, graph->x->gradient);
    assert_memory_equal(d_x, t->d_x, t->inputs * sizeof *d_x);
    assert_memory_equal(d_values, t->d_values, t->parameters * sizeof *d_values);
  }
  for (int i = 0; i < 512; i++) {
    bl_free(&s.data[i]);
    bl_free(&s.gradient[i]);
    bl_free(&s.kept[i]);
  }
  bl_free(&d_values);
  bl_free(&d_x);
  bl_free(&y);
}
