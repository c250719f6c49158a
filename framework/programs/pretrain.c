#include "programs/pretrain.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/print.h"
#include "learner/rate.h"
#include "learner/supervised.h"
#include "network/computation.h"
#include "network/configure.h"
#include "parallel/agree.h"
#include "programs/accuracy.h"
#include "programs/run.h"
#include "programs/source_model.h"
#include "programs/step_record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline pretrain FILE.yaml [--set key=value]... [--output FOLDER] [--resume]\n"
    "       [--overwrite]\n"
    "\n"
    "Train a network on a data set: a diffusion model (learner.name denoise), or a classifier whose features\n"
    "FID is measured on (learner.name classify). The result has the same bits on any number of ranks.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  data.file             the data set, made by beeline import\n"
    "  data.test             for a classifier: a data set that it does not learn from, for its accuracy\n"
    "  network.start         a model to go on from, instead of fresh weights\n"
    "  network.*             the network to build: unet, mlp or classifier\n"
    "  diffusion.*           the noise schedule that a diffusion model learns\n"
    "  learner.rounds        optimiser steps\n"
    "  learner.batch, learner.micro_batch, learner.average, learner.optimiser.*\n"
    "  compute.*             algorithms of convolutions, memory against time, threads\n"
    "  checkpoint.every      steps between checkpoints; --resume goes on from the newest one\n"
    "\n"
    "Written into the output folder: model.nc, record.nc (loss, gradient norm and rate over steps), checkpoints;\n"
    "at the end the last one is final.nc, from which --resume goes on with more learner.rounds.\n"
    "\n"
    "Example:\n"
    "  mpirun -n 2 beeline pretrain experiments/digits/pretrain.yaml --output out/pretrain\n";

/* What is read: by the training of a network, and by that of a head. */
static const char *const reads[] = {"data.file", "data.test", "network.start", NULL}, *const head_reads[] = {
                                                                                          "data.file", "data.test",
                                                                                          "model.file", NULL};

/* How often a row goes into the record. */
enum { ROWS_PER_RUN = 1000, PATH_LENGTH = 4096 };

/* Everything that a step needs. */
typedef struct pretrainer {
  bl_run run;
  bl_head head; /**< that learns, the network being frozen; none: the network learns */
  const bl_supervised *learner;
  bl_dataset dataset, test; /* test: empty without data.test */
  bl_batches batches;
  bl_schedule schedule;
  bl_computation computation;
  bl_graph *graph;
  bl_parameter_table learned; /* what learns; of the graph, or with a head its own */
  size_t first;               /* where that begins among the graph's parameters */
  float *whole;               /* all parameters of the graph, with a head */
  bl_aggregator aggregator;
  bl_optimiser_settings settings;
  bl_rate rate;
  int slots;       /* micro-batches in a batch */
  size_t size;     /* elements of a sample */
  float *values;   /* (micro_batch, size) */
  int32_t *labels; /* (micro_batch) or NULL */
  float *work;
  bl_timing learning;
  bl_step_record record;
} pretrainer;

static void destroy(pretrainer *p) {
  bl_free(&p->values);
  bl_free(&p->labels);
  bl_free(&p->work);
  bl_aggregator_destroy(&p->aggregator);
  bl_free(&p->whole);
  if (p->head)
    bl_parameter_table_destroy(&p->learned);
  bl_graph_destroy(&p->graph);
  bl_schedule_destroy(&p->schedule);
  bl_batches_destroy(&p->batches);
  bl_dataset_destroy(&p->dataset);
  bl_dataset_destroy(&p->test);
  bl_computation_destroy(&p->computation);
  bl_run_destroy(&p->run);
}

/* Read and check what can be checked before any work. */
static bl_status check(pretrainer *p, const bl_options *options) {
  const bl_options_learner *learner = &options->learner;
  p->learner = p->head ? bl_supervised_head(p->head) : bl_supervised_find(learner->name);
  if (!p->learner)
    return bl_options_reject(options, "learner.name", "one that pre-trains: %s", bl_supervised_names());
  if (p->head)
    BL_TRY(bl_source_model_check(options));
  if (learner->micro_batch % 2 != 0)
    return bl_options_reject(options, "learner.micro_batch", "an even number of 2 or more");
  BL_TRY(bl_run_check(options));
  p->slots = learner->batch / learner->micro_batch;
  return bl_rate_create(&p->rate, &p->settings, options, &learner->optimiser, "learner.optimiser");
}

/* What a classifier is tested on. Collective. */
static bl_status read_test(pretrainer *p, const bl_options *options, MPI_Comm comm) {
  const char *path = options->data.test;
  if (path[0] == '\0')
    return BL_OK;
  if (p->learner != &bl_supervised_classify)
    return bl_options_reject(options, "data.test", "\"\" for %s, which has no accuracy", p->learner->name);
  BL_TRY(bl_options_blame(options, "data.test", bl_dataset_read_shared(&p->test, path, comm)));
  const bl_dataset *a = &p->test, *b = &p->dataset;
  if (a->channels != b->channels || a->height != b->height || a->width != b->width || a->classes != b->classes ||
      !a->labels)
    return bl_fail(
        BL_ERROR_INPUT,
        "%s: %d × %d × %d with %d classes, expected %d × %d × %d (channels × height × width) with %d classes as %s", path,
        a->channels, a->height, a->width, a->classes, b->channels, b->height, b->width, b->classes, options->data.file);
  return BL_OK;
}

/* The model to start from must be the network that is configured. Collective. */
static bl_status check_start(const bl_model_header *header, const bl_options *options, MPI_Comm comm) {
  bl_model_header found;
  if (options->network.start[0] == '\0')
    return BL_OK;
  BL_TRY(bl_options_blame(options, "network.start", bl_model_read_header_shared(&found, options->network.start, comm)));
  if (strcmp(found.prediction, "epsilon") != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: predicts %s, expected a model that predicts epsilon", options->network.start,
                   found.prediction);
  if (strcmp(found.schedule, header->schedule) != 0 || found.diffusion_steps != header->diffusion_steps ||
      found.beta_first != header->beta_first || found.beta_last != header->beta_last)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: its diffusion is \"%s\" of %d steps with beta from %g to %g, but the configuration "
                   "says \"%s\" of %d steps from %g to %g: give both the same diffusion.* keys",
                   options->network.start, found.schedule, found.diffusion_steps, found.beta_first, found.beta_last,
                   header->schedule, header->diffusion_steps, header->beta_first, header->beta_last);
  const char *key = bl_network_differs(&found.shape, &header->shape);
  if (key != NULL)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: its network differs from the configured one by %s: give both the same network.* keys",
                   options->network.start, key);
  return BL_OK;
}

/* The model that a head is for. Collective. */
static bl_status prepare_head(pretrainer *p, const bl_options *options, MPI_Comm comm) {
  bl_model_header *header = &p->run.header;
  BL_TRY(bl_source_model_read(header, &p->schedule, options, comm));
  BL_TRY(bl_source_model_limit_condition(header, options, 0));
  if (strcmp(header->prediction, "epsilon") != 0)
    return bl_fail(BL_ERROR_INPUT, "%s: predicts %s, but heads are for models that predict epsilon", options->model.file,
                   header->prediction);
  header->round = 0;
  header->distilled_steps = 0;
  snprintf(header->head, sizeof header->head, "%s", bl_head_name(p->head));
  return bl_source_model_match(header, &p->dataset, options);
}

/* What the configuration says of the network and its diffusion. Collective. */
static bl_status prepare_fresh(pretrainer *p, const bl_options *options, MPI_Comm comm) {
  const bl_options_diffusion *diffusion = &options->diffusion;
  bl_model_header *header = &p->run.header;
  BL_TRY(bl_network_configure(&header->shape, options, p->dataset.channels, p->dataset.height, p->dataset.width,
                              diffusion->steps, p->dataset.classes));
  const bool denoises = p->learner == &bl_supervised_denoise;
  if (denoises != (header->shape.kind != BL_NETWORK_CLASSIFIER))
    return bl_options_reject(options, "network.kind", "%s for learner.name %s", denoises ? "unet or mlp" : "classifier",
                             p->learner->name);
  if (!denoises && !p->dataset.labels)
    return bl_fail(BL_ERROR_INPUT, "%s: has no labels, which learner.name classify needs", options->data.file);
  if (denoises) {
    BL_TRY(bl_options_blame(options, "diffusion.schedule",
                            bl_schedule_create(&p->schedule, diffusion->schedule, diffusion->steps, diffusion->beta_first,
                                               diffusion->beta_last)));
    snprintf(header->schedule, sizeof header->schedule, "%s", diffusion->schedule);
    header->diffusion_steps = diffusion->steps;
    header->beta_first = diffusion->beta_first;
    header->beta_last = diffusion->beta_last;
  }
  return check_start(header, options, comm);
}

static bl_status prepare(pretrainer *p, const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  BL_TRY(check(p, options));
  BL_TRY(bl_computation_create(&p->computation, options));
  BL_TRY(bl_run_read_data(&p->dataset, &p->batches, NULL, options, invocation->comm));
  if (p->head)
    BL_TRY(prepare_head(p, options, invocation->comm));
  else
    BL_TRY(prepare_fresh(p, options, invocation->comm));
  BL_TRY(read_test(p, options, invocation->comm));
  p->size = bl_dataset_sample_size(&p->dataset);
  return BL_OK;
}

/* The network, and room for its work. Collective. */
static bl_status prepare_network(pretrainer *p) {
  const bl_options *options = p->run.options;
  bl_network_shape shape = p->run.header.shape;
  shape.head = p->head != BL_HEAD_NONE;
  const size_t batch = (size_t)options->learner.micro_batch;
  const bl_network_plan plan = {&shape, (int)batch, BL_GRAPH_TRAINING, &p->computation.learn};
  BL_TRY(bl_computation_settle(&p->computation, p->run.algorithms, &plan, 1, p->run.invocation->comm));
  p->run.provenance.algorithms = bl_computation_text(&p->computation);
  BL_TRY(bl_options_blame(options, "network.kind",
                          bl_network_create_with(&p->graph, plan.shape, plan.batch, plan.mode, false, plan.compute)));
  const bl_parameter_table *table = bl_graph_parameters(p->graph);
  p->learned = *table;
  if (p->head) {
    BL_TRY(bl_network_head_table(&p->learned, &p->first, table));
    BL_TRY(bl_allocate(&p->whole, table->count, sizeof *p->whole));
  }
  const size_t widest = p->size > (size_t)p->dataset.classes ? p->size : (size_t)p->dataset.classes;
  BL_TRY(bl_allocate(&p->values, batch * p->size, sizeof *p->values));
  if (p->learner == &bl_supervised_classify)
    BL_TRY(bl_allocate(&p->labels, batch, sizeof *p->labels));
  return bl_allocate(&p->work, batch * (6 * widest + 1), sizeof *p->work);
}

/* Fresh weights on every rank, or those of network.start; those that are frozen are the model's. Collective. */
static bl_status initialise(pretrainer *p) {
  const bl_parameter_table *table = &p->learned;
  const bl_options *options = p->run.options;
  const MPI_Comm comm = p->run.world.comm;
  float *values = NULL;
  BL_AGREE(bl_allocate(&values, table->count, sizeof *values), comm);
  bl_status status = BL_OK;
  if (p->head || options->network.start[0] == '\0')
    bl_parameter_initialise(values, table, (uint64_t)options->seed);
  else
    status = bl_options_blame(options, "network.start",
                              bl_model_read_weights_shared(values, options->network.start, table, true, comm));
  if (status == BL_OK)
    bl_aggregator_set(&p->aggregator, values);
  bl_free(&values);
  if (status != BL_OK || !p->head)
    return status;
  const bl_parameter_table trunk = bl_network_trunk_table(bl_graph_parameters(p->graph));
  BL_TRY(bl_source_model_weights(p->whole, &trunk, options, comm));
  p->run.header.model_checksum = bl_model_checksum(0, p->whole, trunk.count);
  return BL_OK;
}

/* With --resume, take the newest checkpoint, which must belong to the same model. Collective. */
static bl_status resume(pretrainer *p) {
  const uint32_t expected = p->run.header.model_checksum;
  BL_TRY(bl_run_resume(&p->run, &(bl_checkpoint_entry){"model", &p->aggregator}, 1));
  if (p->run.header.model_checksum != expected)
    return bl_fail(BL_ERROR_INPUT,
                   "%s: its weights (checksum %08" PRIx32 ") are not those that the checkpoints in %s belong to (%08" PRIx32
                   "): give that model, or choose another output folder",
                   p->run.options->model.file, expected, p->run.options->output, p->run.header.model_checksum);
  return BL_OK;
}

/* Give the graph what was learned so far. */
static bl_status load(pretrainer *p) {
  if (!p->head)
    return bl_graph_load(p->graph, p->aggregator.values);
  memcpy(p->whole + p->first, p->aggregator.values, p->learned.count * sizeof *p->whole);
  return bl_graph_load(p->graph, p->whole);
}

/* A sink: what learns may be the end of the graph's parameters only. */
static void take(void *context, size_t first, size_t count, const float *gradient) {
  pretrainer *p = context;
  bl_aggregator_add(&p->aggregator, first - p->first, count, gradient);
}

/* One optimiser step. */
static bl_status step(bl_step_report *report, pretrainer *p, int64_t round) {
  const bl_group *group = &p->run.world.generators;
  const size_t batch = (size_t)p->run.options->learner.micro_batch;
  if (group->rank >= 0)
    BL_TRY(load(p));
  for (int m = group->rank; m >= 0 && m < p->slots; m += group->size) {
    const size_t first = (size_t)m * batch;
    const bl_sample_batch samples = {.values = p->values,
                                     .labels = p->labels,
                                     .count = batch,
                                     .size = p->size,
                                     .seed = (uint64_t)p->run.options->seed,
                                     .round = (uint32_t)round,
                                     .first = (uint32_t)first,
                                     .work = p->work};
    double loss;
    bl_timing_begin(&p->learning);
    bl_batches_get(p->values, p->labels, &p->batches, round, first, batch);
    BL_TRY(p->learner->gradient(&(bl_gradient_sink){take, p}, &loss, p->graph, &p->schedule, &samples));
    bl_timing_end(&p->learning);
    bl_aggregator_add_figures(&p->aggregator, &loss, 1);
  }
  return bl_aggregator_step(&p->aggregator, report, bl_rate_at(&p->rate, round, p->run.options->learner.rounds), p->slots);
}

/* All steps of this session. \param [out] stopped  whether more are left. */
static bl_status learn(pretrainer *p, bool *stopped) {
  const bl_step_record_plan plan = {
      .title = p->head ? "moments" : "pretrain", .program = "pretrain", .loss = "mean loss since the row before"};
  const bl_checkpoint_entry entry = {"model", &p->aggregator};
  const int64_t rounds = p->run.rounds, interval = rounds > ROWS_PER_RUN ? rounds / ROWS_PER_RUN : 1;
  bl_status status = bl_step_record_open(&p->record, &p->run, &plan);
  *stopped = false;
  for (int64_t round = p->run.first_round; status == BL_OK && round < rounds && !*stopped; round++) {
    bl_step_report report = {0};
    BL_GOTO(bl_run_agree(&p->run, step(&report, p, round)));
    bl_step_record_add(&p->record, &report);
    if ((round + 1) % interval == 0 || round + 1 == rounds)
      BL_GOTO(bl_step_record_row(&p->record, round, bl_rate_at(&p->rate, round, rounds), 0));
    BL_GOTO(bl_run_round_done(stopped, &p->run, &entry, 1));
  }
done:
  bl_step_record_close(&p->record);
  return status;
}

static bl_status finish(pretrainer *p, double seconds) {
  char path[PATH_LENGTH];
  const size_t batch = (size_t)p->run.options->learner.micro_batch;
  double own = 0, *test = &p->run.header.accuracy;
  if (p->labels)
    BL_TRY(bl_accuracy_measure(&own, p->graph, &p->aggregator, &p->run.world, &p->dataset, batch, p->values, p->work));
  if (p->test.count > 0)
    BL_TRY(bl_accuracy_measure(test, p->graph, &p->aggregator, &p->run.world, &p->test, batch, p->values, p->work));
  BL_TRY(bl_run_write_model(&p->run, &p->aggregator));
  if (p->run.world.rank != 0)
    return BL_OK;
  bl_run_path(path, sizeof path, &p->run, "model.nc");
  bl_print("\n  %-22s %s\n", "model", path);
  bl_print("  %-22s %s%s%s, %zu parameters\n", "network", p->head ? bl_head_name(p->head) : "",
           p->head ? " head of a " : "", bl_network_kind_name(p->run.header.shape.kind), p->learned.count);
  if (!isnan(p->record.loss)) /* no step is left to do after a stop at the last one */
    bl_print("  %-22s %.4f\n", "loss at the end", p->record.loss);
  if (p->labels)
    bl_print("  %-22s %.2f %%\n", "accuracy on its data", 100 * own);
  if (p->test.count > 0)
    bl_print("  %-22s %.2f %% of the %zu samples of %s\n", "accuracy in the test", 100 * *test, p->test.count,
             p->run.options->data.test);
  bl_run_print_time(&p->run, seconds);
  return BL_OK;
}

static bl_status train(const bl_invocation *invocation, bl_head head) {
  const bl_options *options = invocation->options;
  const double start = bl_clock_seconds();
  bool stopped;
  pretrainer p = {.head = head, .learning = {.name = "gradients"}};
  bl_status status;
  BL_GOTO(bl_agree(prepare(&p, invocation), invocation->comm));
  const bl_model_header header = p.run.header;
  BL_GOTO(bl_run_create(&p.run, invocation, &(bl_run_plan){.reads = head ? head_reads : reads, .extends = true}));
  if (p.run.finished) {
    bl_log("%s: this run is finished already", options->output);
    goto done;
  }
  p.run.header = header;
  BL_GOTO(bl_agree(prepare_network(&p), invocation->comm));
  BL_GOTO(bl_run_divide(&p.run, p.run.split));
  BL_GOTO(bl_agree(bl_aggregator_create(&p.aggregator, &p.run.world, bl_sharing_policy(&p.run.world), "network", &p.learned,
                                        p.settings, options->learner.optimiser.clip, options->learner.average),
                   invocation->comm));
  BL_GOTO(initialise(&p));
  BL_GOTO(resume(&p));
  BL_GOTO(learn(&p, &stopped));
  BL_GOTO(bl_aggregator_account(&p.aggregator, &p.learning, p.run.world.comm));
  BL_GOTO(bl_run_account(&p.run));
  if (stopped) {
    status = bl_run_explain_stop(&p.run);
    goto done;
  }
  BL_GOTO(finish(&p, bl_clock_seconds() - start));
  status = bl_run_finish(&p.run);
done:
  destroy(&p);
  return status;
}

static bl_status pretrain(const bl_invocation *invocation) {
  return train(invocation, BL_HEAD_NONE);
}

bl_status bl_pretrain_head(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  bl_head head = BL_HEAD_NONE;
  BL_TRY(bl_options_blame(options, "moments.head", bl_head_parse(&head, options->moments.head)));
  return train(invocation, head);
}

const bl_program bl_program_pretrain = {.name = "pretrain",
                                        .summary = "train a diffusion model or a classifier on a data set",
                                        .help = help,
                                        .resumes = true,
                                        .run = pretrain};
