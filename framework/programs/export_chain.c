#include "programs/export_chain.h"

#include "base/memory.h"
#include "sampler/sampler.h"

#include <math.h>

static const double tolerance = 1e-9;

/* Deviation of DDPM's posterior, by which eta is measured. */
static double posterior(double alpha_bar, double next) {
  return sqrt((1 - next) / (1 - alpha_bar) * (1 - alpha_bar / next));
}

static bool near(double a, double b) {
  return fabs(a - b) <= tolerance * (1 + fabs(b));
}

/* Whether each step has DDIM's mean and, but for the last, its noise of one eta. */
static bool is_plain(const bl_export_chain *c) {
  const bl_chain *chain = &c->chain;
  bl_chain plain;
  bool equal = true;
  if (bl_chain_create(&plain, chain->steps) != BL_OK)
    return false;
  for (int i = 0; i < chain->steps && equal; i++) {
    const bool last = i + 1 == chain->steps;
    const double next = last ? 1 : c->alpha_bar[i + 1];
    const double sigma = last ? 0 : c->foreign.eta * posterior(c->alpha_bar[i], next);
    bl_chain_set_step(&plain, i, (double)chain->time[i], c->alpha_bar[i], next, sigma);
    equal = near(chain->state[i], plain.state[i]) && near(chain->output[i], plain.output[i]) &&
            (last || near(chain->sigma[i], sigma));
  }
  bl_chain_destroy(&plain);
  return equal;
}

static bl_status describe(bl_export_chain *c, const bl_options *options) {
  const bl_chain *chain = &c->chain;
  if (chain->clip)
    return bl_options_reject(options, "sampler.clip", "false: what diffusers clips is not what is clipped here");
  BL_TRY(bl_allocate(&c->alpha_bar, (size_t)chain->steps, sizeof *c->alpha_bar));
  for (int i = 0; i < chain->steps; i++)
    c->alpha_bar[i] = chain->process[i].alpha * chain->process[i].alpha;
  c->foreign = (bl_foreign_chain){.steps = chain->steps, .time = chain->time, .alpha_bar = c->alpha_bar, .eta = 1};
  if (chain->steps > 1)
    c->foreign.eta = chain->sigma[0] / posterior(c->alpha_bar[0], c->alpha_bar[1]);
  if (near(c->foreign.eta, 1))
    c->foreign.eta = 1;
  if (chain->depth > 0 || chain->drawn != NULL || c->foreign.eta > 1 || !is_plain(c))
    return bl_options_reject(
        options, "sampler.name",
        "ddpm with small variance, fastdpm, or ddim, for a pipeline of diffusers: it knows their steps "
        "only");
  return BL_OK;
}

bl_status bl_export_chain_plan(bl_export_chain *c, const bl_model_header *header, const bl_options *options) {
  bl_schedule schedule;
  *c = (bl_export_chain){0};
  BL_TRY(bl_schedule_create(&schedule, header->schedule, header->diffusion_steps, header->beta_first, header->beta_last));
  bl_status status = bl_sampler_plan(&c->chain, &schedule, options, false);
  if (status == BL_OK)
    status = describe(c, options);
  bl_schedule_destroy(&schedule);
  return status;
}

void bl_export_chain_destroy(bl_export_chain *c) {
  bl_free(&c->alpha_bar);
  bl_chain_destroy(&c->chain);
}
