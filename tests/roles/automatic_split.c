/* The prediction of a round's time against closed forms, and the choice that follows from it. */
#include "roles/automatic_split.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <math.h>

static const bl_split_costs even = {
    .rollout = 0.5, .critic = 0.25, .critic_step = 0.125, .judge = 0.0625, .policy = 1, .policy_step = 0.03125};

static double predict(bl_split split, int ranks, const bl_split_costs *costs, const bl_split_counts *counts) {
  double seconds;
  assert_int_equal(bl_split_predict(&seconds, split, ranks, costs, counts), BL_OK);
  return seconds;
}

/* What a rank that waits for nobody needs for its share. */
static double alone(double slots, double owners, const bl_split_costs *c, const bl_split_counts *n) {
  return n->n_critic * slots * c->rollout + n->n_critic * n->critic_epochs * (slots * c->critic + c->critic_step / owners) +
         slots * c->judge + n->n_generator * (slots * c->policy + c->policy_step / owners);
}

static void one_rank_does_everything_in_turn(void **state) {
  (void)state;
  const bl_split_counts counts = {.slots = 6, .n_critic = 3, .critic_epochs = 2, .n_generator = 4};
  assert_true(predict((bl_split){1, 1, 1}, 1, &even, &counts) == alone(6, 1, &even, &counts));
}

static void ranks_with_all_roles_share_the_slots(void **state) {
  (void)state;
  const bl_split_counts counts = {.slots = 6, .n_critic = 3, .critic_epochs = 2, .n_generator = 4};
  assert_true(fabs(predict((bl_split){2, 2, 2}, 2, &even, &counts) - alone(3, 2, &even, &counts)) < 1e-12);
  assert_true(fabs(predict((bl_split){4, 4, 4}, 4, &even, &counts) - alone(2, 4, &even, &counts)) < 1e-12); /* 2, 2, 1, 1 */
  assert_true(fabs(predict((bl_split){8, 8, 8}, 8, &even, &counts) - alone(1, 8, &even, &counts)) < 1e-12);
}

/* One generator and one critic: the critic learns from batch j while batch j + 1 is rolled out. */
static void a_critic_of_its_own_hides_behind_rollouts(void **state) {
  (void)state;
  const bl_split_counts counts = {.slots = 1, .n_critic = 5, .critic_epochs = 1, .n_generator = 2};
  const double quick = 5 * even.rollout + even.critic + even.critic_step + even.judge;
  const double improve = 2 * (even.policy + even.policy_step);
  assert_true(fabs(predict((bl_split){1, 1, 1}, 2, &even, &counts) - quick - improve) < 1e-12);
  bl_split_costs slow = even;
  slow.critic = 3; /* now rollouts hide behind the critic */
  const double bound = slow.rollout + 5 * (slow.critic + slow.critic_step) + slow.judge;
  assert_true(fabs(predict((bl_split){1, 1, 1}, 2, &slow, &counts) - bound - improve) < 1e-12);
}

static void an_aggregator_makes_all_wait(void **state) {
  (void)state;
  const bl_split_counts counts = {.slots = 2, .n_critic = 1, .critic_epochs = 1, .n_generator = 3};
  const bl_split_costs costs = {.policy = 1, .policy_step = 10};
  assert_true(fabs(predict((bl_split){2, 1, 1}, 4, &costs, &counts) - 3 * (1 + 10)) < 1e-12);
  assert_true(fabs(predict((bl_split){2, 1, 2}, 4, &costs, &counts) - 3 * (1 + 5)) < 1e-12);
}

static bl_split chosen(int ranks, const bl_split_costs *costs, const bl_split_counts *counts) {
  bl_split_candidate best[BL_SPLIT_CANDIDATES];
  int count;
  assert_int_equal(bl_split_choose(best, &count, ranks, costs, counts), BL_OK);
  assert_in_range(count, 1, BL_SPLIT_CANDIDATES);
  for (int i = 0; i < count; i++) {
    const bl_split s = best[i].split;
    assert_true(s.generators >= 1 && s.generators <= ranks && s.critics >= 1 && s.critics <= ranks && s.aggregators >= 1 &&
                s.aggregators <= ranks && s.generators + s.critics + s.aggregators >= ranks);
    assert_true(best[i].seconds == predict(s, ranks, costs, counts));
    if (i >= 2)
      assert_true(best[i].seconds >= best[i - 1].seconds * (1 - 1e-6));
  }
  return best[0].split;
}

static void assert_split(bl_split found, int generators, int critics, int aggregators) {
  assert_int_equal(found.generators, generators);
  assert_int_equal(found.critics, critics);
  assert_int_equal(found.aggregators, aggregators);
}

static void one_rank_has_no_choice(void **state) {
  (void)state;
  assert_split(chosen(1, &even, &(bl_split_counts){5, 3, 1, 4}), 1, 1, 1);
}

static void slots_that_divide_evenly_stay_together(void **state) {
  (void)state;
  const bl_split_counts counts = {.slots = 48, .n_critic = 5, .critic_epochs = 1, .n_generator = 10};
  for (int ranks = 1; ranks <= 16; ranks++)
    if (48 % ranks == 0)
      assert_split(chosen(ranks, &even, &counts), ranks, ranks, ranks);
}

/* Without critics' work, a rank taken from the generators is lost. */
static void critics_that_cost_nothing_stay_together(void **state) {
  (void)state;
  const bl_split_costs costs = {.rollout = 1, .policy = 1};
  const bl_split_counts counts = {.slots = 12, .n_critic = 5, .critic_epochs = 1, .n_generator = 10};
  for (int ranks = 2; ranks <= 6; ranks++)
    assert_split(chosen(ranks, &costs, &counts), ranks, ranks, ranks);
  assert_split(chosen(3, &(bl_split_costs){0}, &counts), 3, 3, 3);
}

/* Two slots occupy two of three ranks: critics that cost much are better off on the third. */
static void a_rank_without_slots_takes_the_critics(void **state) {
  (void)state;
  const bl_split_costs costs = {.rollout = 1, .critic = 0.5, .policy = 0.1};
  const bl_split_counts counts = {.slots = 2, .n_critic = 5, .critic_epochs = 1, .n_generator = 10};
  const bl_split split = chosen(3, &costs, &counts);
  assert_int_equal(split.generators, 2);
  assert_int_equal(split.critics, 1);
  assert_true(predict(split, 3, &costs, &counts) < 0.9 * predict((bl_split){3, 3, 3}, 3, &costs, &counts));
}

static void many_ranks_are_decided_soon(void **state) {
  (void)state;
  const bl_split split = chosen(200, &even, &(bl_split_counts){64, 3, 1, 4});
  assert_true(split.generators >= 64);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_rank_does_everything_in_turn),
      cmocka_unit_test(ranks_with_all_roles_share_the_slots),
      cmocka_unit_test(a_critic_of_its_own_hides_behind_rollouts),
      cmocka_unit_test(an_aggregator_makes_all_wait),
      cmocka_unit_test(one_rank_has_no_choice),
      cmocka_unit_test(slots_that_divide_evenly_stay_together),
      cmocka_unit_test(critics_that_cost_nothing_stay_together),
      cmocka_unit_test(a_rank_without_slots_takes_the_critics),
      cmocka_unit_test(many_ranks_are_decided_soon),
  };
  MPI_Init(&argc, &argv);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL) + (bl_memory_balance() != 0);
  MPI_Finalize();
  return failed;
}
