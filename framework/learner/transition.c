#include "learner/transition.h"

#include "base/random.h"
#include "learner/policy_learner.h"

uint32_t bl_transition_rollout(const bl_policy_method *method, int64_t round, int batch) {
  return (uint32_t)(round * method->n_critic + batch);
}

size_t bl_transition_count(const bl_policy_method *method) {
  return (size_t)method->n_generator * method->micro_batch;
}

void bl_transition_draw(bl_transition *transitions, uint32_t *order, const bl_policy_method *method, uint32_t round,
                        uint32_t slot) {
  const size_t batch = method->micro_batch, steps = (size_t)method->last_step;
  bl_random_permutation(
      order, (uint32_t)((size_t)method->n_critic * steps * batch),
      (bl_draw){.seed = method->seed, .purpose = BL_PURPOSE_POLICY_BATCH, .round = round, .sample = slot});
  for (size_t k = 0; k < bl_transition_count(method); k++)
    transitions[k] = (bl_transition){.batch = (int)(order[k] / (steps * batch)),
                                     .step = (int)(order[k] / batch % steps),
                                     .sample = (int)(order[k] % batch)};
}
