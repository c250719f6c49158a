#include "diffusion/head.h"

#include "base/kernel.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {[BL_HEAD_NONE] = "", [BL_HEAD_SN] = "sn", [BL_HEAD_NPR] = "npr"};

const char *bl_head_name(bl_head head) {
  return names[head];
}

bl_status bl_head_parse(bl_head *head, const char *name) {
  for (int i = BL_HEAD_SN; i <= BL_HEAD_NPR; i++)
    if (strcmp(name, names[i]) == 0) {
      *head = (bl_head)i;
      return BL_OK;
    }
  return bl_fail(BL_ERROR_USAGE, "the head is \"%s\", expected sn or npr", name);
}

double bl_head_target(bl_head head, double epsilon, double predicted) {
  const double value = head == BL_HEAD_NPR ? epsilon - predicted : epsilon;
  return value * value;
}

/* In double, since h and ε̂² are near each other where there is much noise. */
BL_KERNEL static void scale(float *restrict z, const float *restrict predicted, const float *restrict answer, double taken,
                            double ratio, double own, double factor, double most, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const double epsilon = predicted[i];
    double variance = ratio * ((double)answer[i] - taken * (epsilon * epsilon));
    variance = variance > 0.0 ? variance : 0.0;
    variance = variance < 1.0 ? variance : 1.0;
    double sum = own + factor * variance;
    sum = sum < most ? sum : most;
    z[i] = (float)(sqrt(sum) * (double)z[i]);
  }
}

void bl_head_scale_noise(float *z, bl_head head, const bl_head_step *step, const float *predicted, const float *answer,
                         size_t count) {
  scale(z, predicted, answer, head == BL_HEAD_SN ? 1.0 : 0.0, (1.0 - step->alpha_bar) / step->alpha_bar, step->own,
        step->share * step->share, step->limit * step->limit, count);
}
