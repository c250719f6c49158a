/* Ancestral sampling of DDPM (Ho et al. 2020), on all steps or on a part of them (Nichol & Dhariwal 2021, § 4). */
#include "base/memory.h"
#include "sampler/grid.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

static bl_status read_grid(bl_grid *grid, const bl_schedule *schedule, const bl_options *options) {
  const char *name = options->sampler.grid;
  if (strcmp(name, "full") == 0)
    *grid = BL_GRID_FULL;
  else if (strcmp(name, "linear") == 0)
    *grid = BL_GRID_LINEAR;
  else if (strcmp(name, "quadratic") == 0)
    *grid = BL_GRID_QUADRATIC;
  else
    return bl_options_reject(options, "sampler.grid", "\"full\", \"linear\" or \"quadratic\" with sampler ddpm");
  if (*grid == BL_GRID_FULL && options->sampler.steps != schedule->steps)
    return bl_options_reject(options, "sampler.steps", "%d, all steps of the model's diffusion, with grid \"full\"",
                             schedule->steps);
  return BL_OK;
}

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  bl_grid grid;
  BL_TRY(read_grid(&grid, schedule, options));
  bool large = strcmp(options->sampler.variance, "large") == 0;
  if (!large && strcmp(options->sampler.variance, "small") != 0)
    return bl_options_reject(options, "sampler.variance", "\"small\" or \"large\"");

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
    bl_chain_set_step(chain, i, t, here, next, posterior);
    if (large)
      chain->sigma[i] = sqrt(beta);
  }
done:
  bl_free(&steps);
  return status;
}

const bl_sampler bl_sampler_ddpm = {"ddpm", true, plan};
