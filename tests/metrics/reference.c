#include "metrics/reference.h"

#include "base/log.h"
#include "base/memory.h"
#include "metrics/distance.h"
#include "metrics/summary.h"
#include "support/classifier.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const bl_provenance provenance = {.title = "title",
                                         .command = "command",
                                         .configuration = "seed: 1\n",
                                         .digest = "0123",
                                         .seed = 1,
                                         .ranks = 1,
                                         .roles = "all"};

typedef struct fixture {
  char folder[512], model[600], path[600];
  bl_features *features;
  bl_dataset dataset;
} fixture;

static void make(fixture *f) {
  test_folder_create(f->folder, sizeof f->folder);
  snprintf(f->model, sizeof f->model, "%s/classifier.nc", f->folder);
  snprintf(f->path, sizeof f->path, "%s/reference.nc", f->folder);
  test_model_write(f->model, true, 1);
  assert_int_equal(bl_features_create(&f->features, f->model, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  test_images_create(&f->dataset, 200, 1);
}

static void destroy(fixture *f) {
  bl_features_destroy(&f->features);
  bl_dataset_destroy(&f->dataset);
  test_folder_remove(f->folder);
  assert_int_equal(bl_memory_balance(), 0);
}

static bl_status get(bl_reference *reference, const fixture *f, const bl_dataset *dataset) {
  const bl_images images = dataset ? bl_images_of_dataset(dataset) : (bl_images){0};
  return bl_reference_get(reference, f->path, f->features, dataset ? &images : NULL, &provenance, MPI_COMM_WORLD);
}

static double fid(const fixture *f, const bl_reference *reference, const bl_images *images) {
  bl_summary samples;
  double distance;
  const bl_summary_plan plan = {.features = f->features, .statistics = true};
  assert_int_equal(bl_summary_gather(&samples, &plan, images, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(bl_frechet_distance(&distance, samples.mean, &samples.covariance, reference->mean,
                                       &reference->covariance, MPI_COMM_WORLD),
                   BL_OK);
  bl_summary_destroy(&samples);
  return distance;
}

static bl_status fail_to_fetch(float *images, size_t first, size_t rows, void *context) {
  (void)images, (void)rows, (void)context;
  return bl_fail(BL_ERROR_INPUT, "no image %zu", first);
}

static void what_was_stored_is_read_again(void **state) {
  (void)state;
  fixture f;
  bl_reference made, read, unstored;
  make(&f);
  const bl_images images = bl_images_of_dataset(&f.dataset);
  assert_int_equal(bl_reference_get(&unstored, "", f.features, &images, &provenance, MPI_COMM_WORLD), BL_OK);
  assert_int_not_equal(access(f.path, F_OK), 0);
  assert_int_equal(get(&made, &f, &f.dataset), BL_OK);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(access(f.path, F_OK), 0);
  assert_int_equal(get(&read, &f, NULL), BL_OK);
  assert_int_equal(read.size, TEST_FEATURES);
  assert_int_equal(read.count, 200);
  assert_memory_equal(read.mean, made.mean, TEST_FEATURES * sizeof(double));
  for (int i = 0; i < made.covariance.count; i++) {
    const int row = i * TEST_FEATURES + made.covariance.first + i;
    const size_t bytes = (size_t)(TEST_FEATURES - made.covariance.first - i) * sizeof(double);
    assert_memory_equal(read.covariance.values + row, made.covariance.values + row, bytes);
    assert_memory_equal(unstored.covariance.values + row, made.covariance.values + row, bytes);
  }
  bl_reference_destroy(&made);
  bl_reference_destroy(&read);
  bl_reference_destroy(&unstored);
  destroy(&f);
}

/* Statistics of a data set, and of the file that holds it. */
static void a_file_gives_the_bits_of_its_data_set(void **state) {
  (void)state;
  fixture f;
  int rank;
  char path[600];
  bl_sample_file file;
  bl_reference whole, streamed, again;
  double distances[2];
  make(&f);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  snprintf(path, sizeof path, "%s/data.nc", f.folder);
  if (rank == 0)
    assert_int_equal(bl_dataset_write(&f.dataset, path, &provenance), BL_OK);
  MPI_Barrier(MPI_COMM_WORLD);
  assert_int_equal(bl_sample_file_open(&file, path), BL_OK);
  file.block = 37; /* several, and not those of the micro-batches */
  const bl_images images = bl_images_of_file(&file), held = bl_images_of_dataset(&f.dataset);
  assert_int_equal(get(&whole, &f, &f.dataset), BL_OK);
  assert_int_equal(bl_reference_get(&streamed, "", f.features, &images, &provenance, MPI_COMM_WORLD), BL_OK);
  assert_memory_equal(streamed.mean, whole.mean, TEST_FEATURES * sizeof(double));
  /* The stored statistics are known to be of these images. */
  assert_int_equal(bl_reference_get(&again, f.path, f.features, &images, &provenance, MPI_COMM_WORLD), BL_OK);
  distances[0] = fid(&f, &whole, &held);
  distances[1] = fid(&f, &streamed, &images);
  assert_memory_equal(&distances[0], &distances[1], sizeof distances[0]);
  bl_reference_destroy(&whole);
  bl_reference_destroy(&streamed);
  bl_reference_destroy(&again);
  bl_sample_file_close(&file);
  destroy(&f);
}

/* One rank alone cannot read: all end with its message. */
static void the_error_of_one_rank_is_that_of_all(void **state) {
  (void)state;
  fixture f;
  int rank, ranks;
  bl_reference reference;
  make(&f);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  bl_images images = bl_images_of_dataset(&f.dataset);
  if (rank == ranks - 1)
    images.fetch = fail_to_fetch;
  bl_status_clear();
  assert_int_equal(bl_reference_get(&reference, "", f.features, &images, &provenance, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "no image"));
  bl_status_clear();
  images.fetch = rank == 0 ? fail_to_fetch : bl_images_of_dataset(&f.dataset).fetch;
  assert_int_equal(bl_reference_get(&reference, f.path, f.features, &images, &provenance, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "no image"));
  bl_status_clear();
  destroy(&f);
}

static void fid_is_zero_on_the_data_and_grows_with_the_difference(void **state) {
  (void)state;
  fixture f;
  bl_reference reference;
  double noise = 0.0, far = 0.0;
  make(&f);
  assert_int_equal(get(&reference, &f, &f.dataset), BL_OK);
  const bl_images same = bl_images_of_dataset(&f.dataset);
  assert_near(fid(&f, &reference, &same), 0.0, 1e-6);
  for (uint32_t kind = 2; kind <= 10; kind += 8) {
    bl_dataset other;
    test_images_create(&other, 300, kind);
    const bl_images others = bl_images_of_dataset(&other);
    *(kind == 2 ? &noise : &far) = fid(&f, &reference, &others);
    bl_dataset_destroy(&other);
  }
  assert_true(noise > 1e-4 && far > 10.0 * noise);
  bl_reference_destroy(&reference);
  destroy(&f);
}

static void refuse(const fixture *f, const bl_dataset *dataset, const char *word) {
  bl_reference reference;
  bl_status_clear();
  assert_int_equal(get(&reference, f, dataset), BL_ERROR_INPUT);
  if (!strstr(bl_status_message(), word))
    fail_msg("\"%s\" is not in \"%s\"", word, bl_status_message());
  assert_null(reference.mean);
  bl_status_clear();
}

static void other_features_images_and_files_are_refused(void **state) {
  (void)state;
  fixture f;
  bl_reference reference;
  bl_dataset other;
  make(&f);
  refuse(&f, NULL, "data.file");
  assert_int_equal(get(&reference, &f, &f.dataset), BL_OK);
  bl_reference_destroy(&reference);
  test_images_create(&other, 200, 2);
  refuse(&f, &other, "images");
  other.width /= 2;
  refuse(&f, &other, "32");
  bl_dataset_destroy(&other);
  other = (bl_dataset){.count = 3, .channels = TEST_PIXELS, .height = 1, .width = 1};
  assert_int_equal(bl_allocate(&other.points, (size_t)3 * TEST_PIXELS, sizeof *other.points), BL_OK);
  refuse(&f, &other, "points");
  bl_dataset_destroy(&other);

  char path[600];
  bl_features_destroy(&f.features);
  snprintf(path, sizeof path, "%s/other.nc", f.folder);
  test_model_write(path, true, 2);
  assert_int_equal(bl_features_create(&f.features, path, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  refuse(&f, NULL, "classifier.nc");
  snprintf(f.path, sizeof f.path, "%s", path);
  refuse(&f, NULL, "reference statistics");
  destroy(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_was_stored_is_read_again),
      cmocka_unit_test(a_file_gives_the_bits_of_its_data_set),
      cmocka_unit_test(the_error_of_one_rank_is_that_of_all),
      cmocka_unit_test(fid_is_zero_on_the_data_and_grows_with_the_difference),
      cmocka_unit_test(other_features_images_and_files_are_refused),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("reference", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
