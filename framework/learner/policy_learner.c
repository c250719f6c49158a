#include "learner/policy_learner.h"

#include <stdio.h>
#include <string.h>

/* The rows. */
static const bl_policy_learner *const learners[] = {&bl_policy_learner_sft_pg, &bl_policy_learner_backprop_chain};

enum { LEARNERS = sizeof learners / sizeof *learners };

/* "sft_pg, … or backprop_chain" */
static void list_names(char *text, size_t size) {
  size_t used = 0;
  text[0] = '\0';
  for (size_t i = 0; i < LEARNERS && used < size; i++)
    used += (size_t)snprintf(text + used, size - used, "%s%s",
                             i == 0             ? ""
                             : i + 1 < LEARNERS ? ", "
                                                : " or ",
                             learners[i]->name);
}

bl_status bl_policy_learner_find(const bl_policy_learner **learner, const bl_options *options) {
  char names[256];
  for (size_t i = 0; i < LEARNERS; i++)
    if (strcmp(learners[i]->name, options->learner.name) == 0) {
      *learner = learners[i];
      return BL_OK;
    }
  list_names(names, sizeof names);
  return bl_options_reject(options, "learner.name", "%s", names);
}

static bl_status configure_regulariser(bl_policy_method *method, const bl_options *options) {
  const char *name = options->critic.regulariser;
  method->weight = options->critic.weight;
  if (strcmp(name, "baseline") == 0)
    method->regulariser = BL_REGULARISER_BASELINE;
  else if (strcmp(name, "penalty") == 0)
    method->regulariser = BL_REGULARISER_PENALTY;
  else if (strcmp(name, "none") != 0)
    return bl_options_reject(options, "critic.regulariser", "baseline, penalty or none");
  return BL_OK;
}

bl_status bl_policy_method_configure(bl_policy_method *method, const bl_policy_learner *learner, const bl_options *options,
                                     size_t sample_size, int steps) {
  const bl_options_learner *settings = &options->learner;
  *method = (bl_policy_method){.learner = learner,
                               .micro_batch = (size_t)settings->micro_batch,
                               .size = sample_size,
                               .steps = steps,
                               .n_critic = settings->n_critic,
                               .n_generator = settings->n_generator,
                               .critic_epochs = settings->critic_epochs,
                               .warm_up = settings->warm_up,
                               .last_step = settings->final_step ? steps : steps - 1,
                               .mean = strcmp(settings->log_density, "mean") == 0,
                               .keep_activations = strcmp(settings->keep, "activations") == 0,
                               .monitor_judge = options->monitor.critic,
                               .monitor_policy = options->monitor.policy,
                               .seed = (uint64_t)options->seed};
  if (!method->mean && strcmp(settings->log_density, "sum") != 0)
    return bl_options_reject(options, "learner.log_density", "mean or sum");
  BL_TRY(bl_advantage_configure(&method->advantage, options));
  BL_TRY(configure_regulariser(method, options));
  if (!method->keep_activations && strcmp(settings->keep, "states") != 0)
    return bl_options_reject(options, "learner.keep", "states or activations");
  method->has_value = learner->experience == BL_EXPERIENCE_TRANSITIONS || method->regulariser == BL_REGULARISER_BASELINE;
  return learner->configure(method, options);
}

size_t bl_policy_method_work(const bl_policy_method *method) {
  const size_t samples = method->micro_batch * (size_t)(method->steps + 3);
  const size_t images = 5 * method->micro_batch * method->size;
  return 4 * samples + images;
}
