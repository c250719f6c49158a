/* DDIM (Song, Meng & Ermon 2021): the marginals of DDPM with η times its noise. η = 1 is DDPM with the small variance, η =
 * 0 is deterministic: the first-order solver of the probability flow, whose last step goes to ᾱ = 1. Their σ̂ is sampler
 * ddpm with the large variance. */
#include "sampler/grid.h"
#include "sampler/sampler.h"

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  return bl_grid_plan(chain, schedule, options, options->sampler.eta);
}

const bl_sampler bl_sampler_ddim = {.name = "ddim", .has_log_density = true, .noise_key = "sampler.eta", .plan = plan};
