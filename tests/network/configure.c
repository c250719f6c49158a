/* From keys of the configuration to the shape of a U-Net. */
#include "network/configure.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <string.h>

static bl_options *load(int count, const char *const *sets) {
  bl_options *options = NULL;
  if (bl_options_load(&options, NULL, count, sets) != BL_OK)
    fail_msg("%s", bl_status_message());
  return options;
}

static bl_network_shape configure(int count, const char *const *sets) {
  bl_network_shape shape;
  bl_options *options = load(count, sets);
  if (bl_network_configure(&shape, options, 3, 32, 32, 1000, 0) != BL_OK)
    fail_msg("%s", bl_status_message());
  bl_options_destroy(&options);
  return shape;
}

static const bl_network_shape standard = {.kind = BL_NETWORK_UNET,
                                          .channels = 3,
                                          .height = 32,
                                          .width = 32,
                                          .base_channels = 128,
                                          .multiplier_count = 4,
                                          .multipliers = {1, 2, 2, 2},
                                          .blocks = 2,
                                          .attention_count = 1,
                                          .attention = {16},
                                          .dropout = 0.1f,
                                          .steps = 1000};

static void defaults_are_the_network_of_ho_et_al(void **state) {
  (void)state;
  const bl_network_shape shape = configure(0, NULL);
  assert_memory_equal(&shape, &standard, sizeof shape);
}

static void written_defaults_are_defaults(void **state) {
  (void)state;
  static const char *const sets[] = {"network.groups=32",           "network.norm_epsilon=1e-06",
                                     "network.down_padding=0",      "network.embedding=sine_first",
                                     "network.frequency_shift=1",   "network.head_width=0",
                                     "network.attention_levels=[]", "network.attention=[16]"};
  const bl_network_shape shape = configure(8, sets);
  assert_memory_equal(&shape, &standard, sizeof shape);
}

static void the_variants_of_diffusers(void **state) {
  (void)state;
  static const char *const sets[] = {"network.groups=16",
                                     "network.norm_epsilon=1e-5",
                                     "network.down_padding=1",
                                     "network.embedding=cosine_first",
                                     "network.frequency_shift=0",
                                     "network.head_width=8",
                                     "network.attention_levels=[1, 3]"};
  const bl_network_shape shape = configure(7, sets);
  bl_network_shape expected = standard;
  expected.attention_count = 0;
  expected.attention_levels = 10;
  expected.groups = 16;
  expected.norm_epsilon = 1e-5f;
  expected.down_padding = expected.cosine_first = expected.unshifted = 1;
  expected.head_width = 8;
  expected.attention[0] = shape.attention[0]; /* not counted */
  assert_memory_equal(&shape, &expected, sizeof shape);
}

static void levels_and_resolutions_exclude_each_other(void **state) {
  (void)state;
  static const char *const sets[] = {"network.attention=[8]", "network.attention_levels=[1]"};
  bl_network_shape shape;
  bl_options *options = load(2, sets);
  assert_int_equal(bl_network_configure(&shape, options, 3, 32, 32, 1000, 0), BL_ERROR_USAGE);
  assert_non_null(strstr(bl_status_message(), "network.attention_levels is [1], expected []"));
  bl_status_clear();
  bl_options_destroy(&options);
}

static void values_out_of_range_are_refused(void **state) {
  (void)state;
  static const char *const sets[] = {"network.attention_levels=[8]", "network.down_padding=2", "network.groups=0",
                                     "network.frequency_shift=2",    "network.norm_epsilon=0", "network.head_width=-1",
                                     "network.embedding=flipped"};
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    bl_options *options = NULL;
    if (bl_options_load(&options, NULL, 1, &sets[i]) == BL_OK)
      fail_msg("%s is accepted", sets[i]);
    bl_status_clear();
  }
  assert_int_equal(bl_memory_balance(), 0);
}

static void networks_of_equal_parameters_may_differ(void **state) {
  (void)state;
  bl_network_shape other = standard;
  other.norm_epsilon = 1e-6f; /* the defaults, told */
  other.groups = 32;
  assert_null(bl_network_differs(&standard, &other));
  other.head_width = 8;
  assert_string_equal(bl_network_differs(&standard, &other), "network.head_width");
  other = standard;
  other.groups = 16;
  assert_string_equal(bl_network_differs(&standard, &other), "network.groups");
  other = standard;
  other.norm_epsilon = 1e-5f;
  assert_string_equal(bl_network_differs(&other, &standard), "network.norm_epsilon");
  other = standard;
  other.down_padding = 1;
  assert_string_equal(bl_network_differs(&standard, &other), "network.down_padding");
  other = standard;
  other.cosine_first = 1;
  assert_string_equal(bl_network_differs(&standard, &other), "network.embedding");
  other = standard;
  other.unshifted = 1;
  assert_string_equal(bl_network_differs(&standard, &other), "network.frequency_shift");
  other = (bl_network_shape){.kind = BL_NETWORK_MLP};
  assert_null(bl_network_differs(&other, &other));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_the_network_of_ho_et_al),
      cmocka_unit_test(written_defaults_are_defaults),
      cmocka_unit_test(the_variants_of_diffusers),
      cmocka_unit_test(levels_and_resolutions_exclude_each_other),
      cmocka_unit_test(values_out_of_range_are_refused),
      cmocka_unit_test(networks_of_equal_parameters_may_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
