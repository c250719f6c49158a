/* What policy steps do to a policy: divergence against its definition by Monte Carlo and by hand, surrogates against a
 * reference in plain formulas. */
#include "learner/policy_change.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <math.h>

enum { BATCH = 5, SIZE = 3, STEPS = 2 };

typedef struct trial {
  bl_policy_method method;
  bl_chain chain;
  int step[BATCH];
  float state[BATCH * SIZE], next[BATCH * SIZE], before[BATCH * SIZE], after[BATCH * SIZE];
  double advantage[BATCH];
  bl_policy_change changes[BATCH];
} trial;

static void normal(float *values, size_t count, uint32_t stream) {
  bl_random_normal(values, count, (bl_draw){.seed = 8, .purpose = BL_PURPOSE_TEST, .sample = stream});
}

static void trial_create(trial *t) {
  float advantage[BATCH];
  *t = (trial){.method = {.micro_batch = BATCH, .size = SIZE, .steps = STEPS}};
  assert_int_equal(bl_chain_create(&t->chain, STEPS), BL_OK);
  for (int i = 0; i < STEPS; i++) {
    t->chain.state[i] = 1.1 - 0.2 * i;
    t->chain.output[i] = -0.4 + 0.1 * i;
    t->chain.sigma[i] = 0.5 - 0.2 * i;
  }
  normal(t->state, BATCH * SIZE, 1);
  normal(t->before, BATCH * SIZE, 2);
  normal(t->after, BATCH * SIZE, 3);
  normal(t->next, BATCH * SIZE, 4);
  normal(advantage, BATCH, 5);
  for (int b = 0; b < BATCH; b++) {
    t->step[b] = b % STEPS;
    t->advantage[b] = advantage[b];
    for (int j = b * SIZE; j < (b + 1) * SIZE; j++)
      t->next[j] = (float)(t->chain.state[b % STEPS] * t->state[j] + t->chain.sigma[b % STEPS] * t->next[j]);
  }
}

static void find(trial *t) {
  bl_policy_change_find(t->changes, &t->method, &t->chain, t->step, t->state, t->next, t->before, t->after, t->advantage);
}

static double mean_of(const trial *t, const float *epsilon, int j) {
  const int i = t->step[j / SIZE];
  return t->chain.state[i] * t->state[j] + t->chain.output[i] * epsilon[j];
}

static double log_density(const trial *t, const float *epsilon, int b) {
  const double sigma = t->chain.sigma[t->step[b]];
  double sum = 0;
  for (int j = b * SIZE; j < (b + 1) * SIZE; j++)
    sum += -pow(t->next[j] - mean_of(t, epsilon, j), 2) / (2 * sigma * sigma) - log(sigma * sqrt(2 * acos(-1.0)));
  return sum;
}

static void divergence_is_that_of_two_gaussians(void **state) {
  trial t;
  (void)state;
  trial_create(&t);
  /* By hand: means 0.4 · 2 = 0.8 apart in one element, σ = 0.5: 0.8² / (2 · 0.5²) = 1.28. */
  for (int j = 0; j < SIZE; j++)
    t.after[j] = t.before[j];
  t.after[1] = t.before[1] + 2;
  find(&t);
  assert_near(t.changes[0].divergence, 1.28, 1e-6);
  bl_chain_destroy(&t.chain);
}

/* E (log p_before − log p_after) over x_{t−1} drawn from p_before. */
static void divergence_is_what_monte_carlo_finds(void **state) {
  enum { DRAWS = 20000 };
  trial t;
  double sum[BATCH] = {0}, square[BATCH] = {0};
  float z[BATCH * SIZE];
  (void)state;
  trial_create(&t);
  find(&t);
  for (uint32_t draw = 0; draw < DRAWS; draw++) {
    normal(z, BATCH * SIZE, 100 + draw);
    for (int j = 0; j < BATCH * SIZE; j++)
      t.next[j] = (float)(mean_of(&t, t.before, j) + t.chain.sigma[t.step[j / SIZE]] * z[j]);
    for (int b = 0; b < BATCH; b++) {
      const double term = log_density(&t, t.before, b) - log_density(&t, t.after, b);
      sum[b] += term / DRAWS;
      square[b] += term * term / DRAWS;
    }
  }
  for (int b = 0; b < BATCH; b++) {
    const double error = sqrt((square[b] - sum[b] * sum[b]) / DRAWS);
    assert_true(error > 0 && fabs(sum[b] - t.changes[b].divergence) < 5 * error);
  }
  bl_chain_destroy(&t.chain);
}

static void surrogates_are_their_formulas(void **state) {
  trial t;
  (void)state;
  trial_create(&t);
  for (int mean = 0; mean < 2; mean++)
    for (int balanced = 0; balanced < 2; balanced++) {
      t.method.mean = mean != 0;
      t.method.advantage.balanced = balanced != 0;
      find(&t);
      for (int b = 0; b < BATCH; b++) {
        const double before = log_density(&t, t.before, b), after = log_density(&t, t.after, b), a = t.advantage[b];
        const int i = t.step[b];
        const double weight = (balanced ? t.chain.sigma[i] / fabs(t.chain.output[i]) : 1) / (mean ? SIZE : 1);
        assert_near(t.changes[b].before, weight * a * before, 1e-9);
        assert_near(t.changes[b].after, weight * a * after, 1e-9);
        assert_near(t.changes[b].advantage, a, 0);
        assert_near(t.changes[b].ratio, a * exp(after - before), 1e-9 * fabs(a) * exp(after - before));
      }
    }
  bl_chain_destroy(&t.chain);
}

static void a_policy_that_stays_has_no_divergence_and_the_ratio_one(void **state) {
  trial t;
  (void)state;
  trial_create(&t);
  for (int j = 0; j < BATCH * SIZE; j++)
    t.after[j] = t.before[j];
  find(&t);
  for (int b = 0; b < BATCH; b++) {
    assert_near(t.changes[b].divergence, 0, 0);
    assert_near(t.changes[b].ratio, t.advantage[b], 0);
    assert_near(t.changes[b].before, t.changes[b].after, 0);
  }
  t.after[0] = 1e4f; /* an impossible transition keeps a finite ratio */
  find(&t);
  assert_near(t.changes[0].ratio, t.advantage[0] * exp(-20), 1e-12);
  bl_chain_destroy(&t.chain);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(divergence_is_that_of_two_gaussians),
                                     cmocka_unit_test(divergence_is_what_monte_carlo_finds),
                                     cmocka_unit_test(surrogates_are_their_formulas),
                                     cmocka_unit_test(a_policy_that_stays_has_no_divergence_and_the_ratio_one)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
