#include "sampler/grid.h"

#include <stdint.h>

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
