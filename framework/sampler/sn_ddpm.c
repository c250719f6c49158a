/* SN-DDPM (squared noise; Bao et al. 2022, "Estimating the Optimal Covariance with Imperfect Mean in Diffusion
 * Probabilistic Models"): Analytic-DPM's steps with a variance of x_0 of each element, from a head that learned h = E(ε² |
 * x_t). η = 0 is SN-DDIM. */
#include "sampler/covariance.h"
#include "sampler/sampler.h"

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  return bl_covariance_plan(chain, schedule, options, BL_HEAD_SN);
}

const bl_sampler bl_sampler_sn_ddpm = {.name = "sn_ddpm", .noise_key = "sampler.head", .plan = plan};
