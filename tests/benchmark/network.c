/* How fast the networks run on one core (OMP_NUM_THREADS=1), and where their time goes:
 *
 *     network                                  all of them, at several micro-batches
 *     network NAME forward|both BATCH REPEATS  one of them: seconds a sample of each repetition, then the peak memory of
 * the process in MiB, as experiments/speed/pytorch.py prints them */
#include "network/network.h"
#include "base/clock.h"
#include "base/memory.h"
#include "network/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/** Time on the processor, which other programs disturb less than time on the wall. */
static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static const bl_network_shape unet = {.kind = BL_NETWORK_UNET,
                                      .channels = 1,
                                      .height = 8,
                                      .width = 8,
                                      .base_channels = 32,
                                      .multiplier_count = 2,
                                      .multipliers = {1, 2},
                                      .blocks = 1,
                                      .attention_count = 1,
                                      .attention = {4}};
static const bl_network_shape fashion = {.kind = BL_NETWORK_UNET,
                                         .channels = 1,
                                         .height = 28,
                                         .width = 28,
                                         .base_channels = 64,
                                         .multiplier_count = 2,
                                         .multipliers = {1, 1},
                                         .blocks = 1,
                                         .patch = 2,
                                         .attention_count = 1,
                                         .attention = {7}};
static const bl_network_shape cifar10 = {.kind = BL_NETWORK_UNET,
                                         .channels = 3,
                                         .height = 32,
                                         .width = 32,
                                         .base_channels = 128,
                                         .multiplier_count = 4,
                                         .multipliers = {1, 2, 2, 2},
                                         .blocks = 2,
                                         .attention_count = 1,
                                         .attention = {16}};
static const bl_network_shape critic = {
    .kind = BL_NETWORK_CRITIC, .channels = 1, .height = 8, .width = 8, .width_count = 2, .widths = {64, 128}};
static const bl_network_shape value = {.kind = BL_NETWORK_VALUE,
                                       .channels = 1,
                                       .height = 8,
                                       .width = 8,
                                       .width_count = 3,
                                       .widths = {128, 128, 64},
                                       .steps = 10};
static const bl_network_shape mlp = {.kind = BL_NETWORK_MLP,
                                     .channels = 2,
                                     .height = 1,
                                     .width = 1,
                                     .width_count = 3,
                                     .widths = {128, 128, 128},
                                     .steps = 10};
static const bl_network_shape point_critic = {
    .kind = BL_NETWORK_CRITIC, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {256, 256}};
static const bl_network_shape point_value = {
    .kind = BL_NETWORK_VALUE, .channels = 2, .height = 1, .width = 1, .width_count = 2, .widths = {256, 256}, .steps = 10};

enum { KINDS = 32, TRIES = 4 };

/** Seconds by kind of layer. */
typedef struct profile {
  const char *name[KINDS];
  double forward[KINDS], backward[KINDS];
  int count;
} profile;

static int row_of(profile *p, const char *name) {
  for (int i = 0; i < p->count; i++)
    if (strcmp(p->name[i], name) == 0)
      return i;
  p->name[p->count] = name;
  return p->count++;
}

typedef struct arrays {
  float *x, *time, *y, *values, *d_values, *d_x;
} arrays;

static bl_status run_profiled(profile *p, bl_graph *graph, const arrays *a) {
  bl_tensor_from_plain(graph->x->data, graph->x, a->x);
  if (graph->time != NULL)
    memcpy(graph->time->data, a->time, (size_t)graph->batch * sizeof(float));
  for (int i = 0; i < graph->node_count; i++) {
    const double start = processor_seconds();
    BL_TRY(bl_node_forward(graph, graph->nodes[i]));
    p->forward[row_of(p, graph->nodes[i]->kind->name)] += processor_seconds() - start;
  }
  bl_tensor_from_plain(graph->output->gradient, graph->output, a->y);
  graph->d_parameters = a->d_values;
  for (int i = graph->node_count - 1; i >= 0; i--) {
    const double start = processor_seconds();
    BL_TRY(bl_node_backward(graph, graph->nodes[i]));
    p->backward[row_of(p, graph->nodes[i]->kind->name)] += processor_seconds() - start;
  }
  graph->d_parameters = NULL;
  return BL_OK;
}

static bl_status print_profile(bl_graph *graph, const arrays *a, int batch, int repeats) {
  profile p = {.count = 0};
  for (int i = 0; i < repeats; i++)
    BL_TRY(run_profiled(&p, graph, a));
  for (int i = 0; i < p.count; i++)
    printf("    %-20s forward %8.2f  backward %8.2f microseconds a sample\n", p.name[i],
           1e6 * p.forward[i] / repeats / batch, 1e6 * p.backward[i] / repeats / batch);
  return BL_OK;
}

/** The best of several tries, since other programs disturb. */
static bl_status measure(const char *name, const bl_network_shape *shape, int batch, bool profiled) {
  bl_graph *graph = NULL;
  arrays a = {NULL};
  bl_status status = BL_OK;
  double forward = 1e9, both = 1e9, load = 1e9;
  const double created = processor_seconds();
  BL_GOTO(bl_network_create(&graph, shape, batch, BL_GRAPH_TRAINING, false));
  const double creation = processor_seconds() - created;
  const bl_parameter_table *table = bl_graph_parameters(graph);
  const size_t inputs = (size_t)batch * bl_graph_input_size(graph), outputs = (size_t)batch * bl_graph_output_size(graph);
  BL_GOTO(bl_allocate(&a.x, inputs, sizeof(float)));
  BL_GOTO(bl_allocate(&a.d_x, inputs, sizeof(float)));
  BL_GOTO(bl_allocate(&a.time, (size_t)batch, sizeof(float)));
  BL_GOTO(bl_allocate(&a.y, outputs, sizeof(float)));
  BL_GOTO(bl_allocate(&a.values, table->count, sizeof(float)));
  BL_GOTO(bl_allocate(&a.d_values, table->count, sizeof(float)));
  bl_parameter_initialise(a.values, table, 1);
  bl_random_normal(a.x, inputs, (bl_draw){.purpose = BL_PURPOSE_TEST});
  const int repeats = 1 + 256 / batch;
  for (int attempt = 0; attempt < TRIES; attempt++) {
    double start = processor_seconds();
    BL_GOTO(bl_graph_load(graph, a.values));
    load = processor_seconds() - start < load ? processor_seconds() - start : load;
    start = processor_seconds();
    for (int i = 0; i < repeats; i++)
      BL_GOTO(bl_graph_forward(graph, a.y, a.x, a.time));
    forward = processor_seconds() - start < forward ? processor_seconds() - start : forward;
    start = processor_seconds();
    for (int i = 0; i < repeats; i++) {
      BL_GOTO(bl_graph_forward(graph, a.y, a.x, a.time));
      BL_GOTO(bl_graph_backward(graph, a.d_values, NULL, a.y));
    }
    both = processor_seconds() - start < both ? processor_seconds() - start : both;
  }
  const double samples = (double)repeats * batch;
  printf("%-14s batch %4d: forward %9.0f/s, and backward %9.0f/s; load %7.1f us, create %6.1f ms, %6.2f MiB\n", name, batch,
         samples / forward, samples / both, 1e6 * load, 1e3 * creation, (double)bl_graph_memory(graph) / 1048576);
  if (profiled)
    BL_GOTO(print_profile(graph, &a, batch, repeats));
done:
  bl_free(&a.d_values);
  bl_free(&a.values);
  bl_free(&a.y);
  bl_free(&a.time);
  bl_free(&a.d_x);
  bl_free(&a.x);
  bl_graph_destroy(&graph);
  return status;
}

static bl_status measure_all(void) {
  const int batches[] = {1, 8, 16, 32, 64, 128};
  for (int i = 0; i < 6; i++)
    BL_TRY(measure("digits unet", &unet, batches[i], batches[i] == 64));
  for (int i = 2; i < 6; i++)
    BL_TRY(measure("digits critic", &critic, batches[i], batches[i] == 64));
  for (int i = 2; i < 6; i++)
    BL_TRY(measure("digits value", &value, batches[i], batches[i] == 64));
  for (int batch = 16; batch <= 512; batch *= 2) {
    BL_TRY(measure("point mlp", &mlp, batch, batch == 128));
    BL_TRY(measure("point critic", &point_critic, batch, batch == 128));
    BL_TRY(measure("point value", &point_value, batch, batch == 128));
  }
  return BL_OK;
}

static double peak_mebibytes(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss / 1024;
}

/** Time \a repeats passes, one by one, after one that does not count. */
static bl_status time_passes(bl_graph *graph, bool backward, int repeats) {
  arrays a = {NULL};
  bl_status status = BL_OK;
  const bl_parameter_table *table = bl_graph_parameters(graph);
  const int batch = graph->batch;
  const size_t inputs = (size_t)batch * bl_graph_input_size(graph), outputs = (size_t)batch * bl_graph_output_size(graph);
  BL_GOTO(bl_allocate(&a.x, inputs, sizeof(float)));
  BL_GOTO(bl_allocate(&a.time, (size_t)batch, sizeof(float)));
  BL_GOTO(bl_allocate(&a.y, outputs, sizeof(float)));
  BL_GOTO(bl_allocate(&a.values, table->count, sizeof(float)));
  if (backward)
    BL_GOTO(bl_allocate(&a.d_values, table->count, sizeof(float)));
  bl_parameter_initialise(a.values, table, 1);
  bl_random_normal(a.x, inputs, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < batch; i++)
    a.time[i] = 999.0f * (float)i / (float)batch;
  BL_GOTO(bl_graph_load(graph, a.values));
  for (int i = 0; i <= repeats; i++) {
    const double start = bl_clock_seconds();
    BL_GOTO(bl_graph_forward(graph, a.y, a.x, a.time));
    if (backward)
      BL_GOTO(bl_graph_backward(graph, a.d_values, NULL, a.y));
    if (i > 0)
      printf("%.9f\n", (bl_clock_seconds() - start) / batch);
  }
  printf("peak %.1f parameters %zu\n", peak_mebibytes(), table->count);
done:
  bl_free(&a.d_values);
  bl_free(&a.values);
  bl_free(&a.y);
  bl_free(&a.time);
  bl_free(&a.x);
  return status;
}

static bl_status measure_one(const char *name, const char *work, int batch, int repeats) {
  const struct {
    const char *name;
    const bl_network_shape *shape;
  } known[] = {{"cifar10", &cifar10}, {"digits", &unet}, {"fashion", &fashion}};
  const bool backward = strcmp(work, "both") == 0;
  const bl_network_shape *shape = NULL;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcmp(known[i].name, name) == 0)
      shape = known[i].shape;
  if (shape == NULL || batch < 1 || repeats < 1)
    return bl_fail(BL_ERROR_USAGE, "expected: cifar10, digits or fashion, then forward or both, a batch, and repetitions");
  bl_graph *graph = NULL;
  BL_TRY(bl_network_create(&graph, shape, batch, backward ? BL_GRAPH_TRAINING : BL_GRAPH_INFERENCE, false));
  const bl_status status = time_passes(graph, backward, repeats);
  bl_graph_destroy(&graph);
  return status;
}

int main(int count, char **arguments) {
  const bl_status status =
      count == 5 ? measure_one(arguments[1], arguments[2], atoi(arguments[3]), atoi(arguments[4])) : measure_all();
  if (status == BL_OK)
    return 0;
  fprintf(stderr, "%s\n", bl_status_message());
  return 1;
}
