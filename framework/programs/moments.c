/* `beeline moments`: what the variances of Analytic-DPM, SN-DDPM and NPR-DDPM are made of. */
#include "learner/moments.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/print.h"
#include "network/computation.h"
#include "parallel/agree.h"
#include "parallel/interrupt.h"
#include "parallel/mpi_check.h"
#include "programs/files.h"
#include "programs/output_name.h"
#include "programs/pretrain.h"
#include "programs/program.h"
#include "programs/source_model.h"
#include "store/model.h"
#include "store/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline moments FILE.yaml [--set key=value]... [--output MOMENTS.nc]\n"
    "       [mpirun -n N] beeline moments FILE.yaml --set moments.head=sn [--output FOLDER] [--resume]\n"
    "\n"
    "Measure the mean square of the noise that a diffusion model predicts, at each of its steps, over the data. From it\n"
    "follow the variances of the sampler \"analytic\" (Analytic-DPM). It is done once for a model; the figures do not "
    "depend\n"
    "on the number of ranks.\n"
    "With moments.head, train a second copy of the model's output block instead, by mean square error, while all else\n"
    "stays as it is: \"sn\" learns the squared noise, for the sampler \"sn_ddpm\" (SN-DDPM), \"npr\" the squared error of "
    "the\n"
    "prediction, for \"npr_ddpm\" (NPR-DDPM). The head belongs to the model and the choice of its weights.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the model, made by beeline pretrain or beeline finetune\n"
    "  model.weights         its moving average, or its last weights\n"
    "  data.file             the data that it was trained on\n"
    "  moments.count         samples at each step; 100 give about two digits\n"
    "  moments.head          sn or npr: train a head\n"
    "  learner.rounds        of a head: optimiser steps\n"
    "  learner.batch, learner.average, learner.optimiser.*, checkpoint.*   of a head: as in beeline pretrain\n"
    "  learner.micro_batch   samples computed at once\n"
    "  seed                  of the noise and of the choice of samples\n"
    "\n"
    "Written: the output, with the mean squares and their standard errors; sampler.moments names it. Of a head:\n"
    "model.nc (the head alone; sampler.head names it), record.nc and checkpoints in the output folder.\n"
    "\n"
    "Examples:\n"
    "  mpirun -n 2 beeline moments experiments/digits/finetune.yaml --output out/moments.nc\n"
    "  beeline sample experiments/digits/finetune.yaml --set sampler.name=analytic --set sampler.grid=linear \\\n"
    "    --set sampler.moments=out/moments.nc --output samples.nc\n";

enum { SHOWN = 5 };

/* Everything that measuring needs. */
typedef struct task {
  const bl_invocation *invocation;
  const bl_options *options;
  MPI_Comm comm;
  int rank;
  char command[4096];
  bl_provenance provenance; /* borrows command */
  bl_model_header header;
  bl_schedule schedule;
  bl_dataset data;
  bl_computation computation;
  bl_graph *graph;
  bl_moments moments;
  bl_lock *lock; /* of the output */
} task;

static void destroy(task *t) {
  bl_lock_release(&t->lock);
  bl_moments_destroy(&t->moments);
  bl_graph_destroy(&t->graph);
  bl_computation_destroy(&t->computation);
  bl_dataset_destroy(&t->data);
  bl_schedule_destroy(&t->schedule);
}

/* What the configuration alone can tell. */
static bl_status check(const bl_options *options) {
  BL_TRY(bl_source_model_check(options));
  if (options->data.file[0] == '\0')
    return bl_options_reject(options, "data.file", "the data that the model was trained on");
  if (options->output[0] == '\0')
    return bl_options_reject(options, "output", "a file to write, for example --output moments.nc");
  return options->moments.head[0] == '\0' ? bl_output_name_check(options, "moments", "") : BL_OK;
}

/* The output, on rank 0. */
static bl_status claim(task *t) {
  static const char *const reads[] = {"model.file", "data.file", NULL};
  return bl_files_claim(&t->lock, t->invocation, reads, (const char *const[]){t->options->output}, 1);
}

/* Model, data and network. Collective. */
static bl_status prepare(task *t) {
  const bl_options *options = t->options;
  const bl_network_shape *shape = &t->header.shape;
  BL_TRY(check(options));
  BL_TRY(bl_computation_create(&t->computation, options));
  BL_AGREE(t->rank == 0 ? claim(t) : BL_OK, t->comm);
  BL_TRY(bl_source_model_read(&t->header, &t->schedule, options, t->comm));
  BL_TRY(bl_source_model_limit_condition(&t->header, options, 0));
  if (strcmp(t->header.prediction, "epsilon") != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: predicts %s, but moments are those of models that predict epsilon",
                   options->model.file, t->header.prediction);
  BL_TRY(bl_options_blame(options, "data.file", bl_dataset_read_shared(&t->data, options->data.file, t->comm)));
  BL_TRY(bl_source_model_match(&t->header, &t->data, options));
  const bl_network_plan plan = {shape, options->learner.micro_batch, BL_GRAPH_INFERENCE, &t->computation.rollout};
  BL_TRY(bl_computation_settle(&t->computation, NULL, &plan, 1, t->comm));
  t->provenance.algorithms = bl_computation_text(&t->computation);
  BL_AGREE(bl_network_create_with(&t->graph, plan.shape, plan.batch, plan.mode, false, plan.compute), t->comm);
  return bl_source_model_load(t->graph, options, NULL, t->comm);
}

static void print_table(const task *t, double seconds) {
  const bl_moments *moments = &t->moments;
  char duration[32];
  bl_clock_duration(duration, sizeof duration, seconds);
  bl_print("\n  %-10s %s: %d steps, %zu samples at each\n", "moments", t->options->output, moments->steps, moments->count);
  bl_print("  %-10s %s, weights: %s\n", "model", t->options->model.file, t->options->model.weights);
  bl_print("  %-10s %s on %d rank%s\n\n", "time", duration, t->provenance.ranks, t->provenance.ranks == 1 ? "" : "s");
  bl_print("  %8s %12s %12s %22s\n", "step", "mean square", "error", "deviation of x_0 given x_t");
  const int shown = moments->steps < SHOWN ? moments->steps : SHOWN;
  for (int i = 0; i < shown; i++) {
    const int step = shown == 1 ? 0 : (int)((long)i * (moments->steps - 1) / (shown - 1));
    const double alpha_bar = moments->alpha_bar[step];
    bl_print("  %8d %12.6f %12.6f %22.4f\n", step + 1, moments->gamma[step], moments->error[step],
             sqrt(fmin(fmax((1.0 - alpha_bar) / alpha_bar * (1.0 - moments->gamma[step]), 0.0), 1.0)));
  }
  bl_print("\n");
}

static bl_status measure(const bl_invocation *invocation) {
  task t = {.invocation = invocation, .options = invocation->options, .comm = invocation->comm};
  const bl_options *options = t.options;
  bl_status status = BL_OK;
  bl_interrupt_release();
  BL_GOTO(BL_MPI(MPI_Comm_rank(t.comm, &t.rank)));
  bl_provenance_describe(&t.provenance, t.command, sizeof t.command, options, invocation->argc, invocation->argv);
  BL_GOTO(BL_MPI(MPI_Comm_size(t.comm, &t.provenance.ranks)));
  BL_GOTO(prepare(&t));
  const double start = bl_clock_seconds();
  BL_GOTO(bl_moments_measure(&t.moments, bl_sampler_predict, t.graph, &t.schedule, &t.data, (size_t)options->moments.count,
                             (size_t)options->learner.micro_batch, (uint64_t)options->seed, "moments", t.comm));
  const double seconds = bl_clock_seconds() - start;
  BL_GOTO(bl_agree(t.rank == 0 ? bl_moments_write(&t.moments, options->output, &t.provenance) : BL_OK, t.comm));
  if (t.rank == 0)
    print_table(&t, seconds);
done:
  destroy(&t);
  return status;
}

static bl_status run(const bl_invocation *invocation) {
  if (invocation->options->moments.head[0] != '\0')
    return bl_pretrain_head(invocation);
  if (invocation->resume)
    return bl_options_reject(invocation->options, "moments.head",
                             "sn or npr with --resume: only a head's training resumes");
  return measure(invocation);
}

const bl_program bl_program_moments = {
    .name = "moments",
    .summary = "measure or learn what the variances of Analytic-DPM, SN-DDPM and NPR-DDPM are made of",
    .help = help,
    .resumes = true,
    .run = run};
