#include "parallel/agree.h"

#include "support/cmocka.h"

#include <stdio.h>

static int rank, size;

static bl_status failing_here(bl_status status) {
  return status == BL_OK ? BL_OK : bl_fail(status, "rank %d: status %d", rank, (int)status);
}

static bl_status together(bl_status status, int *reached) {
  BL_AGREE(failing_here(status), MPI_COMM_WORLD);
  ++*reached;
  return BL_OK;
}

static void test_all_well(void **state) {
  (void)state;
  int reached = 0;
  assert_int_equal(together(BL_OK, &reached), BL_OK);
  assert_int_equal(reached, 1);
  assert_string_equal(bl_status_message(), "");
}

static void test_each_rank_alone(void **state) {
  (void)state;
  for (int failing = 0; failing < size; failing++)
    for (int status = BL_ERROR_USAGE; status <= BL_ERROR_LIBRARY; status++) {
      int reached = 0;
      char expected[64];
      snprintf(expected, sizeof expected, "rank %d: status %d", failing, status);
      assert_int_equal(together(rank == failing ? (bl_status)status : BL_OK, &reached), status);
      assert_int_equal(reached, 0);
      assert_string_equal(bl_status_message(), expected);
      bl_status_clear();
    }
}

/* Every combination of two statuses and success over the ranks: the worst wins, and of its ranks the lowest. */
static void test_all_combinations(void **state) {
  (void)state;
  const bl_status choices[3] = {BL_OK, BL_ERROR_INPUT, BL_ERROR_SYSTEM};
  int combinations = 1;
  for (int r = 0; r < size; r++)
    combinations *= 3;
  for (int combination = 1; combination < combinations; combination++) {
    bl_status worst = BL_OK, mine = BL_OK;
    int speaker = -1;
    for (int r = 0, digits = combination; r < size; r++, digits /= 3) {
      const bl_status status = choices[digits % 3];
      if (status > worst) {
        worst = status;
        speaker = r;
      }
      if (r == rank)
        mine = status;
    }
    char expected[64];
    snprintf(expected, sizeof expected, "rank %d: status %d", speaker, (int)worst);
    assert_int_equal(bl_agree(failing_here(mine), MPI_COMM_WORLD), worst);
    assert_string_equal(bl_status_message(), expected);
    bl_status_clear();
  }
}

/* A message may look like a format. */
static void test_percent_in_message(void **state) {
  (void)state;
  const bl_status status = rank == size - 1 ? bl_fail(BL_ERROR_INPUT, "%s", "100 %s %n full") : BL_OK;
  assert_int_equal(bl_agree(status, MPI_COMM_WORLD), BL_ERROR_INPUT);
  assert_string_equal(bl_status_message(), "100 %s %n full");
  bl_status_clear();
}

/* Agreement within a part of the ranks leaves the others alone. */
static void test_part_of_the_ranks(void **state) {
  (void)state;
  MPI_Comm half;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, 0, &half);
  const bl_status status = rank == 0 ? bl_fail(BL_ERROR_NUMERIC, "even") : BL_OK;
  assert_int_equal(bl_agree(status, half), rank % 2 == 0 ? BL_ERROR_NUMERIC : BL_OK);
  assert_string_equal(bl_status_message(), rank % 2 == 0 ? "even" : "");
  bl_status_clear();
  MPI_Comm_free(&half);
}

/* A text that differs is named with its rank, the lowest one. */
static void test_texts(void **state) {
  (void)state;
  assert_int_equal(bl_agree_text("the version", "1.0", MPI_COMM_WORLD), BL_OK);
  if (size == 1)
    return;
  assert_int_equal(bl_agree_text("the version", rank == 0 ? "1.0" : "1.1", MPI_COMM_WORLD), BL_ERROR_USAGE);
  assert_string_equal(bl_status_message(),
                      "the version of rank 1 is \"1.1\", that of rank 0 is \"1.0\": start the same on all ranks");
  bl_status_clear();
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_all_well),          cmocka_unit_test(test_each_rank_alone),
      cmocka_unit_test(test_all_combinations),  cmocka_unit_test(test_percent_in_message),
      cmocka_unit_test(test_part_of_the_ranks), cmocka_unit_test(test_texts),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
