#include "report/outcome.h"

#include "base/clock.h"
#include "base/print.h"
#include "store/output.h"

#include <stdlib.h>
#include <string.h>

/* A row of the table; "-" where nothing was measured. */
static void print_row(FILE *file, const char *what, int evaluations, double distance, size_t samples) {
  char text[24] = "-";
  if (samples > 0)
    snprintf(text, sizeof text, "%.4g", distance);
  bl_print_to(file, "  %-34s %6d %20s %9zu\n", what, evaluations, text, samples);
}

void bl_outcome_print(FILE *file, const bl_outcome *outcome) {
  char duration[32];
  bl_clock_duration(duration, sizeof duration, outcome->seconds);
  bl_print_to(file, "\n  %-34s %6s %20s %9s\n", "", "NFE", outcome->distance, "samples");
  print_row(file, "before fine-tuning", outcome->steps, outcome->before, outcome->samples);
  print_row(file, "after fine-tuning", outcome->steps, outcome->after, outcome->samples);
  if (outcome->stored_samples > 0)
    print_row(file, "same model before, DDPM, all steps", outcome->all_steps, outcome->stored, outcome->stored_samples);
  if (outcome->figure_count > 0)
    bl_print_to(file, "\n  %-20s %12s %12s\n", "", "before", "after");
  for (int i = 0; i < outcome->figure_count; i++) {
    const bl_figure *before = &outcome->figures[0][i], *after = &outcome->figures[1][i];
    bl_print_to(file, "  %-20s %12.4g %12.4g  %s\n", after->label, before->factor * before->value,
                after->factor * after->value, after->note);
  }
  bl_print_to(file, "\n");
  if (outcome->features)
    bl_print_to(file, "  FID on the features of %s\n", outcome->features);
  bl_print_to(file, "  %lld round%s, roles %s on %d rank%s, seed %lld, weights: %s, time %s\n", (long long)outcome->rounds,
              outcome->rounds == 1 ? "" : "s", outcome->roles, outcome->ranks, outcome->ranks == 1 ? "" : "s",
              (long long)outcome->seed, outcome->average ? "moving average" : "last", duration);
}

bl_status bl_outcome_write(const char *path, const bl_outcome *outcome) {
  char *text = NULL;
  bl_bytes bytes = {0};
  FILE *file = open_memstream(&text, &bytes.size);
  if (!file)
    return bl_fail(BL_ERROR_SYSTEM, "%s: out of memory", path);
  bl_outcome_print(file, outcome);
  fclose(file);
  bytes.data = text;
  const bl_status status = bl_output_write(path, &bytes, 1);
  free(text);
  return status;
}

void bl_outcome_show(const char *path) {
  char line[512];
  FILE *file = fopen(path, "r");
  while (file && fgets(line, sizeof line, file))
    bl_print("%.*s\n", (int)strcspn(line, "\n"), line);
  if (file)
    fclose(file);
}
