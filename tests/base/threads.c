#include "base/threads.h"

#include "support/cmocka.h"
#include "support/valgrind.h"

#include <float.h>

enum { THREADS = 4 };

/* Not known when this is compiled, so that the processor computes what follows. */
static volatile float least = FLT_MIN, half = 0.5F, denormal = FLT_TRUE_MIN, large = 0x1p30F;

/* How many threads of one parallel region find a product above zero. */
static int threads_with_positive(volatile float *a, volatile float *b) {
  int positive = 0;
#pragma omp parallel reduction(+ : positive)
  positive += *a * *b > 0.0F;
  return positive;
}

static void test_all_threads_flush(void **state) {
  (void)state;
#if !defined __SSE__ && !defined __aarch64__
  skip();
#endif
  if (under_valgrind())
    skip(); /* valgrind computes denormal numbers whatever the program asks for */
  assert_true(least * half > 0.0F);
  bl_threads_set(THREADS);
  bl_threads_flush_denormals();
  assert_int_equal(threads_with_positive(&least, &half), 0);     /* as a result */
  assert_int_equal(threads_with_positive(&denormal, &large), 0); /* as an operand */
  assert_true(threads_with_positive(&least, &large) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_threads_flush)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
