#include "learner/transition.h"

#include "base/memory.h"
#include "base/random.h"
#include "learner/policy_learner.h"
#include "support/cmocka.h"

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

static void a_slot_draws_without_replacement(void **state) {
  enum { DRAWN = 3 * BATCH, POOL = 2 * STEPS * BATCH };
  const bl_policy_method method = plain;
  bl_transition drawn[DRAWN], other[DRAWN];
  uint32_t order[POOL];
  int seen[2][STEPS][BATCH] = {{{0}}};
  (void)state;
  bl_transition_draw(drawn, order, &method, 1, 0);
  for (int k = 0; k < DRAWN; k++) {
    assert_in_range(drawn[k].batch, 0, 1);
    assert_in_range(drawn[k].step, 0, STEPS - 1);
    assert_in_range(drawn[k].sample, 0, BATCH - 1);
    assert_int_equal(seen[drawn[k].batch][drawn[k].step][drawn[k].sample]++, 0);
  }
  bl_transition_draw(other, order, &method, 1, 1);
  assert_memory_not_equal(drawn, other, sizeof drawn);
  bl_transition_draw(other, order, &method, 1, 0);
  assert_memory_equal(drawn, other, sizeof drawn);
}

static void the_final_step_can_be_left_out(void **state) {
  enum { DRAWN = 3 * BATCH };
  bl_policy_method method = plain;
  bl_transition drawn[DRAWN];
  uint32_t order[2 * STEPS * BATCH];
  (void)state;
  method.last_step = STEPS - 1;
  for (uint32_t round = 0; round < 20; round++) {
    bl_transition_draw(drawn, order, &method, round, 0);
    for (int k = 0; k < DRAWN; k++)
      assert_in_range(drawn[k].step, 0, STEPS - 2);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_slot_draws_without_replacement),
                                     cmocka_unit_test(the_final_step_can_be_left_out)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
