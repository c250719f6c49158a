#include "sampler/grid.h"

#include <stdint.h>

void bl_grid_steps(int *steps, bl_grid grid, int count, int total) {
  int64_t last = count - 1;
  for (int64_t i = 0; i < count; i++) {
    int64_t step = i;
    if (count == 1)
      step = total - 1;
    else if (grid == BL_GRID_LINEAR)
      step = i * (total - 1) / last;
    else if (grid == BL_GRID_QUADRATIC)
      step = i * i * 4 * total / (5 * last * last);
    steps[i] = (int)(step > i ? step : i);
  }
}
