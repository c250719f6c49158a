#include "report/panel.h"

#include "support/cmocka.h"

/* Real images stand for all classes of a set that is sorted by class, each at most once. */
static void real_images_are_spread_over_the_data(void **state) {
  (void)state;
  uint8_t pixels[10];
  for (int i = 0; i < 10; i++)
    pixels[i] = (uint8_t)(100 + i);
  const bl_dataset data = {.count = 10, .channels = 1, .height = 1, .width = 1, .pixels = pixels};
  const struct {
    size_t most, shown;
    uint8_t images[10];
  } cases[] = {{5, 5, {100, 102, 104, 106, 108}},
               {3, 3, {100, 103, 106}},
               {64, 10, {100, 101, 102, 103, 104, 105, 106, 107, 108, 109}}};
  for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
    bl_picture drawn = {0}, expected = {0};
    assert_int_equal(bl_panel_data(&drawn, &data, cases[c].most, 4), BL_OK);
    assert_int_equal(bl_panel_images(&expected, &data, cases[c].images, cases[c].shown, 4), BL_OK);
    assert_int_equal(drawn.height, expected.height);
    assert_int_equal(drawn.width, expected.width);
    assert_memory_equal(drawn.pixels, expected.pixels, (size_t)drawn.height * (size_t)drawn.width);
    bl_picture_destroy(&drawn);
    bl_picture_destroy(&expected);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(real_images_are_spread_over_the_data)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
