/* DPM-Solver++ (Lu et al. 2022b), multistep of order 2 ("2M", algorithm 2): the probability flow solved in λ = log(α / σ)
 * for the prediction of x_0, which is extrapolated from the latest two evaluations. With `clip` both are clipped.
 * Draws no noise; ends at the first step of the schedule. */
#include "base/memory.h"
#include "sampler/multistep.h"
#include "sampler/sampler.h"

#include <math.h>

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  const int order = options->sampler.order == 0 ? 2 : options->sampler.order;
  if (order > 2)
    return bl_options_reject(options, "sampler.order", "0, 1 or 2 with sampler dpm_solver_pp");
  bl_noise_level *levels;
  BL_TRY(bl_multistep_create(chain, &levels, schedule, options, 1));
  for (int i = 0; i < chain->steps; i++) {
    const bl_noise_level s = levels[i], t = levels[i + 1];
    const double h = t.log_snr - s.log_snr, whole = -t.alpha * expm1(-h);
    double before = 0.0; /* 1 / (2 r) */
    if (bl_multistep_order(options, order, i + 1) == 2)
      before = 0.5 * h / (s.log_snr - levels[i - 1].log_snr);
    bl_chain_add(chain, i, 0, t.sigma / s.sigma, 0.0);
    bl_chain_add_origin(chain, i, 0, whole * (1.0 + before));
    if (before > 0.0)
      bl_chain_add_origin(chain, i, 1, -whole * before);
  }
  bl_free(&levels);
  return BL_OK;
}

const bl_sampler bl_sampler_dpm_solver_pp = {.name = "dpm_solver_pp", .plan = plan};
