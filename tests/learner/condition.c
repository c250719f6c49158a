/* A network that takes a label: it learns which label belongs to which cluster of points, samples of label k follow label
 * k, with the same bits on any number of ranks, and its file says that it takes one. */
#include "diffusion/condition.h"
#include "base/log.h"
#include "base/memory.h"
#include "learner/optimiser.h"
#include "learner/supervised.h"
#include "network/network.h"
#include "sampler/sampler.h"
#include "store/model.h"
#include "support/cmocka.h"
#include "support/whole_gradient.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SIZE = 2, STEPS = 20, BATCH = 32, SAMPLES = 150 };

static const int classes = 4;
static const float centre[4][SIZE] = {{0.6F, 0.6F}, {-0.6F, 0.6F}, {-0.6F, -0.6F}, {0.6F, -0.6F}};

static const bl_network_shape shape = {.kind = BL_NETWORK_MLP,
                                       .channels = SIZE,
                                       .height = 1,
                                       .width = 1,
                                       .width_count = 2,
                                       .widths = {48, 48},
                                       .steps = STEPS,
                                       .classes = 4,
                                       .condition = 1};

/* Points near the centre of their label. */
static void draw_data(float *values, float *condition, uint32_t round) {
  bl_random_normal(values, BATCH * SIZE, (bl_draw){.seed = 3, .purpose = BL_PURPOSE_TEST, .round = round});
  for (int s = 0; s < BATCH; s++) {
    condition[s] = (float)(s % classes);
    for (int e = 0; e < SIZE; e++)
      values[s * SIZE + e] = centre[s % classes][e] + 0.05F * values[s * SIZE + e];
  }
}

static void learn(float *parameters, const bl_schedule *schedule) {
  bl_graph *graph = NULL;
  bl_optimiser optimiser;
  float values[BATCH * SIZE], condition[BATCH], work[BATCH * (4 * SIZE + 1)], *gradient = NULL;
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_TRAINING, false), BL_OK);
  const size_t count = bl_graph_parameters(graph)->count;
  const bl_optimiser_settings settings = {.kind = BL_OPTIMISER_ADAM, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
  assert_int_equal(bl_optimiser_create(&optimiser, count, settings), BL_OK);
  assert_int_equal(bl_allocate(&gradient, count, sizeof *gradient), BL_OK);
  bl_parameter_initialise(parameters, bl_graph_parameters(graph), 1);
  const bl_gradient_sink sink = whole_gradient(gradient);
  for (uint32_t round = 0; round < 1500; round++) {
    double loss;
    draw_data(values, condition, round);
    const bl_sample_batch batch = {
        .values = values, .condition = condition, .count = BATCH, .size = SIZE, .seed = 5, .round = round, .work = work};
    memset(gradient, 0, count * sizeof *gradient);
    assert_int_equal(bl_graph_load(graph, parameters), BL_OK);
    assert_int_equal(bl_supervised_denoise.gradient(&sink, &loss, graph, schedule, &batch), BL_OK);
    bl_optimiser_step(&optimiser, parameters, gradient, round < 1000 ? 3e-3 : 1e-3, 1);
  }
  bl_free(&gradient);
  bl_optimiser_destroy(&optimiser);
  bl_graph_destroy(&graph);
}

static void plan(bl_chain *chain, const bl_schedule *schedule) {
  const char *sets[] = {"sampler.name=ddpm", "sampler.grid=full", "sampler.steps=20", "sampler.final_sigma=0"};
  bl_options *options;
  assert_int_equal(bl_options_load(&options, NULL, 4, sets), BL_OK);
  assert_int_equal(bl_sampler_plan(chain, schedule, options, false), BL_OK);
  bl_options_destroy(&options);
}

/* The label at whose centre a sample lies, −1 for none. */
static int label_of(const float *sample) {
  for (int k = 0; k < classes; k++)
    if (hypotf(sample[0] - centre[k][0], sample[1] - centre[k][1]) < 0.3F)
      return k;
  return -1;
}

/* Labels in another order, by round too. */
static bl_status fill_backwards(float *values, const void *context, uint32_t round, uint32_t first, size_t count) {
  (void)context;
  for (size_t s = 0; s < count; s++)
    values[s] = (float)(3 - (first + (uint32_t)s + round) % 4);
  return BL_OK;
}

static void check_followed(const float *samples, const bl_condition *condition, uint32_t round) {
  float labels[SAMPLES];
  int followed = 0;
  assert_int_equal(bl_condition_fill(labels, condition, round, 0, SAMPLES), BL_OK);
  for (int s = 0; s < SAMPLES; s++)
    followed += label_of(samples + s * SIZE) == (int)labels[s];
  if (followed < SAMPLES * 95 / 100)
    fail_msg("only %d of %d samples follow their label", followed, SAMPLES);
}

/* Bits of the whole, on all ranks together, and in parts. */
static void check_bits(const float *alone, bl_graph *graph, const bl_chain *chain, const bl_condition *condition) {
  float samples[SAMPLES * SIZE];
  assert_int_equal(bl_sampler_draw(samples, 0, SAMPLES, graph, chain, condition, 7, 1, BATCH, NULL, MPI_COMM_WORLD), BL_OK);
  assert_memory_equal(samples, alone, sizeof samples);
  assert_int_equal(bl_sampler_draw(samples, BATCH, 41, graph, chain, condition, 7, 1, BATCH, NULL, MPI_COMM_WORLD), BL_OK);
  assert_memory_equal(samples, alone + BATCH * SIZE, 41 * SIZE * sizeof *samples);
}

static void samples_follow_their_labels(void **state) {
  (void)state;
  bl_schedule schedule;
  bl_chain chain;
  bl_graph *graph = NULL;
  float *parameters = NULL, samples[SAMPLES * SIZE];
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-3, 0.4), BL_OK);
  assert_int_equal(bl_network_create(&graph, &shape, BATCH, BL_GRAPH_INFERENCE, false), BL_OK);
  assert_int_equal(bl_allocate(&parameters, bl_graph_parameters(graph)->count, sizeof *parameters), BL_OK);
  learn(parameters, &schedule);
  plan(&chain, &schedule);
  assert_int_equal(bl_graph_load(graph, parameters), BL_OK);
  const bl_condition conditions[] = {bl_condition_labels(&classes), {.size = 1, .fill = fill_backwards}};
  for (int k = 0; k < 2; k++) {
    assert_int_equal(bl_sampler_draw(samples, 0, SAMPLES, graph, &chain, &conditions[k], 7, 1, BATCH, NULL, MPI_COMM_SELF),
                     BL_OK);
    check_followed(samples, &conditions[k], 1);
    check_bits(samples, graph, &chain, &conditions[k]);
  }
  float final[BATCH * SIZE], work[4 * BATCH * SIZE];
  assert_int_equal(bl_sampler_rollout(NULL, final, graph, &chain, NULL, 7, 1, 0, BATCH, work), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "takes a condition of 1 numbers for a sample, but 0 are given"));
  bl_status_clear();
  bl_free(&parameters);
  bl_chain_destroy(&chain);
  bl_graph_destroy(&graph);
  bl_schedule_destroy(&schedule);
  assert_int_equal(bl_memory_balance(), 0);
}

/* A file tells how many labels a sample takes; without condition it has no such attribute, as before there were any. */
static void files_tell_the_condition(void **state) {
  (void)state;
  char path[64];
  snprintf(path, sizeof path, "condition-test-%ld.nc", (long)getpid());
  for (int numbers = 0; numbers <= 3; numbers++) {
    bl_model_header header = {
        .shape = shape, .schedule = "linear", .diffusion_steps = STEPS, .beta_first = 1e-3, .beta_last = 0.4};
    bl_model_header found;
    bl_graph *graph = NULL;
    float *values = NULL, *read = NULL;
    header.shape.condition = numbers;
    snprintf(header.prediction, sizeof header.prediction, "epsilon");
    assert_int_equal(bl_network_create(&graph, &header.shape, 2, BL_GRAPH_INFERENCE, false), BL_OK);
    const bl_parameter_table *table = bl_graph_parameters(graph);
    assert_int_equal(bl_graph_condition_size(graph), numbers);
    assert_true((bl_parameter_find(table, "condition.embed.weight") != NULL) == (numbers > 0));
    assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
    assert_int_equal(bl_allocate(&read, table->count, sizeof *read), BL_OK);
    bl_parameter_initialise(values, table, 4);
    const bl_model_part part = {"model", table, values}, back = {"model", table, read};
    assert_int_equal(bl_model_write(path, &header, &part, 1, NULL), BL_OK);
    assert_int_equal(bl_model_read_header(&found, path), BL_OK);
    assert_int_equal(found.shape.condition, numbers);
    assert_int_equal(bl_model_read(path, &back, 1), BL_OK);
    assert_memory_equal(read, values, table->count * sizeof *read);
    bl_free(&values);
    bl_free(&read);
    bl_graph_destroy(&graph);
    remove(path);
  }
}

static void other_networks_take_none(void **state) {
  (void)state;
  bl_graph *graph = NULL;
  bl_network_shape wrong = shape;
  wrong.kind = BL_NETWORK_VALUE;
  assert_int_equal(bl_network_create(&graph, &wrong, 2, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "condition is 1, but it must be 0"));
  bl_status_clear();
  wrong = shape;
  wrong.classes = 0;
  assert_int_equal(bl_network_create(&graph, &wrong, 2, BL_GRAPH_INFERENCE, false), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "classes is 0"));
  bl_status_clear();
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(samples_follow_their_labels),
                                     cmocka_unit_test(files_tell_the_condition),
                                     cmocka_unit_test(other_networks_take_none)};
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("condition", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
