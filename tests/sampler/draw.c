#include "base/log.h"
#include "support/cmocka.h"
#include "support/small_sampler.h"

#include <string.h>

enum { BATCH = 8, SIZE = 2 };

/* All ranks together draw the bits that one draws alone, whether or not the micro-batches fill up and go round. */
static void ranks_draw_what_one_draws(void **state) {
  (void)state;
  test_small_sampler f;
  test_small_sampler_create(&f, SIZE, BATCH);

  const size_t counts[] = {1, 5, 8, 9, 33, 64, 100};
  float together[100 * SIZE + 1], alone[100 * SIZE + 1], most[100 * SIZE];
  assert_int_equal(bl_sampler_draw(most, 0, 100, f.graph, &f.chain, NULL, 3, 2, BATCH, NULL, MPI_COMM_SELF), BL_OK);
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    size_t elements = counts[k] * SIZE;
    together[elements] = alone[elements] = 777.0F; /* nothing is written behind the last sample */
    assert_int_equal(bl_sampler_draw(alone, 0, counts[k], f.graph, &f.chain, NULL, 3, 2, BATCH, NULL, MPI_COMM_SELF),
                     BL_OK);
    assert_int_equal(bl_sampler_draw(together, 0, counts[k], f.graph, &f.chain, NULL, 3, 2, BATCH, NULL, MPI_COMM_WORLD),
                     BL_OK);
    assert_memory_equal(together, alone, (elements + 1) * sizeof(float));
    assert_memory_equal(alone, most, elements * sizeof(float)); /* asking for fewer gives the first ones */
  }
  for (size_t first = 0; first < 100; first += 3 * BATCH) { /* in parts */
    const size_t count = 100 - first < 3 * BATCH ? 100 - first : 3 * BATCH;
    assert_int_equal(bl_sampler_draw(together, first, count, f.graph, &f.chain, NULL, 3, 2, BATCH, NULL, MPI_COMM_WORLD),
                     BL_OK);
    assert_memory_equal(together, most + first * SIZE, count * SIZE * sizeof(float));
  }

  test_small_sampler_destroy(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_draw_what_one_draws)};
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("draw", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
