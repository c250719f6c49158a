/* How fast the networks run, and where their time goes:
 *
 *     network                                           all of them on one core, at several micro-batches
 *     network peak                                      what the machine can do at best: operations and bytes a second
 *     network NAME forward|both|rollout MICRO_BATCH WARM REPEATS
 *     network NAME round MICRO_BATCH WARM REPEATS BATCH N_CRITIC CRITIC_EPOCHS N_GENERATOR
 *
 * The last two repeat one work WARM + REPEATS times, of which the first WARM do not count, and print the seconds of each
 * repetition and what it did, as experiments/speed/pytorch.py does. NAME is a row of support/shapes.c. Under mpirun the
 * ranks start each repetition together: each with a micro-batch of its own, or sharing the round. */
#include "network/network.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/threads.h"
#include "benchmark/measure.h"
#include "engine/cost.h"
#include "engine/profile.h"
#include "sampler/sampler.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 4, PROFILED = 20 };

/* What a network reads and writes; values and d_values are there in training only. */
typedef struct arrays {
  float *x, *time, *y, *values, *d_values, *work;
} arrays;

/* Initial values of one parameter. */
static bl_status draw(float *values, const bl_parameter *entry, void *context) {
  (void)context;
  bl_parameter alone = *entry;
  alone.offset = 0;
  const bl_parameter_table table = {.entries = &alone, .entry_count = 1, .count = entry->count};
  bl_parameter_initialise(values, &table, entry->offset);
  return BL_OK;
}

static bl_status create_arrays(arrays *a, bl_graph *graph) {
  const bl_parameter_table *table = bl_graph_parameters(graph);
  const size_t batch = (size_t)graph->batch, inputs = batch * bl_graph_input_size(graph);
  BL_TRY(bl_allocate(&a->x, inputs, sizeof(float)));
  BL_TRY(bl_allocate(&a->time, batch, sizeof(float)));
  BL_TRY(bl_allocate(&a->y, batch * bl_graph_output_size(graph), sizeof(float)));
  bl_random_normal(a->x, inputs, (bl_draw){.purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < graph->batch; i++)
    a->time[i] = (float)(i % 10); /* a step of V, or a time */
  if (graph->mode == BL_GRAPH_INFERENCE)
    return bl_graph_load_from(graph, draw, NULL); /* as `beeline sample` does, which never holds them twice */
  BL_TRY(bl_allocate(&a->values, table->count, sizeof(float)));
  BL_TRY(bl_allocate(&a->d_values, table->count, sizeof(float)));
  bl_parameter_initialise(a->values, table, 1);
  return bl_graph_load(graph, a->values);
}

static void destroy_arrays(arrays *a) {
  bl_free(&a->x);
  bl_free(&a->time);
  bl_free(&a->y);
  bl_free(&a->values);
  bl_free(&a->d_values);
  bl_free(&a->work);
}

/* ---- All networks on one core ---------------------------------------------------------------------------------------- */

static bl_status print_profile(bl_graph *graph, const arrays *a) {
  bl_profile profile;
  const bl_machine none = {1, 1};
  BL_TRY(bl_profile_create(&profile, graph, &none, &(bl_graph_inputs){.x = a->x, .time = a->time}, PROFILED));
  for (int i = 0; i < profile.kinds; i++)
    printf("    %-20s forward %8.2f  backward %8.2f microseconds a sample\n", profile.by_kind[i].kind,
           1e6 * profile.by_kind[i].forward.seconds / graph->batch,
           1e6 * profile.by_kind[i].backward.seconds / graph->batch);
  bl_profile_destroy(&profile);
  return BL_OK;
}

static double least(double a, double b) {
  return a < b ? a : b;
}

/* The best of several tries, since other programs disturb. */
static bl_status show(const char *name, const bl_network_shape *shape, int batch, bool profiled) {
  bl_graph *graph = NULL;
  arrays a = {NULL};
  bl_status status = BL_OK;
  double forward = 1e9, both = 1e9, load = 1e9;
  const double created = bl_clock_seconds();
  BL_GOTO(bl_network_create(&graph, shape, batch, BL_GRAPH_TRAINING, false));
  const double creation = bl_clock_seconds() - created;
  BL_GOTO(create_arrays(&a, graph));
  const int repeats = 1 + 256 / batch;
  for (int attempt = 0; attempt < TRIES; attempt++) {
    double start = bl_clock_seconds();
    BL_GOTO(bl_graph_load(graph, a.values));
    load = least(load, bl_clock_seconds() - start);
    start = bl_clock_seconds();
    for (int i = 0; i < repeats; i++)
      BL_GOTO(bl_graph_forward(graph, a.y, &(bl_graph_inputs){.x = a.x, .time = a.time}));
    forward = least(forward, bl_clock_seconds() - start);
    start = bl_clock_seconds();
    for (int i = 0; i < repeats; i++) {
      BL_GOTO(bl_graph_forward(graph, a.y, &(bl_graph_inputs){.x = a.x, .time = a.time}));
      BL_GOTO(bl_graph_backward(graph, a.d_values, NULL, a.y));
    }
    both = least(both, bl_clock_seconds() - start);
  }
  const double samples = (double)repeats * batch;
  printf("%-16s batch %4d: forward %9.0f/s, and backward %9.0f/s; load %7.1f us, create %6.1f ms, %6.2f MiB\n", name, batch,
         samples / forward, samples / both, 1e6 * load, 1e3 * creation, (double)bl_graph_memory(graph) / 1048576);
  if (profiled)
    BL_GOTO(print_profile(graph, &a));
done:
  destroy_arrays(&a);
  bl_graph_destroy(&graph);
  return status;
}

static bl_status show_all(void) {
  const int batches[] = {1, 8, 16, 32, 64, 128};
  const struct {
    const char *name;
    const bl_network_shape *shape;
  } images[] = {{"digits", &test_digits.network},
                {"digits critic", &test_digits.critic},
                {"digits value", &test_digits.value}},
    points[] = {{"points", &test_swissroll.network},
                {"points critic", &test_swissroll.critic},
                {"points value", &test_swissroll.value}};
  for (int network = 0; network < 3; network++)
    for (int i = network == 0 ? 0 : 2; i < 6; i++)
      BL_TRY(show(images[network].name, images[network].shape, batches[i], batches[i] == 64));
  for (int network = 0; network < 3; network++)
    for (int batch = 16; batch <= 512; batch *= 2)
      BL_TRY(show(points[network].name, points[network].shape, batch, batch == 128));
  return BL_OK;
}

/* ---- One work -------------------------------------------------------------------------------------------------------- */

typedef struct passes {
  bl_graph *graph;
  arrays a;
  bl_options *options;
  bl_chain chain;
  int rank;
} passes;

static bl_status forward(void *state) {
  passes *p = state;
  return bl_graph_forward(p->graph, p->a.y, &(bl_graph_inputs){.x = p->a.x, .time = p->a.time});
}

static bl_status both(void *state) {
  passes *p = state;
  BL_TRY(bl_graph_forward(p->graph, p->a.y, &(bl_graph_inputs){.x = p->a.x, .time = p->a.time}));
  return bl_graph_backward(p->graph, p->a.d_values, NULL, p->a.y);
}

static bl_status rollout(void *state) {
  passes *p = state;
  return bl_sampler_rollout(NULL, p->a.y, p->graph, &p->chain, NULL, 1, 0, (uint32_t)(p->rank * p->graph->batch),
                            (size_t)p->graph->batch, p->a.work);
}

static bl_status measure_passes(const measure_task *task, measure_work *work) {
  passes p = {0};
  int ranks;
  bl_status status = BL_OK;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  MPI_Comm_rank(MPI_COMM_WORLD, &p.rank);
  BL_GOTO(measure_plan(&p.options, &p.chain, 0, NULL));
  BL_GOTO(bl_network_create(&p.graph, &task->shapes->network, task->micro_batch,
                            work == both ? BL_GRAPH_TRAINING : BL_GRAPH_INFERENCE, false));
  BL_GOTO(create_arrays(&p.a, p.graph));
  if (work == rollout)
    BL_GOTO(bl_allocate(&p.a.work, 3 * (size_t)task->micro_batch * bl_graph_input_size(p.graph), sizeof(float)));
  const measure_size size = {
      .samples = (double)ranks * task->micro_batch,
      .flops = ranks * (work == rollout ? p.chain.steps : 1) * bl_cost_graph_flops(p.graph, work == both),
      .parameters = bl_graph_parameters(p.graph)->count};
  BL_GOTO(measure_repeat(work, &p, task, &size));
done:
  destroy_arrays(&p.a);
  bl_graph_destroy(&p.graph);
  bl_chain_destroy(&p.chain);
  bl_options_destroy(&p.options);
  return status;
}

/* All ranks at once, and summed. */
static bl_status measure_peak(void) {
  bl_machine machine;
  int rank;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Barrier(MPI_COMM_WORLD);
  BL_TRY(bl_machine_measure(&machine));
  double sums[2] = {machine.flops, machine.bytes};
  MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  if (rank == 0)
    printf("flops %.6e bytes %.6e\n", sums[0], sums[1]);
  return BL_OK;
}

static bl_status run(int count, char **arguments) {
  if (count == 1)
    return show_all();
  if (count == 2 && strcmp(arguments[1], "peak") == 0)
    return measure_peak();
  measure_task task = {.shapes = test_shapes_find(arguments[1]), .work = count > 2 ? arguments[2] : ""};
  int *const numbers[] = {&task.micro_batch, &task.warm,          &task.repeats,    &task.batch,
                          &task.n_critic,    &task.critic_epochs, &task.n_generator};
  for (int i = 3; i < count && i < 10; i++)
    *numbers[i - 3] = atoi(arguments[i]);
  if (task.shapes != NULL && strcmp(task.work, "round") == 0 && count == 10)
    return measure_round(&task);
  measure_work *const works[] = {forward, both, rollout};
  const char *const names[] = {"forward", "both", "rollout"};
  for (int i = 0; i < 3; i++)
    if (task.shapes != NULL && strcmp(task.work, names[i]) == 0 && count == 6)
      return measure_passes(&task, works[i]);
  return bl_fail(BL_ERROR_USAGE,
                 "expected: nothing, or peak, or NAME forward|both|rollout MICRO_BATCH WARM REPEATS, or NAME round "
                 "MICRO_BATCH WARM REPEATS BATCH N_CRITIC CRITIC_EPOCHS N_GENERATOR");
}

int main(int count, char **arguments) {
  bl_threads_set(0);
  bl_threads_flush_denormals();
  bl_memory_return_large();
  MPI_Init(&count, &arguments);
  const bl_status status = run(count, arguments);
  if (status != BL_OK) {
    fprintf(stderr, "%s\n", bl_status_message());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
