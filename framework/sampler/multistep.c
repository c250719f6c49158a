#include "sampler/multistep.h"

#include "base/memory.h"

#include <string.h>

enum { LONG_CHAIN = 15 };

int bl_multistep_order(const bl_options *options, int order, int k) {
  const int steps = options->sampler.steps;
  if (order > k)
    order = k;
  if ((steps < LONG_CHAIN || strcmp(options->sampler.grid, "log_snr") != 0) && order > steps + 1 - k)
    order = steps + 1 - k;
  return order;
}

bl_status bl_multistep_create(bl_chain *chain, bl_noise_level **levels, const bl_schedule *schedule,
                              const bl_options *options, int depth) {
  const int steps = options->sampler.steps;
  int *evaluations = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&evaluations, (size_t)steps, sizeof *evaluations));
  for (int i = 0; i < steps; i++)
    evaluations[i] = 1;
  BL_GOTO(bl_allocate(levels, (size_t)steps + 1, sizeof **levels));
  BL_GOTO(bl_grid_levels(*levels, schedule, options, steps, evaluations));
  BL_GOTO(bl_chain_create_deep(chain, steps, depth));
  for (int i = 0; i < steps; i++)
    bl_chain_begin_step(chain, i, (*levels)[i].time, (*levels)[i].alpha_bar);
done:
  bl_free(&evaluations);
  if (status != BL_OK)
    bl_free(levels);
  return status;
}
