#include "parallel/mpi_check.h"

#include "support/cmocka.h"

#include <mpi.h>
#include <string.h>

static void test_code_becomes_status(void **state) {
  (void)state;
  int value = 0, size;
  MPI_Comm_size(MPI_COMM_SELF, &size);
  MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
  assert_int_equal(BL_MPI(MPI_Bcast(&value, 1, MPI_INT, 0, MPI_COMM_SELF)), BL_OK);
  assert_string_equal(bl_status_message(), "");
  assert_int_equal(BL_MPI(MPI_Bcast(&value, 1, MPI_INT, size + 5, MPI_COMM_SELF)), BL_ERROR_LIBRARY);
  assert_memory_equal(bl_status_message(), "MPI_Bcast failed: ", strlen("MPI_Bcast failed: "));
  assert_true(strlen(bl_status_message()) > strlen("MPI_Bcast failed: "));
  bl_status_clear();
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_code_becomes_status)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Finalize();
  return failed;
}
