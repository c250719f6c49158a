#include "learner/distill.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/print.h"
#include "learner/rate.h"
#include "network/computation.h"
#include "parallel/agree.h"
#include "programs/run.h"
#include "programs/source_model.h"
#include "programs/step_record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline distill FILE.yaml [--set key=value]... [--output FOLDER] [--resume]\n"
    "       [--overwrite]\n"
    "\n"
    "Distil a diffusion model progressively (Salimans & Ho 2022): a student learns to do in one deterministic step what\n"
    "its teacher does in two, and then is the teacher of the next one, until few steps are left. The result has the same\n"
    "bits on any number of ranks.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the first teacher, made by beeline pretrain\n"
    "  data.file             the data set, made by beeline import\n"
    "  learner.name          distill\n"
    "  distill.first, distill.last   steps of the first teacher and of the last student\n"
    "  distill.prediction, distill.weight   what students predict, and how errors are weighed\n"
    "  learner.rounds        optimiser steps for each halving; learner.optimiser.rate runs from first to last in each\n"
    "  sampler.clip          clip the teacher's predictions to the range of images\n"
    "  checkpoint.every      steps between checkpoints; --resume goes on from the newest one\n"
    "\n"
    "Written into the output folder: student-0256.nc and so on for every number of steps, model.nc (the last student),\n"
    "record.nc, checkpoints. To draw from the student of 8 steps, beeline sample needs sampler.name ddim,\n"
    "sampler.grid even, sampler.steps 8 and sampler.final_sigma 0.\n"
    "\n"
    "Example:\n"
    "  mpirun -n 2 beeline distill experiments/digits/distill.yaml --output out/distill\n";

static const bl_run_plan plan_of_run = {.reads = (const char *const[]){"data.file", "model.file", NULL}};

/* How often a row goes into the record. */
enum { ROWS_PER_RUN = 1000, PATH_LENGTH = 4096 };

/* Everything that a step needs. */
typedef struct distiller {
  bl_run run;
  bl_distill method;
  bl_prediction first_prediction; /* of the model */
  int stages;                     /* students */
  bool converts;                  /* whether the first one has as many steps as its teacher */
  bl_dataset dataset;
  bl_batches batches;
  bl_schedule schedule;
  bl_computation computation;
  bl_graph *teacher, *student;
  bl_aggregator aggregator;
  bl_optimiser_settings settings;
  bl_rate rate;
  int slots;      /* micro-batches in a batch */
  size_t size;    /* elements of a sample */
  float *weights; /* (parameters) of the teacher, while they are read */
  float *values;  /* (micro_batch, size) */
  float *work;
  int *step; /* (micro_batch) */
  bl_timing learning;
  bl_step_record record;
} distiller;

static void destroy(distiller *d) {
  bl_free(&d->weights);
  bl_free(&d->values);
  bl_free(&d->work);
  bl_free(&d->step);
  bl_aggregator_destroy(&d->aggregator);
  bl_graph_destroy(&d->student);
  bl_graph_destroy(&d->teacher);
  bl_schedule_destroy(&d->schedule);
  bl_batches_destroy(&d->batches);
  bl_dataset_destroy(&d->dataset);
  bl_computation_destroy(&d->computation);
  bl_run_destroy(&d->run);
}

/* ---- Preparing --------------------------------------------------------------------------------------------------------
 */

/* Read and check what the configuration alone can tell. */
static bl_status check(distiller *d, const bl_options *options) {
  const bl_options_learner *learner = &options->learner;
  const bl_options_distill *distill = &options->distill;
  if (strcmp(learner->name, "distill") != 0)
    return bl_options_reject(options, "learner.name", "distill");
  if (learner->rounds < 1)
    return bl_options_reject(options, "learner.rounds", "at least 1");
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_run_check(options));
  int64_t steps = distill->last;
  for (d->stages = 0; steps < distill->first; d->stages++)
    steps *= 2;
  if (steps != distill->first || d->stages == 0)
    return bl_options_reject(options, "distill.first", "distill.last (%d) times 2, 4, 8 or another power of two",
                             distill->last);
  d->slots = learner->batch / learner->micro_batch;
  BL_TRY(bl_distill_configure(&d->method, options));
  return bl_rate_create(&d->rate, &d->settings, options, &learner->optimiser, "learner.optimiser");
}

/* The model and the data. Collective. */
static bl_status prepare(distiller *d, const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  const bl_dataset *data = &d->dataset;
  bl_model_header *header = &d->run.header;
  BL_AGREE(check(d, options), invocation->comm);
  BL_TRY(bl_computation_create(&d->computation, options));
  BL_TRY(bl_source_model_read(header, &d->schedule, options, invocation->comm));
  BL_TRY(bl_source_model_limit_condition(header, options, 0));
  BL_TRY(bl_run_read_data(&d->dataset, &d->batches, header, options, invocation->comm));
  if (options->distill.first > header->diffusion_steps)
    return bl_options_reject(options, "distill.first", "at most %d, the steps of the model's diffusion",
                             header->diffusion_steps);
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&d->first_prediction, header->prediction)));
  d->converts = d->first_prediction != d->method.prediction;
  d->stages += d->converts;
  d->size = bl_dataset_sample_size(data);
  d->method.schedule = &d->schedule;
  return BL_OK;
}

/* The networks, and room for their work. Collective. */
static bl_status prepare_networks(distiller *d) {
  const bl_options *options = d->run.options;
  const bl_network_shape *shape = &d->run.header.shape;
  const size_t batch = (size_t)options->learner.micro_batch;
  /* Teacher and student are one network with weights of their own. */
  const bl_compute judge = bl_compute_apart(&d->computation.judge), learn = bl_compute_apart(&d->computation.learn);
  const bl_network_plan plans[] = {{shape, (int)batch, BL_GRAPH_INFERENCE, &judge},
                                   {shape, (int)batch, BL_GRAPH_TRAINING, &learn}};
  BL_TRY(bl_computation_settle(&d->computation, d->run.algorithms, plans, 2, d->run.invocation->comm));
  d->run.provenance.algorithms = bl_computation_text(&d->computation);
  BL_TRY(bl_network_create_with(&d->teacher, shape, plans[0].batch, plans[0].mode, false, plans[0].compute));
  BL_TRY(bl_network_create_with(&d->student, shape, plans[1].batch, plans[1].mode, false, plans[1].compute));
  const size_t parameters = bl_graph_parameters(d->student)->count;
  d->method.teacher = d->teacher;
  BL_TRY(bl_allocate(&d->weights, parameters, sizeof *d->weights));
  BL_TRY(bl_allocate(&d->values, batch * d->size, sizeof *d->values));
  BL_TRY(bl_allocate(&d->step, batch, sizeof *d->step));
  return bl_allocate(&d->work, bl_distill_work(batch, d->size), sizeof *d->work);
}

/* ---- Stages -----------------------------------------------------------------------------------------------------------
 */

/* Steps of student number `stage`; of the first teacher for −1. */
static int steps_of(const distiller *d, int stage) {
  return d->run.options->distill.first >> (stage + 1 - (d->converts && stage >= 0));
}

static void student_path(char *path, size_t size, const distiller *d, int stage) {
  char name[32];
  snprintf(name, sizeof name, "student-%04d.nc", steps_of(d, stage));
  bl_run_path(path, size, &d->run, name);
}

/* The teacher of a stage; a student that begins has its weights and a fresh optimiser. Collective. */
static bl_status begin_stage(distiller *d, int stage, bool fresh) {
  const bl_options *options = d->run.options;
  const MPI_Comm comm = d->run.world.comm;
  char path[PATH_LENGTH];
  if (stage > 0)
    student_path(path, sizeof path, d, stage - 1);
  BL_TRY(bl_model_read_weights_shared(d->weights, stage > 0 ? path : options->model.file, bl_graph_parameters(d->student),
                                      stage > 0 || bl_source_model_takes_average(options), comm));
  BL_AGREE(bl_graph_load(d->teacher, d->weights), comm);
  if (fresh)
    bl_aggregator_set(&d->aggregator, d->weights);
  else
    bl_aggregator_set_start(&d->aggregator, d->weights);
  d->method.teacher_prediction = stage > 0 ? d->method.prediction : d->first_prediction;
  d->method.teacher_steps = steps_of(d, stage - 1);
  d->method.steps = steps_of(d, stage);
  return BL_OK;
}

/* Write the student of a stage whose last round was just done. Collective. */
static bl_status end_stage(distiller *d, int stage) {
  bl_model_header header = d->run.header;
  char path[PATH_LENGTH];
  header.round++;
  student_path(path, sizeof path, d, stage);
  BL_TRY(bl_checkpoint_finish(path, &header, &d->aggregator, &d->run.provenance, &d->run.world));
  bl_log("student of %d steps: %s", d->method.steps, path);
  return BL_OK;
}

/* One optimiser step. */
static bl_status step(bl_step_report *report, distiller *d, int64_t round, double rate) {
  const bl_group *group = &d->run.world.generators;
  const size_t batch = (size_t)d->run.options->learner.micro_batch;
  const bl_gradient_sink sink = bl_aggregator_sink(&d->aggregator);
  if (group->rank >= 0)
    BL_TRY(bl_graph_load(d->student, d->aggregator.values));
  for (int m = group->rank; m >= 0 && m < d->slots; m += group->size) {
    const size_t first = (size_t)m * batch;
    const bl_sample_batch samples = {.values = d->values,
                                     .count = batch,
                                     .size = d->size,
                                     .seed = (uint64_t)d->run.options->seed,
                                     .round = (uint32_t)round,
                                     .first = (uint32_t)first,
                                     .work = d->work};
    double loss;
    bl_timing_begin(&d->learning);
    bl_batches_get(d->values, NULL, &d->batches, round, first, batch);
    BL_TRY(bl_distill_gradient(&sink, &loss, &d->method, d->student, &samples, d->step));
    bl_timing_end(&d->learning);
    bl_aggregator_add_figures(&d->aggregator, &loss, 1);
  }
  return bl_aggregator_step(&d->aggregator, report, rate, d->slots);
}

/* ---- The run ----------------------------------------------------------------------------------------------------------
 */

/* All steps of this session. \param [out] stopped  whether more are left. */
static bl_status learn(distiller *d, bool *stopped) {
  const bl_step_record_plan plan = {.title = "distill",
                                    .program = "distill",
                                    .loss = "mean weighted squared error since the row before",
                                    .students = true};
  const bl_checkpoint_entry entry = {"model", &d->aggregator};
  const int64_t each = d->run.options->learner.rounds, rounds = d->run.rounds;
  const int64_t interval = each > ROWS_PER_RUN / d->stages ? each * d->stages / ROWS_PER_RUN : 1;
  bl_status status = bl_step_record_open(&d->record, &d->run, &plan);
  *stopped = false;
  for (int64_t round = d->run.first_round; status == BL_OK && round < rounds && !*stopped; round++) {
    const int stage = (int)(round / each);
    const bool first = round % each == 0, last = (round + 1) % each == 0;
    bl_step_report report = {0};
    if (first || round == d->run.first_round)
      BL_GOTO(begin_stage(d, stage, first));
    d->run.header.distilled_steps = d->method.steps;
    const double rate = bl_rate_at(&d->rate, round % each, each);
    BL_GOTO(bl_run_agree(&d->run, step(&report, d, round, rate)));
    bl_step_record_add(&d->record, &report);
    if ((round % each + 1) % interval == 0 || last)
      BL_GOTO(bl_step_record_row(&d->record, round, rate, d->method.steps));
    /* The student before the checkpoint: who goes on from there needs it as teacher. */
    if (last)
      BL_GOTO(end_stage(d, stage));
    BL_GOTO(bl_run_round_done(stopped, &d->run, &entry, 1));
  }
done:
  bl_step_record_close(&d->record);
  return status;
}

static bl_status finish(distiller *d, double seconds) {
  char path[PATH_LENGTH];
  BL_TRY(bl_run_write_model(&d->run, &d->aggregator));
  if (d->run.world.rank != 0)
    return BL_OK;
  bl_print("\n  %-22s", "students of steps");
  for (int stage = 0; stage < d->stages; stage++)
    bl_print(" %d", steps_of(d, stage));
  bl_run_path(path, sizeof path, &d->run, "student-*.nc");
  bl_print(": %s\n", path);
  bl_run_path(path, sizeof path, &d->run, "model.nc");
  bl_print("  %-22s %s, predicts %s\n", "last one", path, d->run.header.prediction);
  if (!isnan(d->record.loss)) /* no step is left to do after a stop at the last one */
    bl_print("  %-22s %.4g\n", "its loss at the end", d->record.loss);
  bl_run_print_time(&d->run, seconds);
  return BL_OK;
}

static bl_status distill(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  const double start = bl_clock_seconds();
  bool stopped;
  distiller d = {.learning = {.name = "gradients"}};
  bl_status status;
  BL_GOTO(bl_agree(prepare(&d, invocation), invocation->comm));
  bl_model_header header = d.run.header;
  BL_GOTO(bl_run_create(&d.run, invocation, &plan_of_run));
  if (d.run.finished) {
    bl_log("%s: this run is finished already", options->output);
    goto done;
  }
  header.round = 0;
  snprintf(header.prediction, sizeof header.prediction, "%s", bl_prediction_name(d.method.prediction));
  d.run.header = header;
  d.run.rounds = (int64_t)options->learner.rounds * d.stages;
  BL_GOTO(bl_agree(prepare_networks(&d), invocation->comm));
  BL_GOTO(bl_run_divide(&d.run, d.run.split));
  BL_GOTO(bl_agree(bl_aggregator_create(&d.aggregator, &d.run.world, bl_sharing_policy(&d.run.world), "network",
                                        bl_graph_parameters(d.student), d.settings, options->learner.optimiser.clip,
                                        options->learner.average),
                   invocation->comm));
  BL_GOTO(bl_run_resume(&d.run, &(bl_checkpoint_entry){"model", &d.aggregator}, 1));
  BL_GOTO(learn(&d, &stopped));
  BL_GOTO(bl_aggregator_account(&d.aggregator, &d.learning, d.run.world.comm));
  BL_GOTO(bl_run_account(&d.run));
  if (stopped) {
    status = bl_run_explain_stop(&d.run);
    goto done;
  }
  BL_GOTO(finish(&d, bl_clock_seconds() - start));
  status = bl_run_finish(&d.run);
done:
  destroy(&d);
  return status;
}

const bl_program bl_program_distill = {.name = "distill",
                                       .summary = "distil a diffusion model into students of fewer and fewer steps",
                                       .help = help,
                                       .resumes = true,
                                       .run = distill};
