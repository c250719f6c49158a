/* The answers that the authors of FNV publish, and hashing in parts. */
#include "base/hash.h"

#include "support/cmocka.h"

static void test_known_answers(void **state) {
  (void)state;
  assert_true(bl_hash_text(BL_HASH_EMPTY, "") == UINT64_C(0xcbf29ce484222325));
  assert_true(bl_hash_text(BL_HASH_EMPTY, "a") == UINT64_C(0xaf63dc4c8601ec8c));
  assert_true(bl_hash_text(BL_HASH_EMPTY, "foobar") == UINT64_C(0x85944171f73967e8));
}

static void test_parts_are_the_whole(void **state) {
  (void)state;
  const unsigned char bytes[] = {'f', 'o', 'o', 0, 255};
  const uint64_t whole = bl_hash_bytes(BL_HASH_EMPTY, bytes, sizeof bytes);
  assert_true(bl_hash_bytes(bl_hash_text(BL_HASH_EMPTY, "foo"), bytes + 3, 2) == whole);
  assert_true(bl_hash_bytes(BL_HASH_EMPTY, bytes, 3) != whole);
  assert_true(bl_hash_bytes(whole, bytes, 0) == whole);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers), cmocka_unit_test(test_parts_are_the_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
