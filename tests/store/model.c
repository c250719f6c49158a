#include "store/model.h"

#include "base/log.h"
#include "base/memory.h"
#include "layer/layer.h"
#include "store/container.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const bl_provenance provenance = {
    .title = "test", .command = "test", .digest = "0123456789abcdef", .seed = 1, .ranks = 1};

static const bl_model_header header = {
    .shape = {.kind = BL_NETWORK_UNET,
              .channels = 3,
              .height = 8,
              .width = 9,
              .base_channels = 32,
              .multiplier_count = 3,
              .multipliers = {1, 2, 4},
              .blocks = 2,
              .patch = 2,
              .attention_count = 1,
              .attention = {4},
              .dropout = 0.1F,
              .attention_levels = 6,
              .down_padding = 1,
              .cosine_first = 1,
              .unshifted = 1,
              .norm_epsilon = 1e-5F,
              .groups = 8,
              .head_width = 16,
              .width_count = 2,
              .widths = {7, 11},
              .steps = 10,
              .classes = 5},
    .schedule = "linear",
    .diffusion_steps = 1000,
    .beta_first = 1e-4,
    .beta_last = 0.02,
    .prediction = "v",
    .distilled_steps = 8,
    .digest = "0123456789abcdef",
    .round = 123456789012,
    .optimiser_steps = {1, 22, 333},
    .row_steps = 4,
    .row_sums = {0.5, 0.25},
};

/* A small network's parameters. */
typedef struct fixture {
  bl_parameter_table table;
  float *values;
} fixture;

static void make(fixture *f) {
  size_t index;
  memset(f, 0, sizeof *f);
  const size_t kernel[4] = {4, 3, 3, 3}, bias[1] = {4}, large[2] = {1100, 1000};
  bl_parameter_add(&index, &f->table, "down.0.block.0.conv1.weight", 4, kernel, BL_INITIALISE_FAN_IN_UNIFORM, 27, 4);
  bl_parameter_add(&index, &f->table, "down.0.block.0.conv1.bias", 1, bias, BL_INITIALISE_FAN_IN_UNIFORM, 27, 4);
  bl_parameter_add(&index, &f->table, "dense.weight", 2, large, BL_INITIALISE_FAN_IN_UNIFORM, 1000, 1100);
  assert_int_equal(bl_allocate(&f->values, f->table.count, sizeof(float)), BL_OK);
  bl_parameter_initialise(f->values, &f->table, 7);
}

static void destroy(fixture *f) {
  bl_free(&f->values);
  bl_parameter_table_destroy(&f->table);
}

/* Without the large tensor, so that a file of it is small. */
static void make_small(fixture *f) {
  size_t index;
  memset(f, 0, sizeof *f);
  bl_parameter_add(&index, &f->table, "weight", 2, (const size_t[]){8, 16}, BL_INITIALISE_FAN_IN_UNIFORM, 16, 8);
  assert_int_equal(bl_allocate(&f->values, f->table.count, sizeof(float)), BL_OK);
  bl_parameter_initialise(f->values, &f->table, 7);
}

static void models_come_back_as_written(void **state) {
  (void)state;
  fixture f;
  make(&f);
  float *average, *read;
  assert_int_equal(bl_allocate(&average, f.table.count, sizeof(float)), BL_OK);
  assert_int_equal(bl_allocate(&read, 2 * f.table.count, sizeof(float)), BL_OK);
  for (size_t i = 0; i < f.table.count; i++)
    average[i] = -2.0F * f.values[i];
  const bl_model_part parts[2] = {{"model", &f.table, f.values}, {"average", &f.table, average}};
  assert_int_equal(bl_model_write(scratch("model.nc"), &header, parts, 2, &provenance), BL_OK);
  bl_model_header found;
  assert_int_equal(bl_model_read_header(&found, scratch("model.nc")), BL_OK);
  assert_memory_equal(&found, &header, sizeof header);
  const bl_model_part back[2] = {{"average", &f.table, read}, {"model", &f.table, read + f.table.count}};
  assert_int_equal(bl_model_read(scratch("model.nc"), back, 2), BL_OK);
  assert_memory_equal(read, average, f.table.count * sizeof(float));
  assert_memory_equal(read + f.table.count, f.values, f.table.count * sizeof(float));
  bl_model_file file;
  assert_int_equal(bl_model_open(&file, &found, scratch("model.nc")), BL_OK);
  assert_true(bl_model_has_part(&file, "average"));
  assert_false(bl_model_has_part(&file, "critic"));
  bl_model_close(&file);
  bl_free(&average);
  bl_free(&read);
  destroy(&f);
}

static void another_network_is_refused(void **state) {
  (void)state;
  fixture f, other;
  size_t index;
  make_small(&f);
  const bl_model_part part = {"model", &f.table, f.values};
  assert_int_equal(bl_model_write(scratch("one.nc"), &header, &part, 1, &provenance), BL_OK);
  memset(&other, 0, sizeof other);
  bl_parameter_add(&index, &other.table, "weight", 2, (const size_t[]){16, 8}, BL_INITIALISE_ZERO, 1, 1);
  bl_model_part wanted = {"model", &other.table, f.values};
  assert_int_equal(bl_model_read(scratch("one.nc"), &wanted, 1), BL_ERROR_INPUT);
  assert_true(message_has("variable weight: found shape (8, 16), expected (16, 8)"));
  wanted.name = "critic";
  assert_int_equal(bl_model_read(scratch("one.nc"), &wanted, 1), BL_ERROR_INPUT);
  assert_true(message_has("has no group critic"));
  bl_parameter_table_destroy(&other.table);
  memset(&other, 0, sizeof other);
  bl_parameter_add(&index, &other.table, "bias", 1, (const size_t[]){8}, BL_INITIALISE_ZERO, 1, 1);
  wanted = (bl_model_part){"model", &other.table, f.values};
  assert_int_equal(bl_model_read(scratch("one.nc"), &wanted, 1), BL_ERROR_INPUT);
  assert_true(message_has("has no variable bias, expected one of shape (8)"));
  bl_parameter_table_destroy(&other.table);
  destroy(&f);
}

static void every_changed_byte_is_noticed(void **state) {
  (void)state;
  fixture f;
  uint8_t *bytes;
  make_small(&f);
  const bl_model_part part = {"model", &f.table, f.values};
  assert_int_equal(bl_model_write(scratch("whole.nc"), &header, &part, 1, &provenance), BL_OK);
  const size_t size = read_bytes(&bytes, scratch("whole.nc"));
  char path[512];
  snprintf(path, sizeof path, "%s", scratch("damaged.nc"));
  for (size_t i = 0; i < size; i += i + 100 < size ? 31 : 1) {
    const uint8_t flip = (uint8_t)(1 << i % 8);
    bytes[i] ^= flip;
    write_bytes(path, bytes, size);
    bytes[i] ^= flip;
    if (bl_model_read(path, &part, 1) != BL_ERROR_INPUT)
      fail_msg("a change of byte %zu of %zu was not noticed", i, size);
    assert_true(message_has(path));
  }
  for (size_t i = size - 24; i < size;
       i++) /* the checksum at the end, in every bit: a letter of its number may change case */
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (uint8_t)(1 << bit);
      write_bytes(path, bytes, size);
      bytes[i] ^= (uint8_t)(1 << bit);
      if (bl_model_read(path, &part, 1) != BL_ERROR_INPUT)
        fail_msg("a change of bit %d of byte %zu of %zu was not noticed", bit, i, size);
    }
  for (size_t length = 0; length < size; length += length + 60 < size ? 211 : 1) {
    write_bytes(path, bytes, length);
    if (bl_model_read(path, &part, 1) != BL_ERROR_INPUT)
      fail_msg("a cut at byte %zu of %zu was not noticed", length, size);
    assert_true(message_has(path));
  }
  free(bytes);
  destroy(&f);
}

/* A file of a network as it always was has no word about what others can differ in, as all files before there were others.
 */
static void what_is_not_there_is_as_before(void **state) {
  (void)state;
  static const char *const names[] = {"network_attention_levels", "network_down_padding", "network_cosine_first",
                                      "network_unshifted",        "network_groups",       "network_head_width",
                                      "network_norm_epsilon"};
  fixture f;
  int ncid;
  bl_model_header plain = header, found;
  make_small(&f);
  plain.shape = (bl_network_shape){.kind = BL_NETWORK_UNET, .channels = 3, .height = 8, .width = 8, .base_channels = 32};
  const bl_model_part part = {"model", &f.table, f.values};
  assert_int_equal(bl_model_write(scratch("plain.nc"), &plain, &part, 1, &provenance), BL_OK);
  assert_int_equal(bl_model_read_header(&found, scratch("plain.nc")), BL_OK);
  assert_memory_equal(&found, &plain, sizeof plain);
  assert_int_equal(nc_open(scratch("plain.nc"), NC_NOWRITE, &ncid), NC_NOERR);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    assert_int_equal(nc_inq_att(ncid, NC_GLOBAL, names[i], NULL, NULL), NC_ENOTATT);
  assert_int_equal(nc_close(ncid), NC_NOERR);
  destroy(&f);
}

/* Attributes that other programs wrote. */
static void nonsense_in_the_header_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *name;
    long long values[9];
    size_t count;
  } cases[] = {
      {"network_channels", {0}, 1},
      {"network_height", {-5}, 1},
      {"network_width", {2000000000}, 1},
      {"network_multipliers", {1, 1, 1, 1, 1, 1, 1, 1, 1}, 9},
      {"network_multipliers", {1, -2}, 2},
      {"network_widths", {0}, 1},
      {"diffusion_steps", {-1}, 1},
      {"round", {-3}, 1},
      {"round", {INT64_MAX}, 1}, /* a count that overflows as soon as anything is added */
      {"row_steps", {INT64_MAX}, 1},
      {"optimiser_steps", {1, 2}, 2},
      {"optimiser_steps", {INT64_MAX, INT64_MAX, 1}, 3},
      {"network_blocks", {1, 2}, 2},
      {"network_patch", {-2}, 1},
      {"network_attention_levels", {256}, 1},
      {"network_down_padding", {2}, 1},
      {"network_cosine_first", {-1}, 1},
      {"network_unshifted", {1, 1}, 2},
      {"network_groups", {0}, 1},
      {"network_head_width", {1 << 20}, 1},
      {"network_norm_epsilon", {2}, 1},
      {"beta_last", {7}, 1},
      {"network_kind", {1}, 1},
  };
  fixture f;
  make_small(&f);
  const bl_model_part part = {"model", &f.table, f.values};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int ncid;
    bl_model_header found;
    char path[512];
    snprintf(path, sizeof path, "%s", scratch("forged.nc"));
    assert_int_equal(bl_model_write(path, &header, &part, 1, &provenance), BL_OK);
    assert_int_equal(nc_open(path, NC_WRITE, &ncid), NC_NOERR);
    assert_int_equal(nc_del_att(ncid, NC_GLOBAL, "seal"), NC_NOERR);
    assert_int_equal(nc_del_att(ncid, NC_GLOBAL, cases[i].name), NC_NOERR);
    assert_int_equal(nc_put_att_longlong(ncid, NC_GLOBAL, cases[i].name, NC_INT64, cases[i].count, cases[i].values),
                     NC_NOERR);
    assert_int_equal(nc_close(ncid), NC_NOERR);
    if (bl_model_read_header(&found, path) != BL_ERROR_INPUT)
      fail_msg("case %zu was accepted", i);
    assert_true(message_has(cases[i].name));
  }
  destroy(&f);
}

static void the_old_checkpoint_survives_a_failed_write(void **state) {
  (void)state;
  fixture f;
  struct rlimit old, small;
  make_small(&f);
  bl_model_part part = {"model", &f.table, f.values};
  assert_int_equal(bl_model_write(scratch("kept.nc"), &header, &part, 1, &provenance), BL_OK);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = old;
  small.rlim_cur = 10000;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_int_equal(bl_model_write(scratch("kept.nc"), &header, &part, 1, &provenance), BL_ERROR_STORAGE);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_true(message_has("bytes are needed"));
  assert_int_equal(bl_model_read(scratch("kept.nc"), &part, 1), BL_OK);
  assert_int_equal(count_entries(scratch(""), "partial"), 0);
  destroy(&f);
}

static void write_checkpoint(const fixture *f, const char *folder, int64_t round) {
  char path[600];
  bl_model_header h = header;
  h.round = round;
  const bl_model_part part = {"model", &f->table, f->values};
  bl_checkpoint_path(path, sizeof path, folder, round);
  assert_int_equal(bl_model_write(path, &h, &part, 1, &provenance), BL_OK);
}

static void the_newest_intact_checkpoint_is_found(void **state) {
  (void)state;
  fixture f;
  char folder[512], path[600], expected[600];
  make_small(&f);
  snprintf(folder, sizeof folder, "%s", scratch("run"));
  assert_int_equal(bl_checkpoint_find(path, sizeof path, folder), BL_OK);
  assert_string_equal(path, "");
  for (int64_t round = 80; round <= 1200000; round *= 10)
    write_checkpoint(&f, folder, round);
  write_bytes(scratch("run/checkpoint-last.nc"), "x", 1);
  write_bytes(scratch("run/checkpoint-9000000.nc.node-12.partial"), "x", 1);
  write_bytes(scratch("run/record.nc.node-12.partial"), "x", 1);
  assert_int_equal(bl_checkpoint_find(path, sizeof path, folder), BL_OK);
  bl_checkpoint_path(expected, sizeof expected, folder, 800000);
  assert_string_equal(path, expected);
  write_bytes(path, "x", 1);
  bl_log_speak(false);
  assert_int_equal(bl_checkpoint_find(path, sizeof path, folder), BL_OK);
  bl_checkpoint_path(expected, sizeof expected, folder, 80000);
  assert_string_equal(path, expected);
  assert_int_equal(bl_checkpoint_prune(folder, 2, 0), BL_OK);
  assert_int_equal(count_entries(folder, "checkpoint-0"), 1);
  assert_int_equal(count_entries(folder, "checkpoint-"), 4);
  assert_int_equal(count_entries(folder, "partial"), 2); /* of another host, where their process may be alive */
  write_bytes(expected, "y", 1);
  assert_int_equal(bl_checkpoint_find(path, sizeof path, folder), BL_ERROR_INPUT);
  assert_true(message_has("none of its 2 checkpoints is intact"));
  bl_log_speak(true);
  destroy(&f);
}

/* By name of file and tensor. */
static void weights_that_are_not_finite_are_refused(void **state) {
  (void)state;
  fixture f;
  make_small(&f);
  const bl_model_part part = {"model", &f.table, f.values};
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (int i = 0; i < 3; i++) {
    const float good = f.values[37];
    f.values[37] = bad[i];
    assert_int_equal(bl_model_write(scratch("nan.nc"), &header, &part, 1, &provenance), BL_OK);
    assert_int_equal(bl_model_read(scratch("nan.nc"), &part, 1), BL_ERROR_INPUT);
    assert_true(message_has("nan.nc: group model: variable weight: element 37 is"));
    f.values[37] = good;
  }
  destroy(&f);
}

static void milestones_stay(void **state) {
  (void)state;
  fixture f;
  char folder[512];
  make_small(&f);
  snprintf(folder, sizeof folder, "%s", scratch("long-run"));
  for (int64_t round = 10; round <= 70; round += 10) {
    write_checkpoint(&f, folder, round);
    assert_int_equal(bl_checkpoint_prune(folder, 2, 20), BL_OK);
  }
  assert_int_equal(count_entries(folder, "checkpoint-"), 4); /* 20, 40, 60, 70 */
  assert_int_equal(bl_checkpoint_prune(folder, 0, 20), BL_OK);
  assert_int_equal(count_entries(folder, "checkpoint-"), 0);
  assert_int_equal(count_entries(folder, "kept-"), 3);
  destroy(&f);
}

enum { LARGE_PARTS = 4 };

/* Four parts of 12 MB each, all of the same values. */
typedef struct large {
  bl_parameter_table table;
  bl_model_part parts[LARGE_PARTS];
  float *values;
} large;

static void make_large(large *l) {
  static const char *const names[LARGE_PARTS] = {"model", "average", "model_first", "model_second"};
  size_t index;
  *l = (large){0};
  bl_parameter_add(&index, &l->table, "dense.weight", 2, (const size_t[]){3000, 1000}, BL_INITIALISE_FAN_IN_UNIFORM, 1, 1);
  assert_int_equal(bl_allocate(&l->values, l->table.count, sizeof *l->values), BL_OK);
  bl_parameter_initialise(l->values, &l->table, 7);
  for (int i = 0; i < LARGE_PARTS; i++)
    l->parts[i] = (bl_model_part){names[i], &l->table, l->values};
}

static void destroy_large(large *l) {
  bl_free(&l->values);
  bl_parameter_table_destroy(&l->table);
}

static bl_status write_large(void *context) {
  const large *l = context;
  return bl_model_write(scratch("large.nc"), &header, l->parts, LARGE_PARTS, &provenance);
}

static bl_status read_large(void *context) {
  const large *l = context;
  return bl_model_read(scratch("large.nc"), l->parts, LARGE_PARTS);
}

/* By how much \a work raises the peak of memory, which only grows: hence in a process of its own, which only measures. */
static size_t growth(bl_status (*work)(void *), void *context) {
  int ends[2], status = 0;
  size_t grown = 0;
  assert_int_equal(pipe(ends), 0);
  const pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    const size_t before = bl_memory_peak();
    const bool done = work(context) == BL_OK;
    grown = bl_memory_peak() - before;
    _exit(done && write(ends[1], &grown, sizeof grown) == sizeof grown ? 0 : 1);
  }
  close(ends[1]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(read(ends[0], &grown, sizeof grown), sizeof grown);
  close(ends[0]);
  return grown;
}

/* Sanitizers and valgrind keep memory that was released. */
static bool memory_counts(void) {
  return getenv("ASAN_OPTIONS") == NULL && getenv("TEST_WRAPPER") == NULL;
}

/* The library's caches do not hold the arrays a second time, and large tensors leave no gaps. */
static void a_file_takes_its_own_memory_only(void **state) {
  (void)state;
  large l;
  struct stat what;
  make_large(&l);
  const size_t part = l.table.count * sizeof(float), data = LARGE_PARTS * part;
  const size_t by_writing = growth(write_large, &l), by_reading = growth(read_large, &l);
  assert_int_equal(stat(scratch("large.nc"), &what), 0);
  const size_t file = (size_t)what.st_size;
  assert_in_range(file, data, data + data / 50);
  if (memory_counts()) {
    assert_in_range(by_writing, 0, file + file / 2);
    assert_in_range(by_reading, 0, 2 * part); /* with the caches 5 */
  }
  destroy_large(&l);
}

/* A chain of dense layers of 4 MB each. */
static bl_graph *make_chain(void) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, 1), BL_OK);
  bl_tensor *h = bl_input(graph, 1000, 1, 1);
  for (int i = 0; i < 8; i++) {
    char name[16];
    snprintf(name, sizeof name, "dense.%d", i);
    h = bl_dense(graph, h, name, 1000, BL_INITIALISE_FAN_IN_UNIFORM);
  }
  bl_output(graph, h);
  assert_int_equal(bl_graph_compile(graph, BL_GRAPH_INFERENCE), BL_OK);
  return graph;
}

static bl_status get_parameter(float *values, const bl_parameter *entry, void *context) {
  return bl_model_get_parameter(values, context, "model", entry);
}

static bl_status load_chain(void *graph) {
  bl_model_header found;
  bl_model_file file;
  BL_TRY(bl_model_open(&file, &found, scratch("chain.nc")));
  const bl_status status = bl_graph_load_from(graph, get_parameter, &file);
  bl_model_close(&file);
  return status;
}

/* A graph that takes its weights from a file computes the same, and nobody holds them all a second time. */
static void a_graph_loads_one_parameter_at_a_time(void **state) {
  (void)state;
  bl_graph *whole = make_chain(), *loaded = make_chain();
  const bl_parameter_table *table = bl_graph_parameters(whole);
  float *values, x[1000], expected[1000], found[1000];
  assert_int_equal(bl_allocate(&values, table->count, sizeof *values), BL_OK);
  bl_parameter_initialise(values, table, 3);
  for (int i = 0; i < 1000; i++)
    x[i] = (float)(i % 7) - 3.0F;
  const bl_model_part part = {"model", table, values};
  assert_int_equal(bl_model_write(scratch("chain.nc"), &header, &part, 1, &provenance), BL_OK);
  assert_int_equal(bl_graph_load(whole, values), BL_OK);
  assert_int_equal(bl_graph_forward(whole, expected, &(bl_graph_inputs){.x = x}), BL_OK);
  const size_t grown = growth(load_chain, loaded);
  const size_t all = table->count * sizeof *values;
  if (memory_counts())
    assert_in_range(grown, all, all + all / 2); /* the graph's own, one of eight, and what reading that takes */
  assert_int_equal(load_chain(loaded), BL_OK);
  assert_int_equal(bl_graph_forward(loaded, found, &(bl_graph_inputs){.x = x}), BL_OK);
  assert_memory_equal(found, expected, sizeof found);
  bl_free(&values);
  bl_graph_destroy(&loaded);
  bl_graph_destroy(&whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_file_takes_its_own_memory_only),
      cmocka_unit_test(a_graph_loads_one_parameter_at_a_time),
      cmocka_unit_test(models_come_back_as_written),
      cmocka_unit_test(another_network_is_refused),
      cmocka_unit_test(every_changed_byte_is_noticed),
      cmocka_unit_test(what_is_not_there_is_as_before),
      cmocka_unit_test(nonsense_in_the_header_is_refused),
      cmocka_unit_test(the_old_checkpoint_survives_a_failed_write),
      cmocka_unit_test(the_newest_intact_checkpoint_is_found),
      cmocka_unit_test(weights_that_are_not_finite_are_refused),
      cmocka_unit_test(milestones_stay),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
