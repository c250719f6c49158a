/* FastDPM (Kong & Ping 2021): a short chain from given steps (STEP) or from given variances (VAR), between DDIM (κ = 0) and
 * DDPM (κ = 1). */
#include "base/memory.h"
#include "sampler/grid.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

/* The variances η of VAR grow from the schedule's first β by one parameter, which is chosen so that Π (1 − η) meets the
 * schedule's last ᾱ. */
typedef double variance_law(int i, int count, double first, double parameter);

static double linear_variance(int i, int count, double first, double parameter) {
  return first + (parameter - first) * i / (count - 1);
}

static double quadratic_variance(int i, int count, double first, double parameter) {
  (void)count;
  double root = 1.0 + i * parameter;
  return first * root * root;
}

static double signal_left(variance_law *law, int count, double first, double parameter) {
  double product = 1.0;
  for (int i = 0; i < count; i++)
    product *= 1.0 - law(i, count, first, parameter);
  return product;
}

/* Bisection as in the public code: it accepts up to (1 + tolerance) · target, and ends at `right` where that is too small.
 */
static double find_parameter(variance_law *law, int count, double first, double target, double left, double right,
                             double tolerance) {
  double parameter = right;
  for (int i = 0; i < 1000; i++) {
    parameter = 0.5 * (left + right);
    double product = signal_left(law, count, first, parameter);
    if (product < target)
      right = parameter;
    else if (product > (1.0 + tolerance) * target)
      left = parameter;
    else
      break;
  }
  return parameter;
}

/* A row of the table of grids: STEP where law is NULL. */
typedef struct grid_row {
  const char *name;
  bl_grid steps;
  variance_law *law;
  bool exact;
} grid_row;

static const grid_row grids[] = {
    {"step_linear", BL_GRID_LINEAR, NULL, false},
    {"step_quadratic", BL_GRID_QUADRATIC, NULL, false},
    {"var_linear", BL_GRID_LINEAR, linear_variance, false},
    {"var_quadratic", BL_GRID_QUADRATIC, quadratic_variance, false},
    {"var_quadratic_exact", BL_GRID_QUADRATIC, quadratic_variance, true},
};

enum { GRIDS = sizeof grids / sizeof grids[0] };

/* ᾱ and time of each step of the chain, in rising order of time. */
static bl_status plan_steps(double *alpha_bar, double *time, const grid_row *grid, int count, const bl_schedule *schedule) {
  int *steps = NULL;
  BL_TRY(bl_allocate(&steps, (size_t)count, sizeof *steps));
  bl_grid_steps(steps, grid->steps, count, schedule->steps);
  for (int i = 0; i < count; i++) {
    alpha_bar[i] = schedule->alpha_bar[steps[i]];
    time[i] = steps[i];
  }
  bl_free(&steps);
  return BL_OK;
}

static void plan_variances(double *alpha_bar, double *time, const grid_row *grid, int count, const bl_schedule *schedule) {
  double first = schedule->beta[0], target = schedule->alpha_bar[schedule->steps - 1];
  double left = grid->law == linear_variance ? first : 0.0, right, tolerance = 1e-4;
  if (grid->law == linear_variance) {
    right = 0.99;
  } else if (grid->exact) {
    right = (1.0 / sqrt(first) - 1.0) / (count - 1); /* the last variance is 1 */
    tolerance = 0.0;
  } else {
    /* The public code's bound. It lies below the root at 8, 10 and 20 steps, so the chain keeps too much signal and starts
     * near t = 617 instead of 999: that is the chain of the published results. */
    right = 0.95 / sqrt(first) / count;
  }
  double parameter = find_parameter(grid->law, count, first, target, left, right, tolerance);
  double product = 1.0;
  for (int i = 0; i < count; i++) {
    product *= 1.0 - grid->law(i, count, first, parameter);
    alpha_bar[i] = product;
    time[i] = bl_schedule_time_of(schedule, product);
  }
}

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  const grid_row *grid = NULL;
  for (int i = 0; i < GRIDS; i++)
    if (strcmp(grids[i].name, options->sampler.grid) == 0)
      grid = &grids[i];
  if (!grid)
    return bl_options_reject(options, "sampler.grid",
                             "\"step_linear\", \"step_quadratic\", \"var_linear\", \"var_quadratic\" or "
                             "\"var_quadratic_exact\" with sampler fastdpm");
  int count = options->sampler.steps;
  if (grid->law && count < 2)
    return bl_options_reject(options, "sampler.steps", "at least 2 with a grid of variances");
  double *alpha_bar = NULL, *time = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&alpha_bar, (size_t)count, sizeof *alpha_bar));
  BL_GOTO(bl_allocate(&time, (size_t)count, sizeof *time));
  BL_GOTO(bl_chain_create(chain, count));
  if (grid->law)
    plan_variances(alpha_bar, time, grid, count, schedule);
  else
    BL_GOTO(plan_steps(alpha_bar, time, grid, count, schedule));
  for (int i = 0; i < count; i++) {
    int j = count - 1 - i;
    double here = alpha_bar[j], next = j == 0 ? 1.0 : alpha_bar[j - 1];
    double sigma = options->sampler.kappa * sqrt((1.0 - next) / (1.0 - here) * (1.0 - here / next));
    bl_chain_set_step(chain, i, time[j], here, next, sigma);
  }
done:
  bl_free(&alpha_bar);
  bl_free(&time);
  return status;
}

const bl_sampler bl_sampler_fastdpm = {
    .name = "fastdpm", .has_log_density = true, .noise_key = "sampler.kappa", .plan = plan};
