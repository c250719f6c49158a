#include "support/counted.h"

#include "support/cmocka.h"

static bl_status count_and_fetch(float *images, size_t first, size_t rows, void *context) {
  test_counted *counted = context;
  counted->most = rows > counted->most ? rows : counted->most;
  for (size_t i = first; i < first + rows; i++)
    counted->asked[i]++;
  return counted->images.fetch(images, first, rows, counted->images.context);
}

bl_images test_counted_images(test_counted *counted, const bl_images *images) {
  assert_true(images->count <= TEST_COUNTED_IMAGES);
  *counted = (test_counted){.images = *images};
  bl_images counting = *images;
  counting.fetch = count_and_fetch;
  counting.context = counted;
  return counting;
}

void test_counted_once(test_counted *counted, size_t most, MPI_Comm comm) {
  const int count = (int)counted->images.count;
  assert_true(counted->most <= most);
  MPI_Allreduce(MPI_IN_PLACE, counted->asked, count, MPI_INT, MPI_SUM, comm);
  for (int i = 0; i < count; i++)
    assert_int_equal(counted->asked[i], 1);
}
