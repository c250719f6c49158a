/* Buffers that are needed at the same time never share memory, and the arena is close to the least that is possible. */
#include "engine/arena.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

enum { STEPS = 60 };

static void check(bl_interval *intervals, size_t count, size_t total) {
  for (size_t i = 0; i < count; i++) {
    assert_int_equal(intervals[i].offset % 16, 0);
    assert_true(intervals[i].offset + intervals[i].size <= total);
    for (size_t j = 0; j < i; j++) {
      const bl_interval *a = &intervals[i], *b = &intervals[j];
      const bool in_time = a->begin <= b->end && b->begin <= a->end;
      const bool in_memory = a->offset < b->offset + b->size && b->offset < a->offset + a->size;
      assert_false(in_time && in_memory);
    }
  }
}

static size_t lower_bound(const bl_interval *intervals, size_t count) {
  size_t most = 0;
  for (int step = 0; step < STEPS; step++) {
    size_t live = 0;
    for (size_t i = 0; i < count; i++)
      if (intervals[i].begin <= step && step <= intervals[i].end)
        live += intervals[i].size;
    most = live > most ? live : most;
  }
  return most;
}

static void random_intervals_never_overlap(void **state) {
  (void)state;
  for (uint32_t round = 0; round < 50; round++) {
    bl_interval intervals[200];
    size_t total = 0;
    const size_t count = 1 + 4 * round > 200 ? 200 : 1 + 4 * round;
    for (uint32_t i = 0; i < count; i++) {
      uint32_t bits[3];
      bl_random_bits(bits, 3, (bl_draw){.purpose = BL_PURPOSE_TEST, .round = round, .sample = i});
      intervals[i].begin = (int)(bits[0] % STEPS);
      intervals[i].end = intervals[i].begin + (int)(bits[1] % (uint32_t)(STEPS - intervals[i].begin));
      intervals[i].size = 1 + bits[2] % 1000;
    }
    assert_int_equal(bl_arena_assign(&total, intervals, count), BL_OK);
    check(intervals, count, total);
    const size_t least = lower_bound(intervals, count);
    assert_true(total >= least);
    assert_true(total <= least + least / 2);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void a_chain_needs_two_buffers(void **state) {
  (void)state;
  bl_interval intervals[20];
  size_t total = 0;
  for (int i = 0; i < 20; i++)
    intervals[i] = (bl_interval){.size = 100, .begin = i, .end = i + 1};
  assert_int_equal(bl_arena_assign(&total, intervals, 20), BL_OK);
  assert_int_equal(total, 2 * 112);
}

/** Each of the two orders finds the least memory of one of these, and not of the other. */
static void the_better_order_counts(void **state) {
  (void)state;
  static const struct {
    bl_interval intervals[4];
    size_t least;
  } cases[] = {
      {{{80, 0, 2, 0}, {48, 3, 4, 0}, {80, 2, 3, 0}, {80, 4, 5, 0}}, 160},
      {{{80, 4, 5, 0}, {16, 3, 5, 0}, {16, 2, 3, 0}, {64, 3, 3, 0}}, 96},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    bl_interval intervals[4];
    size_t total = 0;
    memcpy(intervals, cases[i].intervals, sizeof intervals);
    assert_int_equal(lower_bound(intervals, 4), cases[i].least);
    assert_int_equal(bl_arena_assign(&total, intervals, 4), BL_OK);
    check(intervals, 4, total);
    assert_int_equal(total, cases[i].least);
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void nothing_needs_nothing(void **state) {
  (void)state;
  size_t total = 1;
  assert_int_equal(bl_arena_assign(&total, NULL, 0), BL_OK);
  assert_int_equal(total, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_intervals_never_overlap),
      cmocka_unit_test(a_chain_needs_two_buffers),
      cmocka_unit_test(the_better_order_counts),
      cmocka_unit_test(nothing_needs_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
