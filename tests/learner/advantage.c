#include "learner/advantage.h"

#include "base/memory.h"
#include "base/random.h"
#include "learner/policy_learner.h"
#include "support/cmocka.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, SIZE = 2, STEPS = 3 };

static const bl_policy_method plain = {.micro_batch = BATCH,
                                       .size = SIZE,
                                       .steps = STEPS,
                                       .n_critic = 2,
                                       .n_generator = 3,
                                       .last_step = STEPS,
                                       .advantage = {.baseline = BL_BASELINE_VALUE, .trace = 1},
                                       .seed = 11};

static void fill(float *values, size_t count, uint32_t stream) {
  bl_random_normal(values, count, (bl_draw){.seed = 3, .purpose = BL_PURPOSE_TEST, .sample = stream});
}

static void advantages_telescope(void **state) {
  bl_policy_method method = plain;
  float cost[BATCH], value[STEPS * BATCH], found[STEPS * BATCH];
  (void)state;
  fill(cost, BATCH, 5);
  fill(value, STEPS * BATCH, 6);
  bl_advantage_over_value(found, &method, cost, value);
  for (int i = 0; i < STEPS * BATCH; i++) /* λ = 1: the paper's */
    assert_near(found[i], cost[i % BATCH] - value[i], 1e-6);
  method.advantage.trace = 0;
  bl_advantage_over_value(found, &method, cost, value);
  for (int i = 0; i < STEPS * BATCH; i++) /* λ = 0: one step ahead */
    assert_near(found[i], (i / BATCH + 1 < STEPS ? value[i + BATCH] : cost[i % BATCH]) - value[i], 1e-6);
  method.advantage.trace = 0.5;
  bl_advantage_over_value(found, &method, cost, value);
  for (int b = 0; b < BATCH; b++) { /* λ between: the definition */
    const double last = cost[b] - value[2 * BATCH + b], middle = (double)value[2 * BATCH + b] - value[BATCH + b];
    assert_near(found[BATCH + b], middle + 0.5 * last, 1e-6);
  }
  method.advantage.baseline = BL_BASELINE_NONE;
  bl_advantage_over_value(found, &method, cost, NULL);
  for (int i = 0; i < STEPS * BATCH; i++)
    assert_near(found[i], cost[i % BATCH], 0);
}

/* What this rank judged of SLOTS slots, and all that was judged. */
enum { SLOTS = 5, ALL = SLOTS * 2 * BATCH };

static void judge(float *advantages, float *costs, const bl_policy_method *method, MPI_Comm comm) {
  int rank, ranks;
  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &ranks);
  fill(costs, ALL, 7);
  fill(advantages, STEPS * ALL, 8);
  const bl_judgement judgement = {advantages, costs, rank, ranks, SLOTS, comm};
  assert_int_equal(bl_judgement_finish(&judgement, method), BL_OK);
}

/* Statistics of the round are those of one rank, to the bit; balanced advantages of every step have the spread of the first
 * step's; a baseline by prediction leaves a mean of zero that its prediction does not explain. */
static void statistics_are_of_the_whole_round(void **state) {
  float costs[ALL], alone[STEPS * ALL], shared[STEPS * ALL], raw[STEPS * ALL];
  bl_policy_method method = plain;
  int rank, ranks;
  (void)state;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  fill(raw, STEPS * ALL, 8);
  method.advantage = (bl_advantage){.baseline = BL_BASELINE_PREDICTION, .trace = 1, .balanced = true};
  judge(alone, costs, &method, MPI_COMM_SELF);
  judge(shared, costs, &method, MPI_COMM_WORLD);
  for (int m = rank; m < SLOTS; m += ranks)
    assert_memory_equal(shared + m * 2 * BATCH * STEPS, alone + m * 2 * BATCH * STEPS, 2 * BATCH * STEPS * sizeof *alone);
  double spread[STEPS];
  for (int i = 0; i < STEPS; i++) {
    double sum = 0, square = 0, with = 0;
    for (int n = 0; n < ALL; n++) {
      const int at = n / BATCH * STEPS * BATCH + i * BATCH + n % BATCH;
      sum += alone[at];
      square += (double)alone[at] * alone[at];
      with += (double)alone[at] * raw[at];
    }
    assert_near(sum / ALL, 0, 1e-6);
    assert_near(with / ALL, 0, 1e-6);
    spread[i] = sqrt(square / ALL);
    assert_near(spread[i], spread[0], 1e-5);
  }
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(advantages_telescope),
                                     cmocka_unit_test(statistics_are_of_the_whole_round)};
  MPI_Init(&argc, &argv);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL) + (bl_memory_balance() != 0);
  MPI_Finalize();
  return failed;
}
