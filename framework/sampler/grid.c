#include "sampler/grid.h"

#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int bl_grid_step(bl_grid grid, int i, int count, int total) {
  const int64_t last = count - 1, place = i;
  int64_t step = place;
  if (count == 1 && i == 0)
    step = total - 1;
  else if (grid == BL_GRID_LINEAR)
    step = place * (total - 1) / last;
  else if (grid == BL_GRID_EVEN)
    step = (place + 1) * total / count - 1;
  else if (grid == BL_GRID_QUADRATIC)
    step = place * place * 4 * total / (5 * last * last);
  return (int)(step > place ? step : place);
}

void bl_grid_steps(int *steps, bl_grid grid, int count, int total) {
  for (int i = 0; i < count; i++)
    steps[i] = bl_grid_step(grid, i, count, total);
}

static bl_status read_grid(bl_grid *grid, const bl_schedule *schedule, const bl_options *options) {
  const char *name = options->sampler.grid;
  if (strcmp(name, "full") == 0)
    *grid = BL_GRID_FULL;
  else if (strcmp(name, "linear") == 0)
    *grid = BL_GRID_LINEAR;
  else if (strcmp(name, "even") == 0)
    *grid = BL_GRID_EVEN;
  else if (strcmp(name, "quadratic") == 0)
    *grid = BL_GRID_QUADRATIC;
  else
    return bl_options_reject(options, "sampler.grid", "\"full\", \"linear\", \"even\" or \"quadratic\" with sampler %s",
                             options->sampler.name);
  if (*grid == BL_GRID_FULL && options->sampler.steps != schedule->steps)
    return bl_options_reject(options, "sampler.steps", "%d, all steps of the model's diffusion, with grid \"full\"",
                             schedule->steps);
  return BL_OK;
}

bl_status bl_grid_plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options, double eta) {
  bl_grid grid;
  BL_TRY(read_grid(&grid, schedule, options));
  int count = options->sampler.steps;
  int *steps = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&steps, (size_t)count, sizeof *steps));
  BL_GOTO(bl_chain_create(chain, count));
  bl_grid_steps(steps, grid, count, schedule->steps);
  for (int i = 0; i < count; i++) {
    int t = steps[count - 1 - i];
    double here = schedule->alpha_bar[t], next = i == count - 1 ? 1.0 : schedule->alpha_bar[steps[count - 2 - i]];
    double beta = 1.0 - here / next; /* of the joined steps */
    double posterior = sqrt(beta * (1.0 - next) / (1.0 - here));
    bl_chain_set_step(chain, i, t, here, next, eta * posterior);
  }
done:
  bl_free(&steps);
  return status;
}

bl_status bl_grid_levels(bl_noise_level *levels, const bl_schedule *schedule, const bl_options *options, int intervals,
                         const int *evaluations) {
  const char *name = options->sampler.grid;
  const int last = schedule->steps - 1, total = options->sampler.steps;
  const bool by_log_snr = strcmp(name, "log_snr") == 0, whole = strcmp(name, "linear") == 0;
  if (!by_log_snr && !whole && strcmp(name, "time") != 0)
    return bl_options_reject(options, "sampler.grid", "\"log_snr\", \"time\" or \"linear\" with sampler %s",
                             options->sampler.name);
  if (last < 1 || (whole && total > last))
    return bl_options_reject(options, "sampler.steps",
                             "below %d, the steps of the model's diffusion: sampler %s goes from the last to the first",
                             schedule->steps, options->sampler.name);
  const double noisiest = bl_noise_level_at(schedule, last).log_snr, clearest = bl_noise_level_at(schedule, 0).log_snr;
  for (int k = 0, done = 0; k <= intervals; done += k < intervals ? evaluations[k] : 0, k++) {
    if (k == 0 || k == intervals)
      levels[k] = bl_noise_level_at(schedule, k == 0 ? last : 0);
    else if (by_log_snr)
      levels[k] = bl_noise_level_of(schedule, noisiest + (clearest - noisiest) * k / intervals);
    else if (whole)
      levels[k] = bl_noise_level_at(schedule, (double)((int64_t)(total - done) * last / total));
    else
      levels[k] = bl_noise_level_at(schedule, (double)last * (total - done) / total);
  }
  return BL_OK;
}
