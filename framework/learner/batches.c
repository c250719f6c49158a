#include "learner/batches.h"

#include "base/memory.h"
#include "base/random.h"

#include <string.h>

bl_status bl_batches_create(bl_batches *batches, const bl_dataset *dataset, size_t batch, uint64_t seed, bool flip) {
  *batches = (bl_batches){.dataset = dataset, .seed = seed, .batch = batch, .flip = flip, .epoch = -1};
  if (batch == 0 || dataset->count < batch)
    return bl_fail(BL_ERROR_USAGE, "data.file holds %zu samples, learner.batch asks for %zu: choose a smaller batch",
                   dataset->count, batch);
  return bl_allocate(&batches->order, dataset->count, sizeof *batches->order);
}

void bl_batches_destroy(bl_batches *batches) {
  bl_free(&batches->order);
  batches->epoch = -1;
}

/* Mirror every row of a sample. */
static void mirror(float *sample, int rows, int width) {
  for (int row = 0; row < rows; row++, sample += width)
    for (int left = 0, right = width - 1; left < right; left++, right--) {
      const float held = sample[left];
      sample[left] = sample[right];
      sample[right] = held;
    }
}

void bl_batches_get(float *values, int32_t *labels, bl_batches *batches, int64_t step, size_t first, size_t count) {
  const bl_dataset *dataset = batches->dataset;
  const size_t size = bl_dataset_sample_size(dataset);
  const int64_t steps_per_epoch = (int64_t)(dataset->count / batches->batch);
  const int64_t epoch = step / steps_per_epoch;
  const size_t place = (size_t)(step % steps_per_epoch) * batches->batch + first;
  if (epoch != batches->epoch) {
    bl_random_permutation(batches->order, (uint32_t)dataset->count,
                          (bl_draw){.seed = batches->seed, .purpose = BL_PURPOSE_DATA_ORDER, .round = (uint32_t)epoch});
    batches->epoch = epoch;
  }
  for (size_t i = 0; i < count; i++) {
    const size_t index = batches->order[place + i];
    bl_dataset_sample(values + i * size, dataset, index);
    if (labels)
      labels[i] = dataset->labels[index];
    if (batches->flip && bl_random_below(2, (bl_draw){.seed = batches->seed,
                                                      .purpose = BL_PURPOSE_DATA_ORDER,
                                                      .round = (uint32_t)epoch,
                                                      .sample = (uint32_t)(place + i),
                                                      .step = 1}) == 1)
      mirror(values + i * size, dataset->channels * dataset->height, dataset->width);
  }
}
