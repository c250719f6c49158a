/* What rounding the rollout's operands to bfloat16 (compute.bf16) does to the log-densities that the policy gradient uses:
 *
 *     rounding [FILE.yaml [SAMPLES]]        a configuration with model.file and sampler; default: the digits, 256 samples
 *
 * Trajectories are drawn by the rounded network, as they are with the option. At every transition both networks see the
 * same state, and differ in their mean by Δ. Printed per step and over all:
 *   epsilon    root mean square of the difference of ε, relative to that of ε
 *   KL         mean of Δ² / 2σ² per element: the divergence of the two policies in closed form (equal σ)
 *   bias, rms  mean and root mean square over samples of log p − log p_rounded of the transition that was drawn, mean over
 *              the elements as in learner.log_density: mean; its own spread over samples is beside it. */
#include "base/memory.h"
#include "base/options.h"
#include "base/threads.h"
#include "diffusion/schedule.h"
#include "sampler/sampler.h"
#include "store/model.h"

#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

/* Sums over samples of one step. */
typedef struct sums {
  double difference, epsilon, divergence; /* over elements */
  double bias, square;                    /* of the difference of log-densities */
  double level, level_square;             /* of log p itself */
} sums;

typedef struct comparison {
  bl_options *options;
  bl_model_header header;
  bl_chain chain;
  bl_graph *exact, *rounded;
  float *values, *trajectory, *work, *time, *epsilon[2];
  double *log_density[2];
  int *step;
  sums *sums; /* (steps) */
} comparison;

static void destroy(comparison *c) {
  for (int i = 0; i < 2; i++) {
    bl_free(&c->epsilon[i]);
    bl_free(&c->log_density[i]);
  }
  bl_free(&c->sums);
  bl_free(&c->step);
  bl_free(&c->time);
  bl_free(&c->work);
  bl_free(&c->trajectory);
  bl_free(&c->values);
  bl_graph_destroy(&c->exact);
  bl_graph_destroy(&c->rounded);
  bl_chain_destroy(&c->chain);
  bl_options_destroy(&c->options);
}

static bl_status make_graph(bl_graph **graph, comparison *c, bool bf16) {
  const bl_compute compute = {.bf16 = bf16};
  BL_TRY(bl_network_create_with(graph, &c->header.shape, c->options->learner.micro_batch, BL_GRAPH_INFERENCE, false,
                                &compute));
  const bl_parameter_table *table = bl_graph_parameters(*graph);
  if (c->values == NULL) {
    BL_TRY(bl_allocate(&c->values, table->count, sizeof *c->values));
    BL_TRY(bl_model_read_weights_shared(c->values, c->options->model.file, table, true, MPI_COMM_WORLD));
  }
  return bl_graph_load(*graph, c->values);
}

static bl_status prepare(comparison *c, const char *path) {
  bl_schedule schedule = {0};
  BL_TRY(bl_options_load(&c->options, path, 0, NULL));
  BL_TRY(bl_model_read_header_shared(&c->header, c->options->model.file, MPI_COMM_WORLD));
  BL_TRY(bl_schedule_create(&schedule, c->header.schedule, c->header.diffusion_steps, c->header.beta_first,
                            c->header.beta_last));
  const bl_status status = bl_sampler_plan(&c->chain, &schedule, c->options, true);
  bl_schedule_destroy(&schedule);
  BL_TRY(status);
  BL_TRY(make_graph(&c->exact, c, false));
  BL_TRY(make_graph(&c->rounded, c, true));
  const size_t batch = (size_t)c->options->learner.micro_batch, elements = batch * bl_graph_input_size(c->exact);
  for (int i = 0; i < 2; i++) {
    BL_TRY(bl_allocate(&c->epsilon[i], elements, sizeof(float)));
    BL_TRY(bl_allocate(&c->log_density[i], batch, sizeof(double)));
  }
  BL_TRY(bl_allocate(&c->trajectory, ((size_t)c->chain.steps + 1) * elements, sizeof(float)));
  BL_TRY(bl_allocate(&c->work, bl_sampler_work(&c->chain, NULL, batch, bl_graph_input_size(c->exact)), sizeof(float)));
  BL_TRY(bl_allocate(&c->time, batch, sizeof(float)));
  BL_TRY(bl_allocate(&c->step, batch, sizeof(int)));
  return bl_allocate(&c->sums, (size_t)c->chain.steps, sizeof *c->sums);
}

/* Both networks at step \a i of the trajectories at hand. */
static bl_status compare_step(comparison *c, int i) {
  const size_t batch = (size_t)c->options->learner.micro_batch, size = bl_graph_input_size(c->exact);
  const float *x = c->trajectory + (size_t)i * batch * size, *next = x + batch * size;
  bl_graph *const graphs[2] = {c->exact, c->rounded};
  sums *s = &c->sums[i];
  for (size_t b = 0; b < batch; b++) {
    c->time[b] = c->chain.time[i];
    c->step[b] = i;
  }
  for (int g = 0; g < 2; g++) {
    BL_TRY(bl_graph_forward(graphs[g], c->epsilon[g], &(bl_graph_inputs){.x = x, .time = c->time}));
    bl_chain_log_density(c->log_density[g], &c->chain, c->step, x, c->epsilon[g], next, batch, size, true);
  }
  const double factor = c->chain.output[i] / c->chain.sigma[i];
  for (size_t e = 0; e < batch * size; e++) {
    const double exact = (double)c->epsilon[0][e], difference = (double)c->epsilon[1][e] - exact;
    s->difference += difference * difference;
    s->epsilon += exact * exact;
    s->divergence += 0.5 * factor * factor * difference * difference;
  }
  for (size_t b = 0; b < batch; b++) {
    const double level = c->log_density[0][b], difference = level - c->log_density[1][b];
    s->bias += difference;
    s->square += difference * difference;
    s->level += level;
    s->level_square += level * level;
  }
  return BL_OK;
}

static void print_row(const char *name, const sums *s, double samples, double elements) {
  const double level = s->level / samples;
  printf("%-6s %10.2e %10.2e %11.2e %10.2e %10.2e\n", name, sqrt(s->difference / s->epsilon),
         s->divergence / (samples * elements), s->bias / samples, sqrt(s->square / samples),
         sqrt(fmax(0, s->level_square / samples - level * level)));
}

static bl_status run(comparison *c, const char *path, int samples) {
  BL_TRY(prepare(c, path));
  const int batch = c->options->learner.micro_batch, batches = (samples + batch - 1) / batch;
  for (int m = 0; m < batches; m++) {
    BL_TRY(bl_sampler_rollout(c->trajectory, NULL, c->rounded, &c->chain, NULL, (uint64_t)c->options->seed, 0,
                              (uint32_t)(m * batch), (size_t)batch, c->work));
    for (int i = 0; i < c->chain.steps; i++)
      BL_TRY(compare_step(c, i));
  }
  const double elements = (double)bl_graph_input_size(c->exact);
  printf("%s, %d samples\nstep      epsilon         KL        bias        rms     spread\n", path, batches * batch);
  for (int i = 0; i < c->chain.steps; i++) {
    char name[16];
    snprintf(name, sizeof name, "%d", i);
    print_row(name, &c->sums[i], (double)batches * batch, elements);
  }
  return BL_OK;
}

int main(int count, char **arguments) {
  const char *source = getenv("top_srcdir");
  char path[4096];
  comparison c = {0};
  bl_threads_set(0);
  bl_threads_flush_denormals();
  MPI_Init(&count, &arguments);
  snprintf(path, sizeof path, "%s/experiments/digits/finetune.yaml", source != NULL ? source : "..");
  const bl_status status = run(&c, count > 1 ? arguments[1] : path, count > 2 ? atoi(arguments[2]) : 256);
  if (status != BL_OK)
    fprintf(stderr, "%s\n", bl_status_message());
  destroy(&c);
  MPI_Finalize();
  return status == BL_OK ? 0 : 1;
}
