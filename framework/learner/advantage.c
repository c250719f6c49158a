#include "learner/advantage.h"

#include "base/memory.h"
#include "learner/baseline.h"
#include "learner/policy_learner.h"
#include "parallel/exact_sum.h"

#include <math.h>
#include <string.h>

bl_status bl_advantage_configure(bl_advantage *advantage, const bl_options *options) {
  const bl_options_learner *learner = &options->learner;
  const bool predicted = strcmp(learner->baseline_from, "prediction") == 0;
  *advantage = (bl_advantage){.trace = learner->trace, .balanced = strcmp(learner->step_weight, "balanced") == 0};
  if (!advantage->balanced && strcmp(learner->step_weight, "density") != 0)
    return bl_options_reject(options, "learner.step_weight", "density or balanced");
  if (!predicted && strcmp(learner->baseline_from, "value") != 0)
    return bl_options_reject(options, "learner.baseline_from", "value or prediction");
  if (learner->baseline)
    advantage->baseline = predicted ? BL_BASELINE_PREDICTION : BL_BASELINE_VALUE;
  if (advantage->baseline == BL_BASELINE_PREDICTION && advantage->trace < 1)
    return bl_options_reject(options, "learner.trace", "1 where the baseline is not V");
  return BL_OK;
}

double bl_advantage_step_weight(const bl_advantage *advantage, const bl_chain *chain, int step) {
  return advantage->balanced ? chain->sigma[step] / fabs(bl_chain_noise_factor(chain, step)) : 1;
}

void bl_advantage_over_value(float *advantages, const bl_policy_method *method, const float *cost, const float *value) {
  const size_t batch = method->micro_batch;
  for (size_t b = 0; b < batch; b++) {
    double later = 0, next = cost[b];
    for (size_t i = (size_t)method->steps; i-- > 0;) {
      if (method->advantage.baseline == BL_BASELINE_NONE) {
        advantages[i * batch + b] = cost[b];
        continue;
      }
      later = next - value[i * batch + b] + method->advantage.trace * later;
      next = value[i * batch + b];
      advantages[i * batch + b] = (float)later;
    }
  }
}

size_t bl_judgement_place(const bl_policy_method *method, int batch, int slot) {
  return ((size_t)slot * (size_t)method->n_critic + (size_t)batch) * method->micro_batch;
}

/* A visit of each number of this rank's advantages, with its step and f(x_0). */
typedef void visit_advantage(float *advantage, int step, float cost, void *context);

static void visit(const bl_judgement *j, const bl_policy_method *method, visit_advantage *call, void *context) {
  for (int m = j->first; m < j->slots; m += j->stride)
    for (size_t b = 0; b < (size_t)method->n_critic * method->micro_batch; b++) {
      const size_t first = bl_judgement_place(method, (int)(b / method->micro_batch), m), sample = b % method->micro_batch;
      float *advantages = j->advantages + first * (size_t)method->steps + sample;
      for (int i = 0; i < method->steps; i++)
        call(advantages + (size_t)i * method->micro_batch, i, j->costs[first + sample], context);
    }
}

static void add_moments(float *predicted, int step, float cost, void *sum) {
  double moments[BL_BASELINE_MOMENTS];
  bl_baseline_moments(moments, cost, *predicted);
  bl_exact_sum_add_double(sum, (size_t)step * BL_BASELINE_MOMENTS, BL_BASELINE_MOMENTS, moments);
}

static void take_residual(float *predicted, int step, float cost, void *baselines) {
  *predicted = (float)bl_baseline_residual((const bl_baseline *)baselines + step, cost, *predicted);
}

static void add_square(float *advantage, int step, float cost, void *sum) {
  (void)cost;
  bl_exact_sum_add_double(sum, 2 * (size_t)step, 2, (double[]){*advantage, (double)*advantage * *advantage});
}

static void take_scale(float *advantage, int step, float cost, void *scales) {
  (void)cost;
  *advantage *= ((const float *)scales)[step];
}

/* The standard deviation of numbers whose mean and mean square are \a means, of a variance of at least \a least. */
static double deviation(const double means[2], double least) {
  return sqrt(fmax(means[1] - means[0] * means[0], least));
}

/* Sum what `call` adds for each advantage, `terms` numbers a step, over all critics; the means go to `means`. */
static bl_status mean_of_steps(double *means, const bl_judgement *j, const bl_policy_method *method, size_t terms,
                               visit_advantage *call) {
  const double samples = (double)j->slots * method->n_critic * (double)method->micro_batch;
  bl_exact_sum *sum = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_exact_sum_create(&sum, terms * (size_t)method->steps));
  visit(j, method, call, sum);
  BL_GOTO(bl_exact_sum_allreduce(sum, j->comm));
  BL_GOTO(bl_exact_sum_get_double(means, sum, 0, terms * (size_t)method->steps, 1 / samples));
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

/* Turn f(x̂_0) into what is left of f(x_0) by the line of its step. */
static bl_status fit_baselines(const bl_judgement *j, const bl_policy_method *method) {
  double *means = NULL;
  bl_baseline *baselines = NULL;
  bl_status status = BL_OK;
  const size_t steps = (size_t)method->steps;
  BL_GOTO(bl_allocate(&means, steps * BL_BASELINE_MOMENTS, sizeof *means));
  BL_GOTO(bl_allocate(&baselines, steps, sizeof *baselines));
  BL_GOTO(mean_of_steps(means, j, method, BL_BASELINE_MOMENTS, add_moments));
  for (size_t i = 0; i < steps; i++)
    baselines[i] = bl_baseline_fit(means + i * BL_BASELINE_MOMENTS);
  visit(j, method, take_residual, baselines);
done:
  bl_free(&means);
  bl_free(&baselines);
  return status;
}

/* Divide the advantages of each step by their deviation, times that of the first step so that their size stays what it was:
 * no step less than 1 / 1000 of that, where there is nothing but rounding. */
static bl_status balance(const bl_judgement *j, const bl_policy_method *method) {
  double *means = NULL;
  float *scales = NULL;
  bl_status status = BL_OK;
  const size_t steps = (size_t)method->steps;
  BL_GOTO(bl_allocate(&means, 2 * steps, sizeof *means));
  BL_GOTO(bl_allocate(&scales, steps, sizeof *scales));
  BL_GOTO(mean_of_steps(means, j, method, 2, add_square));
  const double first = deviation(means, 1e-12);
  for (size_t i = 0; i < steps; i++)
    scales[i] = (float)(first / fmax(deviation(means + 2 * i, 0), 1e-3 * first));
  visit(j, method, take_scale, scales);
done:
  bl_free(&means);
  bl_free(&scales);
  return status;
}

bl_status bl_judgement_finish(const bl_judgement *judgement, const bl_policy_method *method) {
  if (method->advantage.baseline == BL_BASELINE_PREDICTION)
    BL_TRY(fit_baselines(judgement, method));
  return method->advantage.balanced ? balance(judgement, method) : BL_OK;
}
