/* One round of SFT-PG (B) on images of noise, with the networks of an experiment: collect, judge, improve. */
#include "roles/round.h"

#include "base/memory.h"
#include "benchmark/measure.h"
#include "engine/cost.h"
#include "sampler/sampler.h"

#include <stdio.h>

enum { IMAGES = 512, NETWORKS = 3, SETS = 7 };

static const bl_optimiser_settings adam = {.kind = BL_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
static const double rates[NETWORKS] = {1e-6, 1e-4, 1e-4};

/* As programs/finetune.c has it. */
typedef struct trainer {
  bl_world world;
  bl_options *options;
  bl_chain chain;
  bl_computation computation;
  bl_policy_method method;
  bl_dataset dataset;
  bl_batches batches;
  bl_judge_network judge[NETWORKS - 1];
  bl_graph *tables[NETWORKS];
  bl_ring_plan plan;
  bl_ring ring;
  int64_t round;
} trainer;

static bl_status configure(trainer *t, const measure_task *task) {
  char text[SETS][64];
  const char *sets[SETS];
  const struct {
    const char *key;
    int value;
  } settings[SETS] = {{"learner.batch", task->batch},
                      {"learner.micro_batch", task->micro_batch},
                      {"learner.n_critic", task->n_critic},
                      {"learner.critic_epochs", task->critic_epochs},
                      {"learner.n_generator", task->n_generator},
                      {"critic.weight", 1},
                      {"seed", 1}};
  for (int i = 0; i < SETS; i++) {
    snprintf(text[i], sizeof text[i], "%s=%d", settings[i].key, settings[i].value);
    sets[i] = text[i];
  }
  BL_TRY(measure_plan(&t->options, &t->chain, SETS, sets));
  BL_TRY(bl_computation_create(&t->computation, t->options));
  const bl_network_shape *shape = &task->shapes->network;
  const size_t size = (size_t)shape->channels * (size_t)shape->height * (size_t)shape->width;
  BL_TRY(bl_policy_method_configure(&t->method, &bl_policy_learner_sft_pg, t->options, size, t->chain.steps));
  t->dataset = (bl_dataset){.count = IMAGES, .channels = shape->channels, .height = shape->height, .width = shape->width};
  BL_TRY(bl_allocate(&t->dataset.pixels, IMAGES * size, 1));
  for (size_t i = 0; i < IMAGES * size; i++)
    t->dataset.pixels[i] = (uint8_t)(i * 2654435761u >> 13);
  return bl_batches_create(&t->batches, &t->dataset, (size_t)task->batch, 1, false);
}

static bl_status plan_network(trainer *t, int which, const bl_network_shape *shape) {
  BL_TRY(bl_network_create(&t->tables[which], shape, 1, BL_GRAPH_INFERENCE, false));
  t->plan.networks[which] = (bl_ring_network){.title = "network",
                                              .shape = shape,
                                              .table = bl_graph_parameters(t->tables[which]),
                                              .optimiser = adam,
                                              .clip = which == 0 ? 0.1 : 0};
  return BL_OK;
}

static bl_status initialise(trainer *t, int which) {
  const bl_parameter_table *table = t->plan.networks[which].table;
  float *values = NULL;
  BL_TRY(bl_allocate(&values, table->count, sizeof *values));
  bl_parameter_initialise(values, table, (uint64_t)which + 1);
  bl_aggregator_set(&t->ring.aggregators[which], values);
  bl_free(&values);
  return BL_OK;
}

static bl_status create(trainer *t, const measure_task *task) {
  const test_shapes *s = task->shapes;
  int ranks;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  BL_TRY(bl_world_create(&t->world, MPI_COMM_WORLD, (bl_split){ranks, ranks, ranks}));
  BL_TRY(configure(t, task));
  t->judge[0] = (bl_judge_network){.part = "critic", .shape = s->critic, .figures = 3};
  t->judge[1] = (bl_judge_network){.part = "value", .shape = s->value, .figures = 1};
  t->plan = (bl_ring_plan){.network_count = NETWORKS,
                           .judge_networks = t->judge,
                           .computation = &t->computation,
                           .method = &t->method,
                           .chain = &t->chain,
                           .data = &t->batches,
                           .slots = task->batch / task->micro_batch};
  BL_TRY(plan_network(t, 0, &s->network));
  BL_TRY(plan_network(t, 1, &t->judge[0].shape));
  BL_TRY(plan_network(t, 2, &t->judge[1].shape));
  BL_TRY(bl_ring_create(&t->ring, &t->world, &t->plan));
  for (int i = 0; i < NETWORKS; i++)
    BL_TRY(initialise(t, i));
  return BL_OK;
}

static void destroy(trainer *t) {
  bl_ring_destroy(&t->ring);
  for (int i = 0; i < NETWORKS; i++)
    bl_graph_destroy(&t->tables[i]);
  bl_batches_destroy(&t->batches);
  bl_dataset_destroy(&t->dataset);
  bl_computation_destroy(&t->computation);
  bl_chain_destroy(&t->chain);
  bl_options_destroy(&t->options);
  bl_world_destroy(&t->world);
}

static bl_status run(void *state) {
  trainer *t = state;
  bl_round_report report;
  return bl_round_run(&report, &t->ring, t->round++, rates);
}

/* Operations of a network for a micro-batch of \a batch. */
static double flops_of(const bl_network_shape *shape, int batch, bool backward) {
  bl_graph *graph = NULL;
  double flops = 0;
  if (bl_network_create(&graph, shape, batch, backward ? BL_GRAPH_TRAINING : BL_GRAPH_INFERENCE, false) == BL_OK)
    flops = bl_cost_graph_flops(graph, backward);
  bl_graph_destroy(&graph);
  return flops;
}

/* Evaluations of all networks in a round, on all ranks. */
static measure_size size_of(const trainer *t, const measure_task *task) {
  const bl_network_shape *policy = t->plan.networks[0].shape, *critic = &t->judge[0].shape, *value = &t->judge[1].shape;
  const int batch = task->micro_batch, all = t->chain.steps * batch;
  const double slots = t->plan.slots, batches = task->n_critic, epochs = task->critic_epochs;
  const double rollout = t->chain.steps * flops_of(policy, batch, false);
  const double learn = flops_of(critic, 2 * batch, true) + flops_of(value, all, true);
  const double judge = flops_of(critic, batch, false) + flops_of(value, all, false);
  const double improve = task->n_generator * flops_of(policy, batch, true);
  measure_size size = {.samples = batches * task->batch,
                       .flops = slots * (batches * (rollout + epochs * learn + judge) + improve)};
  for (int i = 0; i < NETWORKS; i++)
    size.parameters += t->plan.networks[i].table->count;
  return size;
}

bl_status measure_round(const measure_task *task) {
  trainer t = {0};
  bl_status status = BL_OK;
  if (task->batch < task->micro_batch || task->batch % task->micro_batch != 0)
    return bl_fail(BL_ERROR_USAGE, "a batch of %d is no multiple of the micro-batch of %d", task->batch, task->micro_batch);
  BL_GOTO(create(&t, task));
  const measure_size size = size_of(&t, task);
  BL_GOTO(measure_repeat(run, &t, task, &size));
done:
  destroy(&t);
  return status;
}
