#include "learner/distill.h"

#include "base/kernel.h"
#include "base/random.h"
#include "sampler/grid.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

bl_status bl_distill_configure(bl_distill *method, const bl_options *options) {
  const bool snr = strcmp(options->distill.weight, "snr") == 0, even = strcmp(options->distill.weight, "constant") == 0;
  *method = (bl_distill){.clip = options->sampler.clip,
                         .weight = snr    ? BL_DISTILL_SNR
                                   : even ? BL_DISTILL_CONSTANT
                                          : BL_DISTILL_SNR_TRUNC};
  return bl_options_blame(options, "distill.prediction",
                          bl_prediction_parse(&method->prediction, options->distill.prediction));
}

void bl_distill_times(int *time, int *middle, int *next, const bl_distill *method, int step) {
  const int total = method->schedule->steps;
  *time = bl_grid_step(BL_GRID_EVEN, step, method->steps, total);
  *middle = bl_grid_step(BL_GRID_EVEN, 2 * step, 2 * method->steps, total);
  *next = bl_grid_step(BL_GRID_EVEN, step - 1, method->steps, total);
}

/* Signal and noise at a time; −1 is data. */
static void signal_and_noise(double *alpha, double *sigma, const bl_schedule *schedule, int time) {
  const double alpha_bar = time < 0 ? 1.0 : schedule->alpha_bar[time];
  *alpha = sqrt(alpha_bar);
  *sigma = sqrt(1.0 - alpha_bar);
}

BL_KERNEL static void clip(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    x[i] = x[i] < -1.0F ? -1.0F : x[i];
    x[i] = x[i] > 1.0F ? 1.0F : x[i];
  }
}

/* result = of_a · a + of_b · b, in double; result may be either. */
BL_KERNEL static void mix(float *result, const float *a, const float *b, double of_a, double of_b, size_t count) {
  BL_INDEPENDENT
  for (size_t i = 0; i < count; i++)
    result[i] = (float)(of_a * (double)a[i] + of_b * (double)b[i]);
}

/* x̂ of the teacher at times of z's samples. \param [out] x may not be z. */
static bl_status ask_teacher(float *x, const bl_distill *method, const float *z, const float *time, const float *condition,
                             size_t count, size_t size) {
  BL_TRY(bl_graph_forward(method->teacher, x, &(bl_graph_inputs){.x = z, .time = time, .condition = condition}));
  for (size_t s = 0; s < count; s++)
    bl_prediction_x(x + s * size, method->teacher_prediction, x + s * size, z + s * size,
                    bl_process_of(method->schedule->alpha_bar[(int)time[s]]), size);
  if (method->clip)
    clip(x, count * size);
  return BL_OK;
}

bl_status bl_distill_target(float *target, const bl_distill *method, const float *z, const int *step,
                            const float *condition, size_t count, size_t size, float *work) {
  float *half_way = work, *second = half_way + count * size, *time = second + count * size;
  double alpha, sigma, alpha_middle, sigma_middle, alpha_next, sigma_next;
  int at, middle, next;
  for (size_t s = 0; s < count; s++) {
    bl_distill_times(&at, &middle, &next, method, step[s]);
    time[s] = (float)at;
  }
  BL_TRY(ask_teacher(target, method, z, time, condition, count, size));
  if (method->teacher_steps == method->steps)
    return BL_OK;
  for (size_t s = 0; s < count; s++) {
    bl_distill_times(&at, &middle, &next, method, step[s]);
    signal_and_noise(&alpha, &sigma, method->schedule, at);
    signal_and_noise(&alpha_middle, &sigma_middle, method->schedule, middle);
    const double keep = sigma_middle / sigma;
    mix(half_way + s * size, target + s * size, z + s * size, alpha_middle - keep * alpha, keep, size);
    time[s] = (float)middle;
  }
  BL_TRY(ask_teacher(second, method, half_way, time, condition, count, size));
  for (size_t s = 0; s < count; s++) {
    bl_distill_times(&at, &middle, &next, method, step[s]);
    signal_and_noise(&alpha, &sigma, method->schedule, at);
    signal_and_noise(&alpha_middle, &sigma_middle, method->schedule, middle);
    signal_and_noise(&alpha_next, &sigma_next, method->schedule, next);
    /* (ρ″ − ρ′) / (ρ″ − ρ), both times σ″, which is 0 at the end. */
    const double part = (alpha_next - sigma_next * alpha_middle / sigma_middle) / (alpha_next - sigma_next * alpha / sigma);
    mix(target + s * size, target + s * size, second + s * size, 1.0 - part, part, size);
  }
  return BL_OK;
}

static double weight_of(bl_distill_weight weight, double alpha_bar) {
  const double ratio = alpha_bar / (1.0 - alpha_bar);
  switch (weight) {
    case BL_DISTILL_SNR_TRUNC:
      return fmax(ratio, 1.0);
    case BL_DISTILL_SNR:
      return ratio;
    case BL_DISTILL_CONSTANT:
      break;
  }
  return 1.0;
}

/* Draw the steps and the noise, and make z of the data. */
static void noise_data(float *z, float *noise, float *time, int *step, const bl_distill *method,
                       const bl_sample_batch *batch) {
  double alpha, sigma;
  int at, middle, next;
  for (size_t s = 0; s < batch->count; s++) {
    bl_draw draw = {
        .seed = batch->seed, .purpose = BL_PURPOSE_TIME_STEP, .round = batch->round, .sample = batch->first + (uint32_t)s};
    step[s] = (int)bl_random_below((uint32_t)method->steps, draw);
    bl_distill_times(&at, &middle, &next, method, step[s]);
    signal_and_noise(&alpha, &sigma, method->schedule, at);
    draw.purpose = BL_PURPOSE_FORWARD_NOISE;
    bl_random_normal(noise, batch->size, draw);
    mix(z + s * batch->size, batch->values + s * batch->size, noise, alpha, sigma, batch->size);
    time[s] = (float)at;
  }
}

bl_status bl_distill_gradient(const bl_gradient_sink *sink, double *loss, const bl_distill *method, bl_graph *student,
                              const bl_sample_batch *batch, int *step) {
  const size_t count = batch->count, size = batch->size, total = count * size;
  float *z = batch->work, *target = z + total, *output = target + total, *work = output + total, *x = work;
  float *time = work + 2 * total + count;
  noise_data(z, output, time, step, method, batch);
  BL_TRY(bl_distill_target(target, method, z, step, batch->condition, count, size, work));
  BL_TRY(bl_graph_forward(student, output, &(bl_graph_inputs){.x = z, .time = time, .condition = batch->condition}));
  double sum = 0;
  for (size_t s = 0; s < count; s++) {
    const double alpha_bar = method->schedule->alpha_bar[(int)time[s]];
    const bl_process process = bl_process_of(alpha_bar);
    const double weight = weight_of(method->weight, alpha_bar);
    const double scale = 2 * weight * bl_prediction_slope(method->prediction, process) / (double)total;
    bl_prediction_x(x, method->prediction, output + s * size, z + s * size, process, size);
    for (size_t i = 0; i < size; i++) {
      const double difference = (double)x[i] - (double)target[s * size + i];
      sum += weight * difference * difference;
      output[s * size + i] = (float)(scale * difference); /* from here on the gradient */
    }
  }
  *loss = sum / (double)total;
  return sink ? bl_graph_backward_to(student, sink, output) : BL_OK;
}

size_t bl_distill_work(size_t count, size_t size) {
  return 5 * count * size + 2 * count;
}
