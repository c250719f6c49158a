/* Analytic-DPM (Bao et al. 2022): the variance of a reverse step that is best for the network at hand, from the moments
 * Γ_t = E‖ε(x_t, t)‖² / d that `beeline moments` measures. η = 1 is Analytic-DDPM, η = 0 Analytic-DDIM.
 *
 * Given x_t, x_0 has the mean that the network predicts and the variance C_t = (1 − ᾱ_t) / ᾱ_t (1 − Γ_t), to which the
 * chain adds its own: σ² = λ² + (√ᾱ_s − √((1 − ᾱ_s − λ²) ᾱ_t / (1 − ᾱ_t)))² C_t, λ the noise of DDIM (their theorem 1,
 * equation 7; theorem 2 bounds C_t by 0 and, for data in [−1, 1], by 1). The last step draws no noise of its own; that of
 * the one before is bounded by sampler.pixel_clip levels of 8-bit pixels in the mean (appendix F.1: E|σ z| = σ √(2/π) ≤
 * levels · 2/255). */
#include "sampler/covariance.h"
#include "sampler/sampler.h"
#include "store/moments.h"

#include <math.h>

/* Of x_0 given x at a step of the schedule. */
static double variance_of_origin(const bl_moments *moments, double alpha_bar, int t) {
  return fmin(fmax((1.0 - alpha_bar) / alpha_bar * (1.0 - moments->gamma[t]), 0.0), 1.0);
}

static void set_variances(bl_chain *chain, const bl_moments *moments, const bl_schedule *schedule,
                          const bl_options *options) {
  const int last = chain->steps - 1;
  for (int i = 0; i < last; i++) {
    const int t = (int)chain->time[i], s = (int)chain->time[i + 1];
    const double here = schedule->alpha_bar[t], next = schedule->alpha_bar[s], own = chain->sigma[i] * chain->sigma[i];
    const double share = sqrt(next) - sqrt((1.0 - next - own) * here / (1.0 - here));
    chain->sigma[i] = sqrt(own + share * share * variance_of_origin(moments, here, t));
  }
  if (last > 0 && options->sampler.pixel_clip > 0.0)
    chain->sigma[last - 1] = fmin(chain->sigma[last - 1], bl_covariance_limit(options));
}

static bl_status check_moments(const bl_moments *moments, const bl_schedule *schedule, const char *path) {
  bool fits = moments->steps == schedule->steps;
  for (int t = 0; fits && t < schedule->steps; t++)
    fits = fabs(moments->alpha_bar[t] - schedule->alpha_bar[t]) <= 1e-9 * schedule->alpha_bar[t];
  return fits ? BL_OK
              : bl_fail(BL_ERROR_INPUT,
                        "%s: was measured on another diffusion (%d steps, the model has %d): make it anew "
                        "with beeline moments",
                        path, moments->steps, schedule->steps);
}

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  const char *path = options->sampler.moments;
  bl_moments moments = {0};
  if (path[0] == '\0')
    return bl_options_reject(options, "sampler.moments", "a file made by beeline moments, with sampler analytic");
  BL_TRY(bl_grid_plan(chain, schedule, options, options->sampler.eta));
  bl_status status = bl_moments_read(&moments, path);
  if (status == BL_OK)
    status = check_moments(&moments, schedule, path);
  if (status == BL_OK)
    set_variances(chain, &moments, schedule, options);
  bl_moments_destroy(&moments);
  return bl_options_blame(options, "sampler.moments", status);
}

const bl_sampler bl_sampler_analytic = {
    .name = "analytic", .has_log_density = true, .noise_key = "sampler.moments", .plan = plan};
