#include "parallel/channel.h"

#include "base/clock.h"
#include "base/memory.h"
#include "parallel/wait.h"
#include "support/cmocka.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int rank, size;
static MPI_Comm link_comm;

static float value_of(int from, int to, int tag, int i) {
  return (float)(from * 1000 + to * 100 + tag) + (float)i * 0x1p-10f;
}

/* Everybody sends micro-batches to everybody, itself included; receives are posted first or last, waits come in another
 * order than sends; short messages (that MPI buffers) and long ones (that it does not). */
static void exchange(size_t count, int receives_first) {
  enum { TAGS = 5 };
  bl_channel *channel = NULL;
  float *sent = NULL, *received = NULL;
  const size_t messages = (size_t)(size * TAGS);
  assert_int_equal(bl_channel_create(&channel, link_comm, "link"), BL_OK);
  assert_int_equal(bl_allocate(&sent, messages * count, sizeof *sent), BL_OK);
  assert_int_equal(bl_allocate(&received, messages * count, sizeof *received), BL_OK);
  for (int pass = 0; pass < 2; pass++)
    for (int other = 0; other < size; other++)
      for (int tag = 0; tag < TAGS; tag++) {
        const size_t place = (size_t)(other * TAGS + tag) * count;
        if ((pass == 0) == (receives_first != 0)) {
          assert_int_equal(bl_channel_receive(channel, received + place, count, tag, other), BL_OK);
        } else {
          for (size_t i = 0; i < count; i++)
            sent[place + i] = value_of(rank, other, tag, (int)i);
          assert_int_equal(bl_channel_send(channel, sent + place, count, tag, other), BL_OK);
        }
      }
  for (int tag = TAGS - 1; tag >= 0; tag--)
    for (int other = 0; other < size; other++) {
      assert_int_equal(bl_channel_wait(channel, tag, other), BL_OK);
      for (size_t i = 0; i < count; i++)
        assert_true(received[(size_t)(other * TAGS + tag) * count + i] == value_of(other, rank, tag, (int)i));
    }
  assert_int_equal(bl_channel_wait(channel, 0, 0), BL_OK); /* nothing left: returns */
  assert_int_equal(bl_channel_finish(channel), BL_OK);
  assert_int_equal(bl_channel_bytes(channel), (size_t)((size - 1) * TAGS) * count * sizeof *sent);
  bl_channel_destroy(&channel);
  assert_null(channel);
  bl_free(&sent);
  bl_free(&received);
}

static void test_exchange(void **state) {
  (void)state;
  static const size_t counts[] = {0, 1, 1000, 100000};
  for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++)
    for (int receives_first = 0; receives_first < 2; receives_first++)
      exchange(counts[c], receives_first);
}

/* Two arrays of one micro-batch share its tag. */
static void test_same_tag_keeps_order(void **state) {
  (void)state;
  bl_channel *channel = NULL;
  const int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  const float states[3] = {1, 2, 3}, times[2] = {4, 5};
  float got_states[3], got_times[2];
  assert_int_equal(bl_channel_create(&channel, link_comm, "link"), BL_OK);
  assert_int_equal(bl_channel_receive(channel, got_states, 3, 9, previous), BL_OK);
  assert_int_equal(bl_channel_receive(channel, got_times, 2, 9, previous), BL_OK);
  assert_int_equal(bl_channel_send(channel, states, 3, 9, next), BL_OK);
  assert_int_equal(bl_channel_send(channel, times, 2, 9, next), BL_OK);
  assert_int_equal(bl_channel_wait(channel, 9, previous), BL_OK);
  assert_memory_equal(got_states, states, sizeof states);
  assert_memory_equal(got_times, times, sizeof times);
  assert_int_equal(bl_channel_finish(channel), BL_OK);
  bl_channel_destroy(&channel);
}

/* A rank that waits for long leaves its core to others: next to no processor time in a second, of which a busy machine
 * may take a part before the wait begins. */
static void test_waiting_sleeps(void **state) {
  (void)state;
  bl_channel *channel = NULL;
  const int last = size - 1;
  const float sent = 1;
  float received = 0;
  assert_int_equal(bl_channel_create(&channel, link_comm, "link"), BL_OK);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == last) {
    nanosleep(&(struct timespec){1, 0}, NULL);
    for (int other = 0; other < last; other++)
      assert_int_equal(bl_channel_send(channel, &sent, 1, 3, other), BL_OK);
  } else {
    assert_int_equal(bl_channel_receive(channel, &received, 1, 3, last), BL_OK);
    const clock_t before = clock();
    assert_int_equal(bl_channel_wait(channel, 3, last), BL_OK);
    const double used = (double)(clock() - before) / CLOCKS_PER_SEC;
    assert_true(received == 1.0f);
    assert_true(bl_channel_waited(channel) > 0.15);
    assert_true(used < 0.5 * bl_channel_waited(channel));
  }
  assert_int_equal(bl_channel_finish(channel), BL_OK);
  bl_channel_destroy(&channel);
  MPI_Request barrier;
  assert_int_equal(MPI_Ibarrier(MPI_COMM_WORLD, &barrier), MPI_SUCCESS);
  assert_int_equal(bl_wait(&barrier, 1), BL_OK);
  assert_true(barrier == MPI_REQUEST_NULL);
}

static void test_refusals(void **state) {
  (void)state;
  bl_channel *channel = NULL;
  float values[4] = {0}, arrived[4];
  assert_int_equal(bl_channel_create(&channel, link_comm, "link"), BL_OK);
  bl_status_clear();
  assert_int_equal(bl_channel_send(channel, values, (size_t)1 << 31, 0, rank), BL_ERROR_LIBRARY);
  assert_non_null(strstr(bl_status_message(), "2147483648 numbers"));
  bl_status_clear();
  assert_int_equal(bl_channel_send(channel, values, 1, -1, rank), BL_ERROR_LIBRARY);
  bl_status_clear();
  /* A message that is too short is told, not taken. */
  assert_int_equal(bl_channel_receive(channel, arrived, 4, 5, rank), BL_OK);
  assert_int_equal(bl_channel_send(channel, values, 2, 5, rank), BL_OK);
  assert_int_equal(bl_channel_wait(channel, 5, rank), BL_ERROR_LIBRARY);
  assert_non_null(strstr(bl_status_message(), "has 2 numbers, expected 4"));
  bl_status_clear();
  /* A receive that nobody answers does not hold up the end. */
  assert_int_equal(bl_channel_receive(channel, arrived, 4, 6, rank), BL_OK);
  bl_channel_destroy(&channel);
  bl_channel_destroy(&channel);
}

static int no_leak(void **state) {
  (void)state;
  return bl_memory_balance() == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_dup(MPI_COMM_WORLD, &link_comm);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exchange),
      cmocka_unit_test(test_same_tag_keeps_order),
      cmocka_unit_test(test_waiting_sleeps),
      cmocka_unit_test(test_refusals),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, no_leak);
  MPI_Comm_free(&link_comm);
  MPI_Finalize();
  return failed;
}
