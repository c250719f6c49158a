#include "diffusion/denoise.h"

#include "base/kernel.h"

#include <math.h>

BL_KERNEL static void mix(float *restrict noisy, const float *restrict origin, const float *restrict epsilon, float signal,
                          float noise, size_t size) {
  for (size_t i = 0; i < size; i++)
    noisy[i] = signal * origin[i] + noise * epsilon[i];
}

void bl_denoise_mix(float *noisy, float *epsilon, const float *origin, double alpha_bar, bl_draw draw, size_t size) {
  bl_random_normal(epsilon, size, draw);
  mix(noisy, origin, epsilon, (float)sqrt(alpha_bar), (float)sqrt(1.0 - alpha_bar), size);
}

void bl_denoise_input(float *noisy, float *epsilon, float *time, const float *origin, const bl_schedule *schedule,
                      uint64_t seed, uint32_t round, uint32_t first_sample, bool antithetic, size_t batch, size_t size) {
  size_t half = antithetic ? (batch + 1) / 2 : batch;
  for (size_t s = 0; s < batch; s++) {
    bool mirrored = s >= half;
    bl_draw draw = {.seed = seed, .purpose = BL_PURPOSE_TIME_STEP, .round = round};
    draw.sample = first_sample + (uint32_t)(mirrored ? s - half : s);
    int t = (int)bl_random_below((uint32_t)schedule->steps, draw);
    if (mirrored)
      t = schedule->steps - 1 - t;
    draw.purpose = BL_PURPOSE_FORWARD_NOISE;
    draw.sample = first_sample + (uint32_t)s;
    bl_denoise_mix(noisy + s * size, epsilon + s * size, origin + s * size, schedule->alpha_bar[t], draw, size);
    time[s] = (float)t;
  }
}
