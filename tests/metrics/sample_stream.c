#include "metrics/sample_stream.h"

#include "base/log.h"
#include "support/cmocka.h"
#include "support/small_sampler.h"

enum { BATCH = 8, SIZE = 2, STEPS = TEST_SMALL_STEPS, COUNT = 100 };

/* Whatever is asked for, in whatever order: the samples that are drawn at once. */
static void samples_are_those_that_are_drawn_at_once(void **state) {
  (void)state;
  test_small_sampler f;
  bl_sample_stream stream;
  float all[COUNT * SIZE], some[COUNT * SIZE + 1];
  test_small_sampler_create(&f, SIZE, BATCH);
  assert_int_equal(bl_sampler_draw(all, 0, COUNT, f.graph, &f.chain, NULL, 3, 2, BATCH, NULL, MPI_COMM_SELF), BL_OK);

  assert_int_equal(bl_sample_stream_create(&stream, f.graph, &f.chain, NULL, 3, 2, BATCH, COUNT, true, NULL, MPI_COMM_SELF),
                   BL_OK);
  const bl_images images = bl_sample_stream_images(&stream);
  assert_int_equal(images.count, COUNT);
  assert_int_equal(images.size, SIZE);
  const size_t parts[][2] = {{0, 100}, {0, 1}, {3, 4}, {5, 11}, {7, 1}, {96, 4}, {0, 8}, {15, 2}};
  for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
    const size_t first = parts[k][0], rows = parts[k][1];
    some[rows * SIZE] = 777.0F;
    assert_int_equal(images.fetch(some, first, rows, images.context), BL_OK);
    assert_memory_equal(some, all + first * SIZE, rows * SIZE * sizeof(float));
    assert_true(some[rows * SIZE] > 776.0F);
  }
  assert_true(images.points);
  assert_int_equal(images.batch, BATCH);
  const size_t before = bl_graph_evaluations(f.graph), drawn = stream.drawn;
  for (size_t first = 24; first < 32; first += 2) /* a micro-batch is drawn once */
    assert_int_equal(images.fetch(some, first, 2, images.context), BL_OK);
  assert_int_equal(bl_graph_evaluations(f.graph) - before, BATCH * STEPS);
  assert_int_equal(stream.drawn - drawn, BATCH);

  bl_sample_stream_destroy(&stream);
  test_small_sampler_destroy(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(samples_are_those_that_are_drawn_at_once)};
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("sample_stream", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
