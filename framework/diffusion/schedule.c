#include "diffusion/schedule.h"

#include "base/memory.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Element \a i of \a count evenly spaced numbers from first to last; a single one is `last`. */
static double spaced(int i, int count, double first, double last) {
  return count < 2 ? last : first + (last - first) * i / (count - 1);
}

static double linear_beta(int i, int steps, double first, double last) {
  return spaced(i, steps, first, last);
}

static double quadratic_beta(int i, int steps, double first, double last) {
  double root = spaced(i, steps, sqrt(first), sqrt(last));
  return root * root;
}

/* A logistic ramp over [−6, 6], as in SFT-PG's toy: it comes within 0.25 % of either end, it does not reach them. */
static double sigmoid_beta(int i, int steps, double first, double last) {
  return first + (last - first) / (1.0 + exp(-spaced(i, steps, -6.0, 6.0)));
}

/* Nichol & Dhariwal 2021, equation 17: ᾱ(u) = cos²((u + s) / (1 + s) · π/2), s = 0.008; β at most 0.999. */
static double cosine_beta(int i, int steps, double first, double last) {
  (void)first, (void)last;
  const double half_pi = 1.57079632679489661923, offset = 0.008;
  double before = cos((((double)i / steps) + offset) / (1.0 + offset) * half_pi);
  double after = cos((((double)(i + 1) / steps) + offset) / (1.0 + offset) * half_pi);
  return fmin(1.0 - (after * after) / (before * before), 0.999);
}

static const struct {
  const char *name;
  double (*beta)(int i, int steps, double first, double last);
  bool uses_range;
} table[] = {
    {"linear", linear_beta, true},
    {"quadratic", quadratic_beta, true},
    {"sigmoid", sigmoid_beta, true},
    {"cosine", cosine_beta, false},
};

enum { SCHEDULES = sizeof table / sizeof table[0] };

bl_status bl_schedule_create(bl_schedule *schedule, const char *name, int steps, double beta_first, double beta_last) {
  *schedule = (bl_schedule){0};
  int row = 0;
  while (row < SCHEDULES && strcmp(table[row].name, name) != 0)
    row++;
  if (row == SCHEDULES)
    return bl_fail(BL_ERROR_USAGE,
                   "diffusion.schedule is \"%s\", expected \"linear\", \"quadratic\", \"sigmoid\" or \"cosine\"", name);
  if (steps < 1)
    return bl_fail(BL_ERROR_USAGE, "diffusion.steps is %d, expected at least 1", steps);
  if (table[row].uses_range && !(beta_first > 0.0 && beta_first <= beta_last && beta_last < 1.0))
    return bl_fail(BL_ERROR_USAGE, "diffusion.beta_first is %g and diffusion.beta_last %g, expected 0 < first <= last < 1",
                   beta_first, beta_last);

  bl_status status = BL_OK;
  schedule->steps = steps;
  BL_GOTO(bl_allocate(&schedule->beta, (size_t)steps, sizeof *schedule->beta));
  BL_GOTO(bl_allocate(&schedule->alpha_bar, (size_t)steps, sizeof *schedule->alpha_bar));
  double product = 1.0;
  for (int i = 0; i < steps; i++) {
    schedule->beta[i] = table[row].beta(i, steps, beta_first, beta_last);
    product *= 1.0 - schedule->beta[i];
    schedule->alpha_bar[i] = product;
  }
done:
  if (status != BL_OK)
    bl_schedule_destroy(schedule);
  return status;
}

void bl_schedule_destroy(bl_schedule *schedule) {
  bl_free(&schedule->beta);
  bl_free(&schedule->alpha_bar);
  schedule->steps = 0;
}

double bl_schedule_fractional_log_alpha_bar(const bl_schedule *schedule, int i, double u) {
  double base = log(schedule->alpha_bar[i]);
  if (u == 0.0)
    return base;
  double slope = schedule->beta[i + 1] - schedule->beta[i];
  double keep = 1.0 - schedule->beta[i];
  double c = keep / slope, w = c - u; /* the product of u factors (keep − k · slope) is slope^u Γ(c) / Γ(c − u) */
  if (!(slope > 0.0) || c > 1e12)
    return base + u * log(keep);
  if (c < 1e3)
    return base + u * log(slope) + lgamma(c) - lgamma(w);
  /* Stirling's series for both, subtracted by hand: as they stand, they would cancel to 1e-10. */
  return base + u * log(slope * w) - (c - 0.5) * log1p(-u / c) - u + (1.0 / c - 1.0 / w) / 12.0;
}

double bl_schedule_time_of(const bl_schedule *schedule, double alpha_bar) {
  int last = schedule->steps - 1;
  if (alpha_bar >= schedule->alpha_bar[0])
    return 0.0;
  if (alpha_bar <= schedule->alpha_bar[last])
    return last;
  int low = 0, high = last; /* ᾱ[low] > alpha_bar >= ᾱ[high] */
  while (high - low > 1) {
    int middle = low + (high - low) / 2;
    if (schedule->alpha_bar[middle] > alpha_bar)
      low = middle;
    else
      high = middle;
  }
  double target = log(alpha_bar), left = 0.0, right = 1.0;
  for (int i = 0; i < 60; i++) {
    double middle = 0.5 * (left + right);
    if (bl_schedule_fractional_log_alpha_bar(schedule, low, middle) > target)
      left = middle;
    else
      right = middle;
  }
  return low + 0.5 * (left + right);
}
