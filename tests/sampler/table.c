#include "base/memory.h"
#include "sampler/sampler.h"
#include "support/cmocka.h"

#include <string.h>

/* Plan with a few keys set; on refusal the message must hold \a word. */
static void check(const char *const *sets, int count, bool fine_tuning, const char *word) {
  bl_options *options;
  bl_schedule schedule;
  bl_chain chain = {0};
  bl_status_clear();
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  bl_status status = bl_options_load(&options, NULL, count, sets);
  if (status == BL_OK)
    status = bl_sampler_plan(&chain, &schedule, options, fine_tuning);
  if (word) {
    assert_int_equal(status, BL_ERROR_USAGE);
    if (!strstr(bl_status_message(), word))
      fail_msg("\"%s\" is not in \"%s\"", word, bl_status_message());
  } else {
    assert_int_equal(status, BL_OK);
  }
  bl_chain_destroy(&chain);
  bl_schedule_destroy(&schedule);
  bl_options_destroy(&options);
  bl_status_clear();
  assert_int_equal(bl_memory_balance(), 0);
}

static void refuse(const char *first, const char *second, bool fine_tuning, const char *word) {
  const char *sets[] = {first, second};
  check(sets, second ? 2 : 1, fine_tuning, word);
}

static void defaults_are_ready_for_fine_tuning(void **state) {
  (void)state;
  check(NULL, 0, true, NULL);
}

static void nonsense_is_refused(void **state) {
  (void)state;
  refuse("sampler.name=ddim2", NULL, false, "sampler.name");
  refuse("sampler.grid=full", NULL, false, "sampler.grid");
  refuse("sampler.grid=cubic", "sampler.name=ddpm", false, "sampler.grid");
  refuse("sampler.grid=full", "sampler.name=ddpm", false, "sampler.steps");
  refuse("sampler.steps=0", NULL, false, "sampler.steps");
  refuse("sampler.steps=1", NULL, false, "at least 2");
  refuse("sampler.steps=1001", NULL, false, "1000");
  refuse("sampler.kappa=1.5", NULL, false, "sampler.kappa");
  refuse("sampler.kappa=-0.1", NULL, false, "sampler.kappa");
  const char *sets[] = {"sampler.name=ddpm", "sampler.grid=linear", "sampler.variance=medium"};
  check(sets, 3, false, "sampler.variance");
  refuse("sampler.name=unipc", NULL, false, "\"log_snr\", \"time\" or \"linear\" with sampler unipc");
  refuse("sampler.name=ddim", NULL, false, "with sampler ddim");
  refuse("sampler.eta=1.5", NULL, false, "sampler.eta");
  refuse("sampler.order=4", NULL, false, "sampler.order");
  refuse("sampler.name=analytic", "sampler.grid=linear", false, "beeline moments");
  const char *order[] = {"sampler.name=dpm_solver_pp", "sampler.grid=log_snr", "sampler.order=3"};
  check(order, 3, false, "0, 1 or 2 with sampler dpm_solver_pp");
  const char *multiple[] = {"sampler.name=dpm_solver", "sampler.grid=log_snr", "sampler.order=3"};
  check(multiple, 3, false, "a multiple of sampler.order, 3");
  const char *whole[] = {"sampler.name=unipc", "sampler.grid=linear", "sampler.steps=1000"};
  check(whole, 3, false, "below 1000");
}

static void steps_without_density_are_refused_for_fine_tuning(void **state) {
  (void)state;
  refuse("sampler.final_sigma=0", NULL, true, "sampler.final_sigma");
  refuse("sampler.final_sigma=-1", NULL, true, "sampler.final_sigma");
  refuse("sampler.kappa=0", NULL, true, "sampler.kappa");
  refuse("sampler.clip=true", NULL, true, "sampler.clip");
  refuse("sampler.final_sigma=0", NULL, false, NULL);
  refuse("sampler.kappa=0", NULL, false, NULL);
  refuse("sampler.clip=true", NULL, false, NULL);
  const char *const solvers[] = {"sampler.name=dpm_solver", "sampler.name=dpm_solver_pp", "sampler.name=unipc"};
  for (int k = 0; k < 3; k++) { /* before their own keys are looked at */
    refuse(solvers[k], NULL, true, "with a log-density for fine-tuning: ddpm, fastdpm, ddim, analytic");
    refuse(solvers[k], "sampler.grid=log_snr", true, "sampler.name");
    refuse(solvers[k], "sampler.grid=log_snr", false, NULL);
  }
  const char *ddim[] = {"sampler.name=ddim", "sampler.grid=linear", "sampler.eta=0.5"};
  check(ddim, 3, true, NULL);
  ddim[2] = "sampler.eta=0";
  check(ddim, 3, true, "sampler.eta");
  check(ddim, 3, false, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_ready_for_fine_tuning),
      cmocka_unit_test(nonsense_is_refused),
      cmocka_unit_test(steps_without_density_are_refused_for_fine_tuning),
  };
  return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
