/* DPM-Solver (Lu et al. 2022): the probability flow solved in λ = log(α / σ), where its linear part is known; ε is expanded
 * around the beginning of a step from k evaluations (order k, its inner points at equal distances in λ). `order` 0 is their
 * "fast" (§ 3.4, appendix D.2): steps of order 3, with lower ones at the end, so that the number of evaluations is exactly
 * the one asked for. It ends at the first step of the schedule (t = 1/N), as published, and draws no noise. */
#include "base/memory.h"
#include "sampler/grid.h"
#include "sampler/sampler.h"

#include <math.h>

/* Evaluations in each step. Returns how many steps. \param [out] orders (evaluations). */
static int plan_orders(int *orders, int evaluations, int order) {
  int count = 0, left = evaluations;
  while (left > 0) {
    int next = order > 0 ? order : left == 3 ? 2 : left < 3 ? left : 3;
    orders[count++] = next;
    left -= next;
  }
  return count;
}

/* Equations of Lu et al. 2022, all with h = λ_t − λ_s over the whole step: 4.1 (order 1), algorithm 1 (order 2, r = 1/2)
 * and algorithm 2 (order 3, r = 1/3 and 2/3). `back` names the evaluation at s. */

static void add_first(bl_chain *chain, int step, int back, bl_noise_level s, bl_noise_level t) {
  bl_chain_add(chain, step, back, t.alpha / s.alpha, -t.sigma * expm1(t.log_snr - s.log_snr));
}

/* − weight (ε of this evaluation − ε at s) */
static void add_difference(bl_chain *chain, int step, int back, double weight) {
  bl_chain_add(chain, step, 0, 0.0, -weight);
  bl_chain_add(chain, step, back, 0.0, weight);
}

static void plan_step(bl_chain *chain, int step, int order, const bl_schedule *schedule, bl_noise_level s,
                      bl_noise_level t) {
  const double h = t.log_snr - s.log_snr;
  bl_noise_level inner[2];
  for (int k = 1; k < order; k++)
    inner[k - 1] = bl_noise_level_of(schedule, s.log_snr + h * k / order);
  bl_chain_begin_step(chain, step, s.time, s.alpha_bar);
  add_first(chain, step, 0, s, order == 1 ? t : inner[0]);
  if (order == 1)
    return;
  bl_chain_begin_step(chain, step + 1, inner[0].time, inner[0].alpha_bar);
  add_first(chain, step + 1, 1, s, order == 2 ? t : inner[1]);
  if (order == 2) {
    add_difference(chain, step + 1, 1, t.sigma * expm1(h)); /* 1 / (2 r) = 1 */
    return;
  }
  const double part = h * 2.0 / 3.0; /* r_2 h; r_2 / r_1 = 2 */
  add_difference(chain, step + 1, 1, 2.0 * inner[1].sigma * (expm1(part) / part - 1.0));
  bl_chain_begin_step(chain, step + 2, inner[1].time, inner[1].alpha_bar);
  add_first(chain, step + 2, 2, s, t);
  add_difference(chain, step + 2, 2, 1.5 * t.sigma * (expm1(h) / h - 1.0)); /* 1 / r_2 = 3/2 */
}

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  const int evaluations = options->sampler.steps, order = options->sampler.order;
  if (order > 0 && evaluations % order != 0)
    return bl_options_reject(options, "sampler.steps", "a multiple of sampler.order, %d (order 0 meets any number)", order);
  int *orders = NULL;
  bl_noise_level *levels = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&orders, (size_t)evaluations, sizeof *orders));
  BL_GOTO(bl_allocate(&levels, (size_t)evaluations + 1, sizeof *levels));
  const int count = plan_orders(orders, evaluations, order);
  BL_GOTO(bl_grid_levels(levels, schedule, options, count, orders));
  BL_GOTO(bl_chain_create_deep(chain, evaluations, 2));
  for (int k = 0, step = 0; k < count; step += orders[k], k++)
    plan_step(chain, step, orders[k], schedule, levels[k], levels[k + 1]);
done:
  bl_free(&orders);
  bl_free(&levels);
  return status;
}

const bl_sampler bl_sampler_dpm_solver = {.name = "dpm_solver", .plan = plan};
