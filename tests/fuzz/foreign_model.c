/* Models of other programs: which format, then the counted config.json, the counted scheduler_config.json and the weights.
 * Inputs are shorter than the weights of the smallest U-Net, so that none is ever built. */
#include "fuzz/fuzz.h"
#include "store/model_format.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bl_options *options[2];
  bl_foreign_model model;
  size_t count, one;
  if (options[0] == NULL) {
    char path[2][300];
    snprintf(path[0], sizeof path[0], "import.model=%s", fuzz_folder());
    snprintf(path[1], sizeof path[1], "import.model=%s/diffusion_pytorch_model.safetensors", fuzz_folder());
    options[0] = fuzz_options((const char *[]){"import.format=diffusers", path[0], NULL});
    options[1] = fuzz_options((const char *[]){"import.format=ddpm", path[1], "import.sample_size=8", NULL});
  }
  const uint8_t *flags = fuzz_take(&one, &data, &size, 1);
  const uint8_t *config = fuzz_take_counted(&count, &data, &size);
  fuzz_file_in_folder("config.json", config, count);
  const uint8_t *scheduler = fuzz_take_counted(&count, &data, &size);
  fuzz_file_in_folder("scheduler_config.json", scheduler, count);
  fuzz_file_in_folder("diffusion_pytorch_model.safetensors", data, size);
  fuzz_begin();
  fuzz_check(bl_model_import(&model, options[one == 1 && (flags[0] & 1) != 0]));
  bl_foreign_model_destroy(&model);
  fuzz_end();
  return 0;
}
