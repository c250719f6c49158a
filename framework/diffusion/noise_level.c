#include "diffusion/noise_level.h"

#include <math.h>

static bl_noise_level make(double time, double alpha_bar) {
  const double rest = 1.0 - alpha_bar;
  return (bl_noise_level){.time = time,
                          .alpha_bar = alpha_bar,
                          .alpha = sqrt(alpha_bar),
                          .sigma = sqrt(rest),
                          .log_snr = 0.5 * log(alpha_bar / rest)};
}

bl_noise_level bl_noise_level_at(const bl_schedule *schedule, double time) {
  const int last = schedule->steps - 1;
  if (!(time > 0.0))
    return make(0.0, schedule->alpha_bar[0]);
  if (time >= last)
    return make(last, schedule->alpha_bar[last]);
  const int i = (int)time;
  const double part = time - i;
  if (part == 0.0)
    return make(time, schedule->alpha_bar[i]);
  return make(time, exp((1.0 - part) * log(schedule->alpha_bar[i]) + part * log(schedule->alpha_bar[i + 1])));
}

bl_noise_level bl_noise_level_of(const bl_schedule *schedule, double log_snr) {
  const int last = schedule->steps - 1;
  const double alpha_bar = 1.0 / (1.0 + exp(-2.0 * log_snr));
  if (alpha_bar >= schedule->alpha_bar[0])
    return make(0.0, schedule->alpha_bar[0]);
  if (alpha_bar <= schedule->alpha_bar[last])
    return make(last, schedule->alpha_bar[last]);
  int low = 0, high = last; /* ᾱ[low] > alpha_bar >= ᾱ[high] */
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    if (schedule->alpha_bar[middle] > alpha_bar)
      low = middle;
    else
      high = middle;
  }
  const double above = log(schedule->alpha_bar[low]), below = log(schedule->alpha_bar[high]);
  return make(low + (above - log(alpha_bar)) / (above - below), alpha_bar);
}
