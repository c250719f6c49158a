/* The critic of SFT-PG as a judge: f, an integral probability metric between samples and data that is learned with the
 * policy, and V, which predicts it (learner/critic_loss.h). */
#include "base/memory.h"
#include "learner/critic_loss.h"
#include "learner/lipschitz.h"
#include "network/configure.h"

#include <stdio.h>

enum { CRITIC, VALUE };                       /* the networks */
enum { REAL, GENERATED, PENALTY };            /* figures of the critic */
enum { IPM, VALUE_LOSS, PENALTY_LOSS, NORM }; /* columns of the record */

typedef struct critic_judge {
  bl_judge base;
  bl_graph *critic, *value; /* for learning, of micro-batches 2 × micro_batch and steps × micro_batch */
  bl_graph *cost;           /* f for inference, of micro_batch; NULL for chains */
  bl_graph *baseline;       /* V for inference, of steps × micro_batch; NULL unless it is the baseline */
  bl_graph *slope;          /* f for gradients by x, of micro_batch; NULL but for chains */
  bl_lipschitz *lipschitz;  /* NULL unless it is monitored */
  float *work;
} critic_judge;

static int networks(bl_judge_network *list, const bl_policy_method *method, const bl_options *options, int channels,
                    int height, int width) {
  list[CRITIC] = (bl_judge_network){.part = "critic",
                                    .title = "critic",
                                    .key = "critic.widths",
                                    .optimiser = &options->critic.optimiser,
                                    .optimiser_key = "critic.optimiser",
                                    .figures = 3};
  bl_network_configure_critic(&list[CRITIC].shape, options, channels, height, width);
  list[VALUE] = (bl_judge_network){.part = "value",
                                   .title = "value network",
                                   .key = "value.widths",
                                   .optimiser = &options->value.optimiser,
                                   .optimiser_key = "value.optimiser",
                                   .figures = 1};
  bl_network_configure_value(&list[VALUE].shape, options, channels, height, width, method->steps);
  return method->has_value ? 2 : 1;
}

static bool learns_from_chains(const bl_policy_method *method) {
  return method->learner->experience == BL_EXPERIENCE_CHAINS;
}

static int graphs(bl_network_plan *list, const bl_judge_plan *plan) {
  const bl_network_shape *critic = &plan->networks[CRITIC].shape, *value = &plan->networks[VALUE].shape;
  const bl_compute *learn = &plan->computation->learn, *judge = &plan->computation->judge;
  const int batch = (int)plan->method->micro_batch, all = plan->method->steps * batch;
  const bool chains = learns_from_chains(plan->method);
  list[0] = (bl_network_plan){critic, 2 * batch, BL_GRAPH_TRAINING, learn};
  list[1] = (bl_network_plan){critic, batch, chains ? BL_GRAPH_TRAINING : BL_GRAPH_INFERENCE, chains ? learn : judge};
  if (plan->network_count <= VALUE)
    return 2;
  list[2] = (bl_network_plan){value, all, BL_GRAPH_TRAINING, learn};
  list[3] = (bl_network_plan){value, all, BL_GRAPH_INFERENCE, judge};
  return 4;
}

/* What judges: f, and V where it is the baseline. */
static bl_status create_inference(critic_judge *j) {
  const bl_judge_plan *plan = &j->base.plan;
  const int batch = (int)plan->method->micro_batch, all = plan->method->steps * batch;
  const bl_network_shape *critic = &plan->networks[CRITIC].shape, *value = &plan->networks[VALUE].shape;
  const bl_compute *judge = plan->computation != NULL ? &plan->computation->judge : NULL;
  if (learns_from_chains(plan->method)) {
    /* Its graph takes no turns with others, since a chain holds its activations meanwhile. */
    const bl_compute learn = bl_compute_apart(plan->computation != NULL ? &plan->computation->learn : NULL);
    return bl_network_create_with(&j->slope, critic, batch, BL_GRAPH_TRAINING, false, &learn);
  }
  BL_TRY(bl_network_create_with(&j->cost, critic, batch, BL_GRAPH_INFERENCE, false, judge));
  if (plan->method->advantage.baseline == BL_BASELINE_VALUE)
    BL_TRY(bl_network_create_with(&j->baseline, value, all, BL_GRAPH_INFERENCE, false, judge));
  return BL_OK;
}

static bl_status create(bl_judge **judge, const bl_judge_plan *plan) {
  const bl_policy_method *method = plan->method;
  const int batch = (int)method->micro_batch;
  const bl_compute *learn = plan->computation != NULL ? &plan->computation->learn : NULL;
  critic_judge *j;
  BL_TRY(bl_allocate(&j, 1, sizeof *j));
  j->base.plan = *plan;
  *judge = &j->base;
  BL_TRY(bl_network_create_with(&j->critic, &plan->networks[CRITIC].shape, 2 * batch, BL_GRAPH_TRAINING, false, learn));
  if (method->monitor_judge)
    BL_TRY(bl_lipschitz_create(&j->lipschitz, &plan->networks[CRITIC].shape, bl_graph_parameters(j->critic)));
  BL_TRY(bl_allocate(&j->work, bl_policy_method_work(method), sizeof *j->work));
  if (plan->network_count > VALUE)
    BL_TRY(bl_network_create_with(&j->value, &plan->networks[VALUE].shape, method->steps * batch, BL_GRAPH_TRAINING, false,
                                  learn));
  return create_inference(j);
}

static void destroy(bl_judge **judge) {
  critic_judge *j = (critic_judge *)*judge;
  if (j == NULL)
    return;
  bl_graph_destroy(&j->critic);
  bl_graph_destroy(&j->value);
  bl_graph_destroy(&j->cost);
  bl_graph_destroy(&j->baseline);
  bl_graph_destroy(&j->slope);
  bl_lipschitz_destroy(&j->lipschitz);
  bl_free(&j->work);
  bl_free(judge);
}

static bl_status load(bl_judge *judge, const float *const *values) {
  critic_judge *j = (critic_judge *)judge;
  BL_TRY(bl_graph_load(j->critic, values[CRITIC]));
  return j->value != NULL ? bl_graph_load(j->value, values[VALUE]) : BL_OK;
}

static bl_status learn(bl_judge *judge, const bl_gradient_sink *sinks, double (*figures)[BL_JUDGE_FIGURES],
                       const bl_judge_batch *batch) {
  critic_judge *j = (critic_judge *)judge;
  bl_critic_losses losses;
  BL_TRY(bl_critic_loss_gradient(&sinks[CRITIC], j->value != NULL ? &sinks[VALUE] : NULL, &losses, judge->plan.method,
                                 j->critic, j->value, batch, j->work));
  figures[CRITIC][REAL] = losses.real;
  figures[CRITIC][GENERATED] = losses.generated;
  figures[CRITIC][PENALTY] = losses.penalty;
  if (j->value != NULL)
    figures[VALUE][0] = losses.value;
  return BL_OK;
}

static void release(bl_judge *judge) {
  critic_judge *j = (critic_judge *)judge;
  bl_graph_release(j->critic);
  bl_graph_release(j->value);
}

static bl_status settle(bl_judge *judge, const float *const *values) {
  critic_judge *j = (critic_judge *)judge;
  if (j->slope != NULL)
    return bl_graph_load(j->slope, values[CRITIC]);
  BL_TRY(bl_graph_load(j->cost, values[CRITIC]));
  return j->baseline != NULL ? bl_graph_load(j->baseline, values[VALUE]) : BL_OK;
}

static bl_status cost(bl_judge *judge, float *costs, const float *origin, const float *condition) {
  (void)condition;
  return bl_graph_forward(((critic_judge *)judge)->cost, costs, &(bl_graph_inputs){.x = origin});
}

static bl_status value(bl_judge *judge, float *values, const float *trajectory) {
  critic_judge *j = (critic_judge *)judge;
  const size_t samples = judge->plan.method->micro_batch, all = samples * (size_t)judge->plan.method->steps;
  for (size_t i = 0; i < all; i++)
    j->work[i] = (float)(i / samples);
  return bl_graph_forward(j->baseline, values, &(bl_graph_inputs){.x = trajectory, .time = j->work});
}

static bl_status slope(bl_judge *judge, float *d_origin, double *mean, const float *origin, const float *condition) {
  (void)condition;
  critic_judge *j = (critic_judge *)judge;
  const size_t batch = judge->plan.method->micro_batch;
  float *costs = j->work, *d_cost = costs + batch;
  BL_TRY(bl_graph_forward(j->slope, costs, &(bl_graph_inputs){.x = origin}));
  *mean = 0;
  for (size_t b = 0; b < batch; b++) {
    *mean += costs[b] / (double)batch;
    d_cost[b] = 1 / (float)batch;
  }
  return bl_graph_backward(j->slope, NULL, d_origin, d_cost);
}

static const bl_record_column columns[] = {
    {"ipm", "1", "critic's mean over generated minus over real samples, mean over the round's critic steps"},
    {"value_loss", "1", "mean squared difference of value network and critic"},
    {"penalty", "1", "gradient penalty, 0 where another regulariser is used"},
    {"critic_gradient_norm", "1", "norm of the critic's gradient, mean over the round's critic steps"}};
static const char *const labels[] = {"critic", "value", NULL, NULL};

static void tell(double *row, const bl_judge_step *steps, double share) {
  row[IPM] += share * (steps[CRITIC].figures[GENERATED] - steps[CRITIC].figures[REAL]);
  row[PENALTY_LOSS] += share * steps[CRITIC].figures[PENALTY];
  row[NORM] += share * steps[CRITIC].norm;
  row[VALUE_LOSS] += share * steps[VALUE].figures[0]; /* zero where there is no V */
}

static int count_layers(const bl_judge_plan *plan) {
  return plan->networks[CRITIC].shape.width_count + 1;
}

static bl_status monitor(bl_judge *judge, double *row, const float *const *values, MPI_Comm comm) {
  critic_judge *j = (critic_judge *)judge;
  BL_TRY(bl_lipschitz_measure(row, j->lipschitz, values[CRITIC], comm));
  row[count_layers(&judge->plan)] = bl_lipschitz_bound(j->lipschitz, row);
  return BL_OK;
}

static int monitor_columns(bl_record_column *list, char (*texts)[2][160], const bl_judge_plan *plan) {
  const int layers = count_layers(plan);
  for (int i = 0; i < layers; i++) {
    snprintf(texts[i][0], sizeof texts[i][0], "critic_singular_value_%d", i + 1);
    snprintf(texts[i][1], sizeof texts[i][1], "largest singular value of the critic's layer %d", i + 1);
    list[i] = (bl_record_column){texts[i][0], "1", texts[i][1]};
  }
  list[layers] = (bl_record_column){"critic_lipschitz", "1",
                                    "Lipschitz bound of the critic: product of the largest singular values of its layers"};
  return layers + 1;
}

const bl_judge_kind bl_judge_critic = {.name = "critic",
                                       .networks = networks,
                                       .graphs = graphs,
                                       .create = create,
                                       .destroy = destroy,
                                       .load = load,
                                       .learn = learn,
                                       .release = release,
                                       .settle = settle,
                                       .cost = cost,
                                       .value = value,
                                       .slope = slope,
                                       .column_count = sizeof columns / sizeof *columns,
                                       .columns = columns,
                                       .labels = labels,
                                       .tell = tell,
                                       .monitor = monitor,
                                       .monitor_columns = monitor_columns};
