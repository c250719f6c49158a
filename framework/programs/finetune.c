#include "programs/finetune.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/progress.h"
#include "learner/policy_learner.h"
#include "learner/rate.h"
#include "network/computation.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "programs/finetune_measure.h"
#include "programs/finetune_record.h"
#include "programs/run.h"
#include "programs/source_model.h"
#include "report/outcome.h"
#include "roles/automatic_split.h"
#include "roles/held_out.h"
#include "roles/ring.h"
#include "roles/round.h"
#include "sampler/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline finetune FILE.yaml [--set key=value]... [--roles SPLIT] [--output FOLDER] [--resume]\n"
    "       [--overwrite]\n"
    "\n"
    "Fine-tune a pre-trained diffusion model for sampling in few steps: a critic learns to tell real from generated\n"
    "samples, and the model learns from its judgement in the way that learner.name says, by policy gradient at first. The\n"
    "work is shared by three roles, generators, critics and aggregators; the result has the same bits for any number of\n"
    "ranks and any split: all, G:C:A, or auto, which measures what the pieces of a round cost and takes the fastest.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  model.file            the pre-trained model, made by beeline pretrain\n"
    "  data.file             the data set, made by beeline import\n"
    "  sampler.*             the chain of few steps that is fine-tuned\n"
    "  learner.name          how the policy learns\n"
    "  learner.rounds, learner.n_critic, learner.n_generator, learner.optimiser.*\n"
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
  bl_policy_method method;
  bl_dataset dataset;
  bl_batches batches;
  bl_schedule schedule;
  bl_chain chain;
  bl_condition labels;           /* of all classes in turn */
  const bl_condition *condition; /* these where the model takes a label, else NULL */
  bl_computation computation;
  bl_judge_network judge[BL_JUDGE_NETWORKS];
  int judge_count;
  bl_graph *sampler;                   /* the policy's network for measuring, on every rank */
  bl_graph *tables[BL_JUDGE_NETWORKS]; /* networks of the judge for their parameter tables, on every rank */
  bl_ring_plan plan;
  bl_ring ring;
  bl_checkpoint_entry networks[BL_NETWORKS]; /* of the ring, by their names in files */
  bl_optimiser_settings settings[BL_NETWORKS];
  bl_rate rates[BL_NETWORKS];
  bl_finetune_measure measure;
  bl_held_out held_out;
  bl_finetune_columns columns;
  bl_record *record;
} finetuner;

static void destroy(finetuner *f) {
  (void)bl_record_close(&f->record);
  bl_held_out_destroy(&f->held_out);
  bl_finetune_measure_destroy(&f->measure);
  bl_ring_destroy(&f->ring);
  bl_graph_destroy(&f->sampler);
  for (int i = 0; i < BL_JUDGE_NETWORKS; i++)
    bl_graph_destroy(&f->tables[i]);
  bl_chain_destroy(&f->chain);
  bl_schedule_destroy(&f->schedule);
  bl_batches_destroy(&f->batches);
  bl_dataset_destroy(&f->dataset);
  bl_computation_destroy(&f->computation);
  bl_run_destroy(&f->run);
}

/* Rates and optimisers of all networks that learn. The shapes of the judge's do not matter here. */
static bl_status configure_rates(finetuner *f, const bl_options *options) {
  const bl_policy_method any = {.learner = f->method.learner, .steps = 1, .has_value = true};
  bl_judge_network networks[BL_JUDGE_NETWORKS];
  const int count = any.learner->judge->networks(networks, &any, options, 1, 1, 1);
  BL_TRY(bl_rate_create(&f->rates[0], &f->settings[0], options, &options->learner.optimiser, "learner.optimiser"));
  for (int i = 0; i < count; i++)
    BL_TRY(
        bl_rate_create(&f->rates[1 + i], &f->settings[1 + i], options, networks[i].optimiser, networks[i].optimiser_key));
  return BL_OK;
}

/* Check what the configuration alone can tell. */
static bl_status check(finetuner *f, const bl_options *options) {
  BL_TRY(bl_policy_learner_find(&f->method.learner, options));
  BL_TRY(bl_source_model_check(options));
  BL_TRY(bl_run_check(options));
  if (options->monitor.held_out > 0 && options->data.test[0] == '\0')
    return bl_options_reject(options, "monitor.held_out", "0 without data.test, real samples that nothing learns from");
  return configure_rates(f, options);
}

/* Model, data, chain: everything before there are networks. Collective. */
static bl_status prepare(finetuner *f, bl_model_header *header, const bl_invocation *invocation) {
  const bl_options *options = invocation->options;
  bl_dataset *data = &f->dataset;
  BL_AGREE(check(f, options), invocation->comm);
  BL_TRY(bl_computation_create(&f->computation, options));
  BL_TRY(bl_source_model_read(header, &f->schedule, options, invocation->comm));
  BL_TRY(bl_source_model_limit_condition(header, options, 1));
  f->labels = bl_condition_labels(&header->shape.classes);
  f->condition = header->shape.condition > 0 ? &f->labels : NULL;
  const bl_network_shape *shape = &header->shape;
  bl_prediction prediction;
  BL_TRY(bl_options_blame(options, "model.file", bl_prediction_parse(&prediction, header->prediction)));
  BL_TRY(bl_run_read_data(data, &f->batches, header, options, invocation->comm));
  BL_TRY(bl_finetune_measure_open(&f->measure, data, options, invocation->comm));
  const bl_policy_learner *learner = f->method.learner;
  BL_AGREE(bl_sampler_plan(&f->chain, &f->schedule, options, learner->needs_density), invocation->comm);
  bl_chain_set_prediction(&f->chain, prediction);
  if (f->chain.clip)
    return bl_options_reject(options, "sampler.clip", "false for fine-tuning");
  if (f->chain.depth > 0 || f->chain.head)
    return bl_options_reject(options, "sampler.name", "a sampler of Gaussian steps for fine-tuning");
  BL_TRY(bl_sampler_check_network(&f->chain, shape, options));
  BL_TRY(bl_policy_method_configure(&f->method, learner, options, bl_dataset_sample_size(data), f->chain.steps));
  f->judge_count = learner->judge->networks(f->judge, &f->method, options, data->channels, data->height, data->width);
  return BL_OK;
}

/* Choose the algorithms of all graphs. Collective. */
static bl_status settle(finetuner *f, const bl_network_shape *shape) {
  const int batch = (int)f->method.micro_batch;
  const bl_judge_plan judge = {&f->method, f->judge, f->judge_count, &f->computation};
  bl_network_plan graphs[2 + BL_JUDGE_GRAPHS] = {{shape, batch, BL_GRAPH_INFERENCE, &f->computation.rollout},
                                                 {shape, batch, BL_GRAPH_TRAINING, &f->computation.learn}};
  const bl_judge_kind *kind = f->method.learner->judge;
  const int count = 2 + (kind->graphs != NULL ? kind->graphs(graphs + 2, &judge) : 0);
  BL_TRY(bl_computation_settle(&f->computation, f->run.algorithms, graphs, count, f->run.invocation->comm));
  f->run.provenance.algorithms = bl_computation_text(&f->computation);
  return BL_OK;
}

/* A network of the judge, for the plan. */
static bl_status plan_judge_network(finetuner *f, int index) {
  const bl_judge_network *network = &f->judge[index];
  BL_TRY(bl_options_blame(f->run.options, network->key,
                          bl_network_create(&f->tables[index], &network->shape, 1, BL_GRAPH_INFERENCE, false)));
  f->plan.networks[1 + index] = (bl_ring_network){.part = network->part,
                                                  .title = network->title,
                                                  .shape = &network->shape,
                                                  .table = bl_graph_parameters(f->tables[index]),
                                                  .optimiser = f->settings[1 + index],
                                                  .clip = network->optimiser->clip};
  return BL_OK;
}

/* The networks, and what the roles will work on. Collective. */
static bl_status prepare_networks(finetuner *f, const bl_network_shape *shape) {
  const bl_options *options = f->run.options;
  BL_TRY(settle(f, shape));
  BL_TRY(bl_network_create_with(&f->sampler, shape, options->learner.micro_batch, BL_GRAPH_INFERENCE, false,
                                &f->computation.rollout));
  f->plan = (bl_ring_plan){.networks = {{.part = "model",
                                         .title = "policy",
                                         .shape = shape,
                                         .table = bl_graph_parameters(f->sampler),
                                         .optimiser = f->settings[0],
                                         .clip = options->learner.optimiser.clip,
                                         .average = options->learner.average}},
                           .network_count = 1 + f->judge_count,
                           .judge_networks = f->judge,
                           .computation = &f->computation,
                           .method = &f->method,
                           .chain = &f->chain,
                           .condition = f->condition,
                           .data = &f->batches,
                           .slots = options->learner.batch / options->learner.micro_batch};
  for (int i = 0; i < f->judge_count; i++)
    BL_TRY(plan_judge_network(f, i));
  return BL_OK;
}

/* θ from the model file. Collective. */
static bl_status initialise_policy(finetuner *f, float *values) {
  bl_aggregator *policy = &f->ring.aggregators[0];
  bl_improvement *improvement = f->ring.improvement;
  BL_TRY(bl_source_model_weights(values, policy->table, f->run.options, f->run.world.comm));
  bl_aggregator_set(policy, values);
  return bl_agree(improvement->kind->set_reference(improvement, values), f->run.world.comm);
}

/* A network of the judge: drawn, or from the checkpoint that critic.start names. Collective. */
static bl_status initialise_judge(finetuner *f, int network, float *values) {
  const bl_options *options = f->run.options;
  const char *start = options->critic.start;
  const bl_checkpoint_entry *entry = &f->networks[network];
  const bl_parameter_table *table = entry->aggregator->table;
  if (start[0] == '\0')
    bl_parameter_initialise(values, table, (uint64_t)options->seed + (uint64_t)network);
  else
    BL_TRY(bl_options_blame(options, "critic.start",
                            bl_model_read_part_shared(values, start, entry->part, table, f->run.world.comm)));
  bl_aggregator_set(entry->aggregator, values);
  return BL_OK;
}

static bl_status initialise(finetuner *f) {
  for (int i = 0; i < f->plan.network_count; i++) {
    float *values = NULL;
    f->networks[i] = (bl_checkpoint_entry){f->plan.networks[i].part, &f->ring.aggregators[i]};
    BL_AGREE(bl_allocate(&values, f->plan.networks[i].table->count, sizeof *values), f->run.world.comm);
    const bl_status status = i == 0 ? initialise_policy(f, values) : initialise_judge(f, i, values);
    bl_free(&values);
    BL_TRY(status);
  }
  return BL_OK;
}

static bl_status open_record(finetuner *f) {
  char path[PATH_LENGTH];
  bl_finetune_columns_list(&f->columns, &f->plan, f->run.options);
  if (f->run.world.rank != 0)
    return BL_OK;
  bl_run_path(path, sizeof path, &f->run, "record.nc");
  return bl_record_open(&f->record, path, f->columns.columns, f->columns.count, f->run.first_round, f->run.rounds,
                        &f->run.provenance);
}

/* Of the rank that needs most, in MiB. Collective. */
static bl_status peak_memory(double *memory, MPI_Comm comm) {
  *memory = (double)bl_memory_peak() / 1048576;
  return BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, memory, 1, MPI_DOUBLE, MPI_MAX, comm), comm);
}

/* A row of the record, on rank 0, as long as it can be written. */
static bl_status append(finetuner *f, int64_t round, const bl_finetune_row *row) {
  double values[BL_FINETUNE_COLUMNS];
  if (!f->record || !bl_run_has_record(&f->run))
    return BL_OK;
  bl_finetune_columns_fill(values, &f->columns, row);
  return bl_run_appended(&f->run, bl_record_append(f->record, round, values), round);
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
    double rates[BL_NETWORKS];
    for (int i = 0; i < f->plan.network_count; i++)
      rates[i] = bl_rate_at(&f->rates[i], round, rounds);
    bl_round_report report;
    BL_GOTO(bl_run_agree(&f->run, bl_round_run(&report, &f->ring, round, rates)));
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
                                 .rate = rates[0],
                                 .seconds = bl_clock_seconds() - began,
                                 .speed = speed,
                                 .memory = memory,
                                 .distance = measured,
                                 .held_out_before = held_out[0],
                                 .held_out_after = held_out[1]};
    char latest[48] = "", line[1024], rest[96], judged[128];
    bl_finetune_columns_print(line, sizeof line, &f->columns, &row, round, rounds);
    bl_finetune_columns_show(judged, sizeof judged, &f->columns, &row);
    bl_run_row(rest, sizeof rest, &f->run, round);
    bl_progress_row(progress, "program=finetune %s %s", line, rest);
    if (!isnan(distance))
      snprintf(latest, sizeof latest, "  %s %.3g", bl_finetune_measure_label(&f->measure), distance);
    bl_progress_update(progress, round + 1, "%snorm %.3f  %.0f images/s%s", judged, report.norm, speed, latest);
    BL_GOTO(bl_agree(append(f, round, &row), f->run.world.comm));
    BL_GOTO(bl_run_round_done(stopped, &f->run, f->networks, f->plan.network_count));
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
  BL_TRY(bl_run_write_model(&f->run, &f->ring.aggregators[0]));
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
  BL_AGREE(bl_allocate(&values, f->ring.aggregators[0].table->count, sizeof *values), comm);
  const bl_status status = bl_model_read_weights_shared(values, path, f->ring.aggregators[0].table, true, comm);
  if (status == BL_OK)
    bl_aggregator_set(&f->ring.aggregators[0], values);
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
  if (f.run.automatic)
    BL_GOTO(bl_split_automatic(&split, &f.plan, invocation->comm));
  BL_GOTO(bl_run_divide(&f.run, split));
  BL_GOTO(bl_finetune_measure_create(&f.measure, &f.run, &f.chain, f.condition, f.sampler, &f.ring.aggregators[0]));
  BL_GOTO(bl_agree(bl_ring_create(&f.ring, &f.run.world, &f.plan), invocation->comm));
  BL_GOTO(initialise(&f));
  BL_GOTO(bl_held_out_create(&f.held_out, options, &f.dataset, &f.ring.links, f.sampler));
  BL_GOTO(bl_finetune_measure_take(&f.measure, 0));
  BL_GOTO(bl_run_check_interrupt(&f.run));
  if (f.run.folder.use == BL_RUN_MEASURE) {
    status = bl_agree(measure_finished(&f, start), invocation->comm);
    goto done;
  }
  BL_GOTO(bl_run_resume(&f.run, f.networks, f.plan.network_count));
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
