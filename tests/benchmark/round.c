/* One round of SFT-PG (B) on images of noise, with the networks of an experiment: collect, judge, improve. */
#include "roles/round.h"

#include "base/memory.h"
#include "benchmark/measure.h"
#include "engine/cost.h"
#include "sampler/sampler.h"

#include <stdio.h>

enum { IMAGES = 512, NETWORKS = 3, SETS = 7 };

static const bl_optimiser_settings adam = {.kind = BL_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
static const bl_round_rates rates = {.policy = 1e-6, .critic = 1e-4, .value = 1e-4};

/* As programs/finetune.c has it. */
typedef struct trainer {
  bl_world world;
  bl_options *options;
  bl_chain chain;
  bl_computation computation;
  bl_sft_pg method;
  bl_dataset dataset;
  bl_batches batches;
  bl_graph *plan[NETWORKS]; /* for their parameter tables */
  bl_aggregator aggregator[NETWORKS];
  bl_buffer buffer;
  bl_channel *trajectories, *advantages;
  bl_generator generator;
  bl_critic critic;
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
  BL_TRY(bl_sft_pg_configure(&t->method, t->options, size, t->chain.steps));
  t->dataset = (bl_dataset){.count = IMAGES, .channels = shape->channels, .height = shape->height, .width = shape->width};
  BL_TRY(bl_allocate(&t->dataset.pixels, IMAGES * size, 1));
  for (size_t i = 0; i < IMAGES * size; i++)
    t->dataset.pixels[i] = (uint8_t)(i * 2654435761u >> 13);
  return bl_batches_create(&t->batches, &t->dataset, (size_t)task->batch, 1, false);
}

static bl_status create_network(trainer *t, int which, const bl_network_shape *shape) {
  float *values = NULL;
  const bl_sharing sharing = which == 0 ? bl_sharing_policy(&t->world) : bl_sharing_critics(&t->world);
  BL_TRY(bl_network_create(&t->plan[which], shape, 1, BL_GRAPH_INFERENCE, false));
  const bl_parameter_table *table = bl_graph_parameters(t->plan[which]);
  BL_TRY(bl_aggregator_create(&t->aggregator[which], &t->world, sharing, "network", table, adam, which == 0 ? 0.1 : 0, 0));
  BL_TRY(bl_allocate(&values, table->count, sizeof *values));
  bl_parameter_initialise(values, table, (uint64_t)which + 1);
  bl_aggregator_set(&t->aggregator[which], values);
  bl_free(&values);
  return BL_OK;
}

static bl_status create(trainer *t, const measure_task *task) {
  const test_shapes *s = task->shapes;
  int ranks;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  BL_TRY(bl_world_create(&t->world, MPI_COMM_WORLD, (bl_split){ranks, ranks, ranks}));
  BL_TRY(configure(t, task));
  BL_TRY(bl_channel_create(&t->trajectories, t->world.trajectory_comm, "trajectories"));
  BL_TRY(bl_channel_create(&t->advantages, t->world.advantage_comm, "advantages"));
  BL_TRY(create_network(t, 0, &s->network));
  BL_TRY(create_network(t, 1, &s->critic));
  BL_TRY(create_network(t, 2, &s->value));
  BL_TRY(bl_buffer_create(&t->buffer, &t->world, &t->method, task->batch / task->micro_batch));
  BL_TRY(bl_generator_create(&t->generator, &t->world, &s->network, &t->computation, &t->method, &t->chain, &t->buffer,
                             t->trajectories, t->advantages, &t->aggregator[0]));
  return bl_critic_create(&t->critic, &t->world, &s->critic, &s->value, &t->computation, &t->method, &t->chain, &t->buffer,
                          &t->batches, t->trajectories, t->advantages, &t->aggregator[1], &t->aggregator[2]);
}

static void destroy(trainer *t) {
  bl_critic_destroy(&t->critic);
  bl_generator_destroy(&t->generator);
  bl_buffer_destroy(&t->buffer);
  for (int i = 0; i < NETWORKS; i++) {
    bl_aggregator_destroy(&t->aggregator[i]);
    bl_graph_destroy(&t->plan[i]);
  }
  bl_channel_destroy(&t->trajectories);
  bl_channel_destroy(&t->advantages);
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
  return bl_round_run(&report, &t->generator, &t->critic, &t->aggregator[0], t->round++, rates);
}

/* Evaluations of all networks in a round, on all ranks. */
static measure_size size_of(const trainer *t, const measure_task *task) {
  const double slots = t->buffer.slots, batches = task->n_critic, epochs = task->critic_epochs;
  const double rollout = t->chain.steps * bl_cost_graph_flops(t->generator.rollout, false);
  const double learn = bl_cost_graph_flops(t->critic.critic, true) + bl_cost_graph_flops(t->critic.value, true);
  const double judge =
      bl_cost_graph_flops(t->critic.critic_judge, false) + bl_cost_graph_flops(t->critic.value_judge, false);
  const double improve = task->n_generator * bl_cost_graph_flops(t->generator.policy, true);
  measure_size size = {.samples = batches * task->batch,
                       .flops = slots * (batches * (rollout + epochs * learn + judge) + improve)};
  for (int i = 0; i < NETWORKS; i++)
    size.parameters += bl_graph_parameters(t->plan[i])->count;
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
