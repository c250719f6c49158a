#include "metrics/vectors.h"

#include "base/memory.h"
#include "base/random.h"
#include "support/cmocka.h"

#include <string.h>

void test_vectors(float **whole, int size, size_t count, uint32_t number, float shift) {
  assert_int_equal(bl_allocate(whole, count * (size_t)size, sizeof **whole), BL_OK);
  for (size_t i = 0; i < count; i++) {
    float *vector = *whole + i * (size_t)size;
    bl_random_normal(vector, (size_t)size, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = number, .sample = (uint32_t)i});
    for (int e = 0; e < size; e++)
      vector[e] += shift;
  }
}

void test_feature_set(bl_feature_set *set, const float *whole, int size, size_t count, MPI_Comm comm) {
  assert_int_equal(bl_feature_set_create(set, size, count, comm), BL_OK);
  for (size_t block = 0; block < set->blocks; block++)
    if (bl_feature_set_holds(set, block))
      memcpy(bl_feature_set_block(set, block), whole + block * BL_FEATURE_BLOCK * (size_t)size,
             bl_feature_set_rows(set, block) * (size_t)size * sizeof *whole);
}
