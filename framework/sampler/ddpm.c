/* Ancestral sampling of DDPM (Ho et al. 2020), on all steps or on a part of them (Nichol & Dhariwal 2021, § 4). With the
 * large variance on a part of the steps it is what Song et al. 2021 call σ̂. */
#include "sampler/grid.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  bool large = strcmp(options->sampler.variance, "large") == 0;
  if (!large && strcmp(options->sampler.variance, "small") != 0)
    return bl_options_reject(options, "sampler.variance", "\"small\" or \"large\"");
  BL_TRY(bl_grid_plan(chain, schedule, options, 1.0));
  for (int i = 0; large && i < chain->steps; i++) {
    double next = i == chain->steps - 1 ? 1.0 : schedule->alpha_bar[(int)chain->time[i + 1]];
    chain->sigma[i] = sqrt(1.0 - schedule->alpha_bar[(int)chain->time[i]] / next);
  }
  return BL_OK;
}

const bl_sampler bl_sampler_ddpm = {.name = "ddpm", .has_log_density = true, .noise_key = "sampler.steps", .plan = plan};
