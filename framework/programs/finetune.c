#include "programs/finetune.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "learner/sft_pg.h"
#include "network/computation.h"
#include "network/configure.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/finetune_measure.h"
#include "programs/finetune_record.h"
#include "programs/held_out.h"
#include "programs/run.h"
#include "programs/source_model.h"
#include "report/outcome.h"
#include "roles/ring.h"
#include "roles/round.h"
#include "roles/split.h"
#include "sampler/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline finetune FILE.yaml [--set key=value]... [--roles SPLIT] [--output FOLDER] [--resume]\n"
    "       [--overwrite]\n"
    "\n"
    "Fine-tune a pre-trained diffusion model for sampling in few steps by SFT-PG: a critic learns to tell real from\n"
    "generated samples, and the model follows the policy gradient of its judgement. The work is shared by three roles,\n"
    "generators, critics and aggregators; the result has the same bits for any number of ranks and any split: all, G:C:A,\n"
    "or auto, which measures what the pieces of a round cost and takes the fastest. With learner.name backprop_chain the\n"
    "critic's gradient goes back through all steps of the chain instead, as in a Wasserstein GAN, for comparison.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the pre-trained model, made by beeline pretrain\n"
    "  data.file             the data set, made by beeline import\n"
    "  sampler.*             the chain of few steps that is fine-tuned\n"
    "  learner.rounds, learner.n_critic, learner.n_generator, learner.optimiser.*\n"
    "  learner.keep          backprop_chain: memory against time\n"
    "  critic.*, value.*     the networks f and V, where they start (critic.start), what keeps f smooth\n"
    "  monitor.*             what else the record tells: singular values of the critic, surrogate, KL, held-out IPM\n"
    "  compute.*             algorithms of convolutions, bfloat16 in rollouts, memory against time, threads\n"
    "  metrics.*             what is measured before, during and after\n"
    "\n"
    "Written into the output folder: model.nc, record.nc (one row a round), before-after.png, summary.txt, checkpoints;\n"
    "at the end the last one is final.nc, from which --resume goes on with more learner.rounds.\n"
    "\n"
    "Example:\n"
    "  mpirun -n 2 beeline finetune experiments/digits/finetune.yaml --output out/digits\n";

static const bl_run_plan plan_of_run = {
    .reads = (const char *const[]){"data.", "model.file", "sampler.", "metrics.", "critic.start", NULL},
    .critics = true,
    .extends = true,
    .result = "summary.txt"};

enum { PATH_LENGTH = 4096 };

/* Everything that a run needs. */
typedef struct finetuner {
  bl_run run;
  bl_sft_pg method;
  bl_dataset dataset;
  bl_batches batches;
  bl_schedule schedule;
  bl_chain chain;
  bl_computation computation;
  bl_network_shape critic_shape, value_shape;
  bl_graph *sampler;                  /* ε network for measuring, on every rank */
  bl_graph *critic_plan, *value_plan; /* for their parameter tables, on every rank */
  bl_ring_plan plan;
  bl_ring ring;
  bl_checkpoint_entry networks[3]; /* of the ring: θ, f and V, by their names in files */
  bl_optimiser_settings policy_settings, critic_settings, value_settings;
  bl_rate policy_rate, critic_rate, value_rate;
  bl_finetune_measure measure;
  bl_held_out held_out;
  bl_finetune_record *record;
} finetuner;

static void destroy(finetuner *f) {
  (void)bl_finetune_record_close(&f->record);
  bl_held_out_destroy(&f->held_out);
  bl_finetune_measure_destroy(&f->measure);
  bl_ring_destroy(&f->ring);
  bl_graph_destroy(&f->sampler);
  bl_graph_destroy(&f->critic_plan);
  bl_graph_destroy(&f->value_plan);
  bl_chain_destroy(&f->chain);
  bl_schedule_destroy(&f->schedule);
  bl_batches_destroy(&f->batches);
  bl_dataset_destroy(&f->dataset);
  bl_computation_destroy(&f->computation);
  bl_run_destroy(&f->run);
}

/* Check what the configuration alone can tell. */
static bl_status check(finetuner *f, const bl_options *options) {
  const bl_options_learner *learner = &options->learner;
  if (strcmp(learner->name, "sft_pg") != 0 && strcmp(learner->name, "backprop_chain") != 0)
    return bl_options_reject(options, "learner.name", "sft_pg or backprop_chain");
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_run_check(options));
  if (options->monitor.held_out > 0 && options->data.test[0] == '\0')
    return bl_options_reject(options, "monitor.held_out", "0 without data.test, real samples that nothing learns from");
  BL_TRY(bl_rate_create(&f->policy_rate, &f->policy_settings, options, &learner->optimiser, "learner.optimiser"));
  BL_TRY(bl_rate_create(&f->critic_rate, &f->critic_settings, options, &options->critic.optimiser, "critic.optimiser"));
  return bl_rate_create(&f->value_rate, &f->value_settings, options, &options->value.optimiser, "value.optimiser");
}

/* Model, data, chain: everything before there are networks. Collective. */
static bl_status prepare(finetuner *f, bl_model_header *header, const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  bl_dataset *data = &f->dataset;
  BL_AGREE(check(f, options), invocation->comm);
  BL_TRY(bl_computation_create(&f->computation, options));
  BL_TRY(bl_source_model_read(header, &f->schedule, options, invocation->comm));
  BL_TRY(bl_source_model_refuse_condition(header, options));
  const bl_network_shape *shape = &header->shape;
  bl_prediction prediction;
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&prediction, header->prediction)));
  BL_TRY(bl_run_read_data(data, &f->batches, header, options, invocation->comm));
  BL_TRY(bl_finetune_measure_open(&f->measure, data, options, invocation->comm));
  /* Back-propagation needs no log-density. */
  const bool backprop = strcmp(options->learner.name, "backprop_chain") == 0;
  BL_AGREE(bl_sampler_plan(&f->chain, &f->schedule, options, !backprop), invocation->comm);
  bl_chain_set_prediction(&f->chain, prediction);
  if (f->chain.clip)
    return bl_options_reject(options, "sampler.clip", "false for fine-tuning");
  if (f->chain.depth > 0 || f->chain.head)
    return bl_options_reject(options, "sampler.name", "a sampler of Gaussian steps for fine-tuning");
  BL_TRY(bl_sampler_check_network(&f->chain, shape, options));
  BL_TRY(bl_sft_pg_configure(&f->method, options, bl_dataset_sample_size(data), f->chain.steps));
  bl_network_configure_critic(&f->critic_shape, options, data->channels, data->height, data->width);
  bl_network_configure_value(&f->value_shape, options, data->channels, data->height, data->width, f->chain.steps);
  return BL_OK;
}

/* The networks, and what the roles will work on. Collective. */
static bl_status prepare_networks(finetuner *f, const bl_network_shape *shape) {
  const bl_options *options = f->run.options;
  const bl_computation *computation = &f->computation;
  const int batch = options->learner.micro_batch, all = f->chain.steps * batch;
  const bl_sft_pg *method = &f->method;
  const bl_network_plan graphs[] = {{shape, batch, BL_GRAPH_INFERENCE, &computation->rollout},
                                    {shape, batch, BL_GRAPH_TRAINING, &computation->learn},
                                    {&f->critic_shape, 2 * batch, BL_GRAPH_TRAINING, &computation->learn},
                                    {&f->critic_shape, batch, method->backprop ? BL_GRAPH_TRAINING : BL_GRAPH_INFERENCE,
                                     method->backprop ? &computation->learn : &computation->judge},
                                    {&f->value_shape, all, BL_GRAPH_TRAINING, &computation->learn},
                                    {&f->value_shape, all, BL_GRAPH_INFERENCE, &computation->judge}};
  BL_TRY(bl_computation_settle(&f->computation, f->run.algorithms, graphs,
                               (int)(sizeof graphs / sizeof graphs[0]) - (method->without_value ? 2 : 0),
                               f->run.invocation->comm));
  f->run.provenance.algorithms = bl_computation_text(computation);
  BL_TRY(bl_network_create_with(&f->sampler, shape, batch, BL_GRAPH_INFERENCE, false, &computation->rollout));
  BL_TRY(bl_options_blame(options, "critic.widths",
                          bl_network_create(&f->critic_plan, &f->critic_shape, 1, BL_GRAPH_INFERENCE, false)));
  if (!method->without_value)
    BL_TRY(bl_options_blame(options, "value.widths",
                            bl_network_create(&f->value_plan, &f->value_shape, 1, BL_GRAPH_INFERENCE, false)));
  f->plan = (bl_ring_plan){.policy = {.shape = shape,
                                      .table = bl_graph_parameters(f->sampler),
                                      .optimiser = f->policy_settings,
                                      .clip = options->learner.optimiser.clip,
                                      .average = options->learner.average},
                           .critic = {.shape = &f->critic_shape,
                                      .table = bl_graph_parameters(f->critic_plan),
                                      .optimiser = f->critic_settings,
                                      .clip = options->critic.optimiser.clip},
                           .value = {.shape = &f->value_shape,
                                     .table = f->value_plan ? bl_graph_parameters(f->value_plan) : NULL,
                                     .optimiser = f->value_settings,
                                     .clip = options->value.optimiser.clip},
                           .computation = computation,
                           .method = &f->method,
                           .chain = &f->chain,
                           .data = &f->batches,
                           .slots = options->learner.batch / batch};
  return BL_OK;
}

/* θ, f and, where there is one, V. */
static int networks_that_learn(const finetuner *f) {
  return f->method.without_value ? 2 : 3;
}

/* θ from the model file; f and V drawn, or from the checkpoint that critic.start names. */
static bl_status initialise(finetuner *f) {
  const bl_options *options = f->run.options;
  const char *start = options->critic.start;
  float *values = NULL;
  BL_AGREE(bl_allocate(&values, f->ring.policy.table->count, sizeof *values), f->run.world.comm);
  bl_status status = bl_source_model_weights(values, f->ring.policy.table, options, f->run.world.comm);
  if (status == BL_OK)
    bl_aggregator_set(&f->ring.policy, values);
  bl_free(&values);
  BL_TRY(status);
  for (int i = 1; i < networks_that_learn(f); i++) {
    const bl_checkpoint_entry *judge = &f->networks[i];
    const bl_parameter_table *table = judge->aggregator->table;
    BL_AGREE(bl_allocate(&values, table->count, sizeof *values), f->run.world.comm);
    if (start[0] == '\0')
      bl_parameter_initialise(values, table, (uint64_t)options->seed + (uint64_t)i);
    else
      status = bl_options_blame(options, "critic.start",
                                bl_model_read_part_shared(values, start, judge->part, table, f->run.world.comm));
    if (status == BL_OK)
      bl_aggregator_set(judge->aggregator, values);
    bl_free(&values);
    BL_TRY(status);
  }
  return BL_OK;
}

static bl_status open_record(finetuner *f) {
  char path[PATH_LENGTH];
  if (f->run.world.rank != 0)
    return BL_OK;
  bl_run_path(path, sizeof path, &f->run, "record.nc");
  return bl_finetune_record_open(&f->record, path, f->run.options, f->critic_shape.width_count + 1, f->chain.steps,
                                 f->run.first_round, f->run.rounds, &f->run.provenance);
}

/* Of the rank that needs most, in MiB. Collective. */
static bl_status peak_memory(double *memory, MPI_Comm comm) {
  *memory = (double)bl_memory_peak() / 1048576;
  return BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, memory, 1, MPI_DOUBLE, MPI_MAX, comm), comm);
}

/* A row of the record, on rank 0, as long as it can be written. */
static bl_status append(finetuner *f, int64_t round, const bl_finetune_row *row) {
  if (!f->record || !bl_run_has_record(&f->run))
    return BL_OK;
  return bl_run_appended(&f->run, bl_finetune_record_append(f->record, round, row), round);
}

/* All rounds of this session. Collective. \param [out] stopped  whether more are left. */
static bl_status learn(finetuner *f, bool *stopped) {
  const bl_options *options = f->run.options;
  const int64_t rounds = options->learner.rounds;
  const double samples = (double)options->learner.batch * options->learner.n_critic;
  bl_progress *progress = NULL;
  bl_status status = bl_progress_start(&progress, "finetune", f->run.first_round, rounds);
  double distance = NAN;
  *stopped = false;
  for (int64_t round = f->run.first_round; status == BL_OK && round < rounds && !*stopped; round++) {
    double held_out[2];
    const double began = bl_clock_seconds();
    BL_GOTO(bl_held_out_begin(&f->held_out));
    const double start = bl_clock_seconds();
    const bl_round_rates rates = {.policy = bl_rate_at(&f->policy_rate, round, rounds),
                                  .critic = bl_rate_at(&f->critic_rate, round, rounds),
                                  .value = bl_rate_at(&f->value_rate, round, rounds)};
    bl_round_report report;
    BL_GOTO(
        bl_run_agree(&f->run, bl_round_run(&report, &f->ring.generators, &f->ring.critics, &f->ring.policy, round, rates)));
    const double speed = samples / fmax(bl_clock_seconds() - start, 1e-9);
    double memory;
    BL_GOTO(peak_memory(&memory, f->run.world.comm));
    BL_GOTO(bl_held_out_estimate(&held_out[0], &held_out[1], &f->held_out));
    const bool due = options->metrics.every > 0 && (round + 1) % options->metrics.every == 0;
    double measured = NAN;
    if (due) {
      BL_GOTO(bl_finetune_measure_distance(&measured, &f->measure));
      distance = measured;
    }
    const bl_finetune_row row = {.report = report,
                                 .rate = rates.policy,
                                 .seconds = bl_clock_seconds() - began,
                                 .speed = speed,
                                 .memory = memory,
                                 .distance = measured,
                                 .held_out_before = held_out[0],
                                 .held_out_after = held_out[1]};
    char latest[48] = "", line[1024], rest[96];
    bl_finetune_row_print(line, sizeof line, &row, round, rounds);
    bl_run_row(rest, sizeof rest, &f->run, round);
    bl_progress_row(progress, "program=finetune %s %s", line, rest);
    if (!isnan(distance))
      snprintf(latest, sizeof latest, "  %s %.3g", bl_finetune_measure_label(&f->measure), distance);
    bl_progress_update(progress, round + 1, "critic %+.3f  value %.3f  norm %.3f  %.0f images/s%s",
                       bl_finetune_row_ipm(&row), report.critic.value_loss, report.norm, speed, latest);
    BL_GOTO(bl_agree(append(f, round, &row), f->run.world.comm));
    BL_GOTO(bl_run_round_done(stopped, &f->run, f->networks, networks_that_learn(f)));
  }
done:
  bl_progress_finish(&progress);
  return status;
}

/* Picture and table. Collective. */
static bl_status measure_result(finetuner *f, double start) {
  BL_TRY(bl_finetune_measure_take(&f->measure, 1));
  return f->run.world.rank == 0 ? bl_finetune_measure_report(&f->measure, bl_clock_seconds() - start) : BL_OK;
}

/* Model, picture and table. Collective. */
static bl_status finish(finetuner *f, double start) {
  BL_TRY(bl_run_write_model(&f->run, &f->ring.policy));
  return measure_result(f, start);
}

/* A run that was interrupted while its model, which is finished, was measured. Collective. */
static bl_status measure_finished(finetuner *f, double start) {
  const MPI_Comm comm = f->run.world.comm;
  char path[PATH_LENGTH];
  bl_model_header header;
  float *values = NULL;
  bl_run_path(path, sizeof path, &f->run, "model.nc");
  bl_log("%s: this run is finished but for its last measurement, which is made now", path);
  BL_TRY(bl_model_read_header_shared(&header, path, comm));
  BL_AGREE(bl_allocate(&values, f->ring.policy.table->count, sizeof *values), comm);
  const bl_status status = bl_model_read_weights_shared(values, path, f->ring.policy.table, true, comm);
  if (status == BL_OK)
    bl_aggregator_set(&f->ring.policy, values);
  bl_free(&values);
  BL_TRY(status);
  f->run.header.round = header.round;
  return measure_result(f, start);
}

/* A run that was finished before: show its table again. */
static void show_summary(const finetuner *f) {
  char path[PATH_LENGTH];
  bl_run_path(path, sizeof path, &f->run, "summary.txt");
  bl_log("%s: this run is finished already; its result:", f->run.options->output);
  if (f->run.rank == 0)
    bl_outcome_show(path);
}

static bl_status finetune(const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  const double start = bl_clock_seconds();
  finetuner f = {0};
  bl_model_header header = {0};
  bool stopped;
  bl_status status;
  BL_GOTO(bl_agree(prepare(&f, &header, invocation), invocation->comm));
  BL_GOTO(bl_run_create(&f.run, invocation, &plan_of_run));
  if (f.run.finished) {
    show_summary(&f);
    goto done;
  }
  f.run.header = header;
  f.run.header.round = 0;
  BL_GOTO(bl_agree(prepare_networks(&f, &f.run.header.shape), invocation->comm));
  bl_split split = f.run.split;
  if (f.run.automatic && f.method.backprop)
    split = (bl_split){f.run.provenance.ranks, f.run.provenance.ranks, f.run.provenance.ranks}; /* no image has to move */
  else if (f.run.automatic)
    BL_GOTO(bl_split_automatic(&split, &f.plan, invocation->comm));
  BL_GOTO(bl_run_divide(&f.run, split));
  BL_GOTO(bl_finetune_measure_create(&f.measure, &f.run, &f.chain, f.sampler, &f.ring.policy));
  BL_GOTO(bl_agree(bl_ring_create(&f.ring, &f.run.world, &f.plan), invocation->comm));
  if (f.method.backprop)
    bl_log("backprop_chain: %.2f MiB of activations for the %d steps of a micro-batch (learner.keep: %s)",
           (double)bl_backprop_chain_memory(&f.ring.backprop.unrolled) / 1048576, f.chain.steps, options->learner.keep);
  f.networks[0] = (bl_checkpoint_entry){"model", &f.ring.policy};
  f.networks[1] = (bl_checkpoint_entry){"critic", &f.ring.critic};
  f.networks[2] = (bl_checkpoint_entry){"value", &f.ring.value};
  BL_GOTO(initialise(&f));
  BL_GOTO(bl_held_out_create(&f.held_out, options, &f.dataset, &f.chain, f.sampler, &f.critic_shape, &f.ring.policy,
                             &f.ring.critic, &f.run.world));
  BL_GOTO(bl_finetune_measure_take(&f.measure, 0));
  BL_GOTO(bl_run_check_interrupt(&f.run));
  if (f.run.folder.use == BL_RUN_MEASURE) {
    status = bl_agree(measure_finished(&f, start), invocation->comm);
    goto done;
  }
  BL_GOTO(bl_run_resume(&f.run, f.networks, networks_that_learn(&f)));
  BL_GOTO(bl_agree(open_record(&f), invocation->comm));
  BL_GOTO(learn(&f, &stopped));
  BL_GOTO(bl_ring_account(&f.ring, f.run.world.comm));
  BL_GOTO(bl_run_account(&f.run));
  if (stopped) {
    status = bl_run_explain_stop(&f.run);
    goto done;
  }
  BL_GOTO(bl_agree(finish(&f, start), invocation->comm));
  status = bl_run_finish(&f.run);
done:
  destroy(&f);
  return status;
}

bl_status bl_finetune_check(const bl_invocation *invocation) {
  finetuner f = {0};
  bl_model_header header = {0};
  bl_status status = bl_agree(prepare(&f, &header, invocation), invocation->comm);
  if (status == BL_OK)
    status = bl_run_create(&f.run, invocation, &plan_of_run);
  destroy(&f);
  return status;
}

const bl_program bl_program_finetune = {.name = "finetune",
                                        .summary = "fine-tune a diffusion model for few steps by policy gradient",
                                        .help = help,
                                        .resumes = true,
                                        .run = finetune};
