#include "metrics/summary.h"

#include "base/log.h"
#include "base/memory.h"
#include "network/network.h"
#include "store/model.h"
#include "support/classifier.h"
#include "support/cmocka.h"
#include "support/counted.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 700, FEATURES_KEPT = 300, SAMPLES_KEPT = 70, PAIRS = TEST_FEATURES * TEST_FEATURES };

/* Images in an array, and what watches a pass over them. */
typedef struct source {
  float values[COUNT * TEST_PIXELS];
  int pauses;
  size_t passed;
  bl_status answer; /* of pauses, once half are passed */
} source;

typedef struct fixture {
  char folder[512], model[600];
  bl_features *features;
  bl_dataset dataset;
  source source;
} fixture;

static bl_status fetch(float *images, size_t first, size_t rows, void *context) {
  const source *s = context;
  memcpy(images, s->values + first * TEST_PIXELS, rows * TEST_PIXELS * sizeof *images);
  return BL_OK;
}

static bl_status fail_to_fetch(float *images, size_t first, size_t rows, void *context) {
  (void)images, (void)rows, (void)context;
  return bl_fail(BL_ERROR_INPUT, "no image %zu", first);
}

static bl_status watch(size_t passed, void *watcher) {
  source *s = watcher;
  assert_true(passed > s->passed);
  s->pauses++;
  s->passed = passed;
  return 2 * passed < COUNT || s->answer == BL_OK ? BL_OK : bl_fail(s->answer, "enough of them");
}

static bl_images images_of(source *s, size_t count) {
  return (bl_images){.count = count, .size = TEST_PIXELS, .fetch = fetch, .context = s};
}

static void make(fixture *f) {
  memset(f, 0, sizeof *f);
  test_folder_create(f->folder, sizeof f->folder);
  snprintf(f->model, sizeof f->model, "%s/classifier.nc", f->folder);
  test_model_write(f->model, true, 1);
  assert_int_equal(bl_features_create(&f->features, f->model, 1, TEST_SIDE, TEST_SIDE, MPI_COMM_WORLD), BL_OK);
  test_images_create(&f->dataset, COUNT, 3);
  for (size_t i = 0; i < COUNT; i++)
    bl_dataset_sample(f->source.values + i * TEST_PIXELS, &f->dataset, i);
}

static void destroy(fixture *f) {
  bl_features_destroy(&f->features);
  bl_dataset_destroy(&f->dataset);
  test_folder_remove(f->folder);
  assert_int_equal(bl_memory_balance(), 0);
}

static bl_summary_plan everything(const fixture *f) {
  return (bl_summary_plan){.features = f->features,
                           .statistics = true,
                           .features_kept = FEATURES_KEPT,
                           .channels = 1,
                           .height = TEST_SIDE,
                           .width = TEST_SIDE,
                           .samples_kept = SAMPLES_KEPT};
}

/* The covariance whole on every rank. */
static void gather_covariance(double *covariance, const bl_summary *summary, MPI_Comm comm) {
  int rank;
  MPI_Comm_rank(comm, &rank);
  assert_int_equal(bl_symmetric_gather(rank == 0 ? covariance : NULL, &summary->covariance, comm), BL_OK);
  MPI_Bcast(covariance, PAIRS, MPI_DOUBLE, 0, comm);
}

/* What both hold of what was wanted has the same bits. \a a is over \a comm, \a b of one rank. */
static void compare(const bl_summary *a, const bl_summary *b, MPI_Comm comm) {
  double covariances[2][PAIRS], block[BL_FEATURE_BLOCK * TEST_FEATURES];
  float work[BL_FEATURE_BLOCK * TEST_FEATURES];
  assert_int_equal(a->count, b->count);
  if (a->mean && b->mean) {
    assert_memory_equal(a->mean, b->mean, TEST_FEATURES * sizeof *a->mean);
    gather_covariance(covariances[0], a, comm);
    gather_covariance(covariances[1], b, MPI_COMM_SELF);
    assert_memory_equal(covariances[0], covariances[1], sizeof covariances[0]);
  }
  if (a->features.count > 0 && b->features.count > 0) {
    assert_int_equal(a->features.count, b->features.count);
    for (size_t k = 0; k < a->features.blocks; k++) {
      assert_int_equal(bl_feature_set_share(block, work, &a->features, k, comm), BL_OK);
      for (size_t i = 0; i < BL_FEATURE_BLOCK * TEST_FEATURES; i++)
        assert_near(block[i], (double)bl_feature_set_block(&b->features, k)[i], 0.0);
    }
  }
  if (a->spectrum.rings > 0 && b->spectrum.rings > 0)
    assert_memory_equal(a->spectrum.power, b->spectrum.power, (size_t)a->spectrum.rings * sizeof(double));
  if (a->samples_kept > 0 && b->samples_kept > 0) {
    assert_int_equal(a->samples_kept, b->samples_kept);
    assert_memory_equal(a->samples, b->samples, a->samples_kept * TEST_PIXELS * sizeof *a->samples);
  }
}

/* So that memory does not grow with the number of images, and what is drawn is drawn once. */
static void images_are_asked_for_once_and_a_few_at_a_time(void **state) {
  (void)state;
  static fixture f;
  static test_counted counted;
  bl_summary summary;
  make(&f);
  const bl_summary_plan plan = everything(&f);
  bl_images images = images_of(&f.source, COUNT);
  images.pause = watch;
  images.watcher = &f.source;
  images = test_counted_images(&counted, &images);
  assert_int_equal(bl_summary_gather(&summary, &plan, &images, MPI_COMM_WORLD), BL_OK);
  assert_int_equal(f.source.passed, COUNT);
  assert_in_range(f.source.pauses, 1, 100);
  test_counted_once(&counted, BL_FEATURES_BATCH, MPI_COMM_WORLD);
  assert_memory_equal(summary.samples, f.source.values, SAMPLES_KEPT * TEST_PIXELS * sizeof(float));
  bl_summary_destroy(&summary);
  destroy(&f);
}

/* All at once or one alone, on one rank or many, of few images or many. */
static void what_else_is_wanted_and_ranks_do_not_change_the_bits(void **state) {
  (void)state;
  static fixture f;
  make(&f);
  const bl_summary_plan all = everything(&f);
  const bl_summary_plan alone[] = {{.features = f.features, .statistics = true},
                                   {.features = f.features, .features_kept = FEATURES_KEPT},
                                   {.channels = 1, .height = TEST_SIDE, .width = TEST_SIDE},
                                   {.samples_kept = SAMPLES_KEPT},
                                   all};
  const size_t counts[] = {2, 63, 64, 65, 257, COUNT};
  for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++) {
    const bl_images images = images_of(&f.source, counts[k]);
    bl_summary shared, single;
    assert_int_equal(bl_summary_gather(&shared, &all, &images, MPI_COMM_WORLD), BL_OK);
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++) {
      assert_int_equal(bl_summary_gather(&single, &alone[i], &images, MPI_COMM_SELF), BL_OK);
      compare(&shared, &single, MPI_COMM_WORLD);
      bl_summary_destroy(&single);
    }
    bl_summary_destroy(&shared);
  }
  destroy(&f);
}

/* A data set gives the bits of its array; less than half a level of 8 bits, or more beyond the ends, changes none. */
static void images_are_those_of_8_bits(void **state) {
  (void)state;
  static fixture f;
  bl_summary expected, summary;
  make(&f);
  const bl_summary_plan plan = everything(&f);
  const bl_images held = bl_images_of_dataset(&f.dataset), images = images_of(&f.source, COUNT);
  assert_int_equal(bl_summary_gather(&expected, &plan, &held, MPI_COMM_SELF), BL_OK);
  for (int i = 0; i < COUNT * TEST_PIXELS; i++)
    f.source.values[i] += f.source.values[i] > 0.0F ? 0.003F : -0.003F;
  assert_int_equal(bl_summary_gather(&summary, &plan, &images, MPI_COMM_WORLD), BL_OK);
  compare(&summary, &expected, MPI_COMM_WORLD);
  bl_summary_destroy(&expected);
  bl_summary_destroy(&summary);
  destroy(&f);
}

/* The network evaluated here, one image at a time, and the textbook's formulas. */
static void features_are_those_of_the_network(void **state) {
  (void)state;
  static fixture f;
  bl_model_header header;
  bl_graph *graph;
  bl_summary summary;
  static float vectors[COUNT][TEST_FEATURES];
  float *values;
  double covariance[PAIRS], largest = 0.0;
  make(&f);
  const bl_summary_plan plan = everything(&f);
  const bl_images images = images_of(&f.source, COUNT);
  assert_int_equal(bl_summary_gather(&summary, &plan, &images, MPI_COMM_WORLD), BL_OK);
  gather_covariance(covariance, &summary, MPI_COMM_WORLD);

  assert_int_equal(bl_model_read_header(&header, f.model), BL_OK);
  assert_int_equal(bl_network_create(&graph, &header.shape, 1, BL_GRAPH_INFERENCE, true), BL_OK);
  assert_int_equal(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values), BL_OK);
  const bl_model_part part = {"model", bl_graph_parameters(graph), values};
  assert_int_equal(bl_model_read(f.model, &part, 1), BL_OK);
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(bl_graph_forward(graph, vectors[i], &(bl_graph_inputs){.x = f.source.values + i * TEST_PIXELS}),
                     BL_OK);
  for (int i = 0; i < TEST_FEATURES; i++) {
    double sum = 0.0;
    for (int n = 0; n < COUNT; n++)
      sum += (double)vectors[n][i];
    assert_near(summary.mean[i], sum / COUNT, 1e-5);
    largest = fmax(largest, summary.mean[i]);
  }
  assert_true(largest > 0.1);
  for (int i = 0; i < TEST_FEATURES; i++) {
    for (int j = 0; j < TEST_FEATURES; j++) {
      double sum = 0.0;
      for (int n = 0; n < COUNT; n++)
        sum += ((double)vectors[n][i] - summary.mean[i]) * ((double)vectors[n][j] - summary.mean[j]);
      assert_near(covariance[i * TEST_FEATURES + j], sum / (COUNT - 1), 1e-5);
      assert_near(covariance[i * TEST_FEATURES + j], covariance[j * TEST_FEATURES + i], 0.0);
    }
  }
  for (size_t block = 0; block < summary.features.blocks; block++)
    for (size_t row = 0; bl_feature_set_holds(&summary.features, block) && row < BL_FEATURE_BLOCK; row++)
      for (size_t i = 0; i < TEST_FEATURES; i++) {
        const size_t n = block * BL_FEATURE_BLOCK + row;
        const double expected = n < FEATURES_KEPT ? (double)vectors[n][i] : 0.0;
        assert_near((double)bl_feature_set_block(&summary.features, block)[row * TEST_FEATURES + i], expected, 1e-5);
      }
  bl_summary_destroy(&summary);
  bl_graph_destroy(&graph);
  bl_free(&values);
  destroy(&f);
}

/* A rank draws whole micro-batches of drawing where they fill those of features. */
static void images_made_together_stay_together(void **state) {
  (void)state;
  enum { TOGETHER = 2 * BL_FEATURES_BATCH };
  static fixture f;
  static test_counted counted;
  bl_summary summary;
  make(&f);
  bl_images images = images_of(&f.source, COUNT);
  images.batch = TOGETHER;
  images = test_counted_images(&counted, &images);
  assert_int_equal(bl_summary_gather(&summary, &(bl_summary_plan){.samples_kept = 1}, &images, MPI_COMM_WORLD), BL_OK);
  for (int i = 0; i < COUNT; i++)
    assert_int_equal(counted.asked[i], counted.asked[i / TOGETHER * TOGETHER]);
  bl_summary_destroy(&summary);
  destroy(&f);
}

static void points_are_kept_as_they_are(void **state) {
  (void)state;
  static fixture f;
  bl_summary summary;
  make(&f);
  for (int i = 0; i < COUNT * TEST_PIXELS; i++)
    f.source.values[i] = 3.0F * f.source.values[i] + 0.001F;
  bl_images points = images_of(&f.source, COUNT);
  points.points = true;
  assert_int_equal(bl_summary_gather(&summary, &(bl_summary_plan){.samples_kept = SIZE_MAX}, &points, MPI_COMM_WORLD),
                   BL_OK);
  assert_int_equal(summary.samples_kept, COUNT);
  assert_memory_equal(summary.samples, f.source.values, sizeof f.source.values);
  bl_summary_destroy(&summary);
  destroy(&f);
}

static void refuse(const fixture *f, const bl_images *images, bl_status expected, const char *word) {
  const bl_summary_plan plan = everything(f);
  bl_summary summary;
  bl_status_clear();
  assert_int_equal(bl_summary_gather(&summary, &plan, images, MPI_COMM_WORLD), expected);
  if (!strstr(bl_status_message(), word))
    fail_msg("\"%s\" is not in \"%s\"", word, bl_status_message());
  assert_null(summary.mean);
  assert_null(summary.samples);
  bl_status_clear();
}

static void errors_end_the_pass_on_all_ranks(void **state) {
  (void)state;
  static fixture f;
  int rank, ranks;
  make(&f);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  bl_images images = images_of(&f.source, COUNT);
  images.pause = watch;
  images.watcher = &f.source;
  f.source.answer = BL_INTERRUPTED;
  refuse(&f, &images, BL_INTERRUPTED, "enough");
  assert_true(f.source.passed < COUNT);
  f.source.passed = 0;
  if (rank == ranks - 1)
    images.fetch = fail_to_fetch;
  refuse(&f, &images, BL_ERROR_INPUT, "no image");
  images.pause = NULL;
  refuse(&f, &images, BL_ERROR_INPUT, "no image");
  images = images_of(&f.source, 1);
  refuse(&f, &images, BL_ERROR_USAGE, "at least 2");
  images.points = true;
  refuse(&f, &images, BL_ERROR_INPUT, "points");
  images = images_of(&f.source, 3);
  images.size /= 2;
  refuse(&f, &images, BL_ERROR_INPUT, "of 32");
  bl_summary_plan plan = {.channels = 2, .height = TEST_SIDE, .width = TEST_SIDE};
  bl_summary summary;
  images = images_of(&f.source, 3);
  assert_int_equal(bl_summary_gather(&summary, &plan, &images, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_non_null(strstr(bl_status_message(), "2 × 8 × 8"));
  bl_status_clear();
  destroy(&f);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(images_are_asked_for_once_and_a_few_at_a_time),
      cmocka_unit_test(what_else_is_wanted_and_ranks_do_not_change_the_bits),
      cmocka_unit_test(images_are_those_of_8_bits),
      cmocka_unit_test(features_are_those_of_the_network),
      cmocka_unit_test(images_made_together_stay_together),
      cmocka_unit_test(points_are_kept_as_they_are),
      cmocka_unit_test(errors_end_the_pass_on_all_ranks),
  };
  MPI_Init(&argc, &argv);
  bl_log_speak(false);
  int failed = cmocka_run_group_tests_name("summary", tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
