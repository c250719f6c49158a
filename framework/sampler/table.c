#include "sampler/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const bl_sampler *const table[] = {&bl_sampler_ddpm,       &bl_sampler_fastdpm,       &bl_sampler_ddim,
                                          &bl_sampler_analytic,   &bl_sampler_sn_ddpm,       &bl_sampler_npr_ddpm,
                                          &bl_sampler_dpm_solver, &bl_sampler_dpm_solver_pp, &bl_sampler_unipc};

enum { SAMPLERS = sizeof table / sizeof table[0] };

static bl_status reject_name(const bl_options *options, bool fine_tuning) {
  char names[256] = "";
  for (int i = 0; i < SAMPLERS; i++)
    if (!fine_tuning || table[i]->has_log_density)
      snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "", table[i]->name);
  if (fine_tuning)
    return bl_options_reject(options, "sampler.name", "a sampler with a log-density for fine-tuning: %s", names);
  return bl_options_reject(options, "sampler.name", "one of %s", names);
}

/* What fine-tuning cannot learn from: a step without a density, or whose mean is not linear in ε. */
static bl_status check_fine_tuning(const bl_chain *chain, const bl_sampler *sampler, const bl_options *options) {
  if (chain->clip)
    return bl_options_reject(options, "sampler.clip", "false for fine-tuning: a clipped step has no log-density");
  int last = chain->steps - 1;
  for (int i = 0; i < chain->steps; i++) {
    if (chain->sigma[i] > 0.0)
      continue;
    if (i == last)
      return bl_options_reject(options, "sampler.final_sigma",
                               "a value above 0 for fine-tuning (0.001): the last step has no log-density otherwise");
    return bl_options_reject(options, sampler->noise_key,
                             "settings with noise in every step for fine-tuning: step %d of %d has none", i + 1,
                             chain->steps);
  }
  return BL_OK;
}

bl_status bl_sampler_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, bool fine_tuning) {
  *chain = (bl_chain){0};
  const bl_sampler *sampler = NULL;
  for (int i = 0; i < SAMPLERS; i++)
    if (strcmp(table[i]->name, options->sampler.name) == 0)
      sampler = table[i];
  if (!sampler)
    return reject_name(options, false);
  if (fine_tuning && !sampler->has_log_density)
    return reject_name(options, true);
  if (options->sampler.steps < 1 || options->sampler.steps > schedule->steps)
    return bl_options_reject(options, "sampler.steps", "1 to %d, the steps of the model's diffusion", schedule->steps);

  bl_status status = sampler->plan(chain, schedule, options);
  if (status == BL_OK) {
    chain->clip = options->sampler.clip;
    if (sampler->has_log_density && options->sampler.final_sigma >= 0.0)
      chain->sigma[chain->steps - 1] = options->sampler.final_sigma;
    if (fine_tuning)
      status = check_fine_tuning(chain, sampler, options);
  }
  if (status != BL_OK)
    bl_chain_destroy(chain);
  return status;
}

bl_status bl_sampler_check_network(const bl_chain *chain, const bl_network_shape *shape, const bl_options *options) {
  if (shape->kind != BL_NETWORK_MLP)
    return BL_OK;
  for (int i = 0; i < chain->steps; i++)
    if (floorf(chain->time[i]) != chain->time[i])
      return bl_options_reject(options, "sampler.grid",
                               "a grid of whole steps: the model is an mlp, which knows no time %g between two steps",
                               (double)chain->time[i]);
  return BL_OK;
}
