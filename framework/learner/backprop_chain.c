/* Fine-tuning by back-propagation through the chain: as one deep network whose T' layers share their weights, trained with
 * the critic's gradient ∂f(x_0)/∂x_0 as in a Wasserstein GAN (Arjovsky et al. 2017). Fan & Lee (2023) set policy gradient
 * against this way. learner/unrolled_chain.h does the work. */
#include "learner/policy_learner.h"

static bl_status configure(bl_policy_method *method, const bl_options *options) {
  if (method->monitor_policy)
    return bl_options_reject(options, "monitor.policy", "false with learner %s, which draws no transitions",
                             method->learner->name);
  return BL_OK;
}

const bl_policy_learner bl_policy_learner_backprop_chain = {
    .name = "backprop_chain", .judge = &bl_judge_critic, .experience = BL_EXPERIENCE_CHAINS, .configure = configure};
