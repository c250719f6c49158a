#include "sampler/grid.h"

#include "support/cmocka.h"

static void published_grids_come_out(void **state) {
  (void)state;
  const int linear[10] = {0, 111, 222, 333, 444, 555, 666, 777, 888, 999};
  const int quadratic[10] = {0, 9, 39, 88, 158, 246, 355, 483, 632, 800};
  int steps[10];
  bl_grid_steps(steps, BL_GRID_LINEAR, 10, 1000);
  assert_memory_equal(steps, linear, sizeof steps);
  bl_grid_steps(steps, BL_GRID_QUADRATIC, 10, 1000);
  assert_memory_equal(steps, quadratic, sizeof steps);
}

static void steps_rise_and_stay_inside(void **state) {
  (void)state;
  enum { LARGEST = 60 };
  int steps[LARGEST];
  for (int total = 1; total <= LARGEST; total++) {
    for (int count = 1; count <= total; count++) {
      for (int grid = BL_GRID_FULL; grid <= BL_GRID_QUADRATIC; grid++) {
        if (grid == BL_GRID_FULL && count < total)
          continue;
        bl_grid_steps(steps, (bl_grid)grid, count, total);
        assert_in_range(steps[0], 0, count == 1 ? total - 1 : grid == BL_GRID_EVEN ? total / count - 1 : 0);
        for (int i = 1; i < count; i++)
          assert_true(steps[i] > steps[i - 1]);
        assert_true(steps[count - 1] < total);
        if (grid == BL_GRID_LINEAR || grid == BL_GRID_EVEN || count == 1)
          assert_int_equal(steps[count - 1], total - 1);
      }
    }
  }
}

static void half_of_an_even_grid_is_every_second_step(void **state) {
  (void)state;
  for (int total = 2; total <= 1000; total += 37)
    for (int count = 1; 2 * count <= total; count++)
      for (int i = -1; i < count; i++)
        assert_int_equal(bl_grid_step(BL_GRID_EVEN, i, count, total),
                         bl_grid_step(BL_GRID_EVEN, 2 * i + 1, 2 * count, total));
  assert_int_equal(bl_grid_step(BL_GRID_EVEN, -1, 4, 1000), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_grids_come_out),
      cmocka_unit_test(steps_rise_and_stay_inside),
      cmocka_unit_test(half_of_an_even_grid_is_every_second_step),
  };
  return cmocka_run_group_tests_name("grid", tests, NULL, NULL);
}
