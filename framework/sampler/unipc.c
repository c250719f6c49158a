/* UniPC (Zhao et al. 2023), multistep of order 1, 2 or 3 on the prediction m of x_0, with B(h) = 1 − e^−h ("bh2"): each
 * evaluation first corrects the state at which it was made (UniC, algorithm 5 and 7), then predicts the next (UniP), so the
 * corrector costs no evaluation. Draws no noise; ends at the first step of the schedule.
 *
 * Both are x_t = (σ_t / σ_s) x_s + α_t [(1 − e^−h) m_s + Σ_k w_k (m_k − m_s) / r_k], r_k the place of evaluation k in units
 * of h from s (negative for earlier ones, 1 for the corrector's at t). The weights solve Σ_k w_k r_k^(n−1) = n! h
 * φ_{n+1}(−h) for n = 1 … , which is their theorem 3.1 without the factor B(h), that cancels; a single weight is ½ B(h)
 * instead. The corrected state is never stored: x_t^c − x_t is a sum of predictions, since what both have in common
 * cancels. */
#include "base/memory.h"
#include "sampler/multistep.h"
#include "sampler/sampler.h"

#include <math.h>

enum { MOST = BL_MULTISTEP_ORDER };

/* Gauss with row exchange. \param [in,out] matrix, vector (count): the solution takes the vector's place. */
static void solve(double matrix[MOST][MOST], double *vector, int count) {
  for (int column = 0; column < count; column++) {
    int pivot = column;
    for (int row = column + 1; row < count; row++)
      if (fabs(matrix[row][column]) > fabs(matrix[pivot][column]))
        pivot = row;
    for (int k = 0; k < count; k++) {
      const double held = matrix[pivot][k];
      matrix[pivot][k] = matrix[column][k];
      matrix[column][k] = held;
    }
    const double held = vector[pivot];
    vector[pivot] = vector[column];
    vector[column] = held;
    for (int row = 0; row < count; row++) {
      const double factor = row == column ? 0.0 : matrix[row][column] / matrix[column][column];
      for (int k = column; k < count; k++)
        matrix[row][k] -= factor * matrix[column][k];
      vector[row] -= factor * vector[column];
    }
  }
  for (int row = 0; row < count; row++)
    vector[row] /= matrix[row][row];
}

/* w / r (count) of evaluations at r (count). */
static void find_weights(double *weights, const double *r, int count, double h) {
  double matrix[MOST][MOST], phi = -expm1(-h) / h, factorial = 1.0; /* φ_1(−h) */
  for (int n = 1; n <= count; n++) {
    phi = (1.0 / factorial - phi) / h; /* φ_{n+1} = (φ_n − 1 / n!) / (−h) */
    factorial *= n + 1;
    weights[n - 1] = factorial / (n + 1) * h * phi;
    for (int k = 0; k < count; k++)
      matrix[n - 1][k] = pow(r[k], n - 1);
  }
  if (count == 1)
    weights[0] = -0.5 * expm1(-h);
  else
    solve(matrix, weights, count);
  for (int k = 0; k < count; k++)
    weights[k] /= r[k];
}

/* Weights of α_t (m_k − m_s) in the step into level k, k = s − 1, s − 2, …, and last t for the corrector. */
static void plan_weights(double *predictor, double *corrector, const bl_noise_level *levels, int k, int order) {
  const double here = levels[k - 1].log_snr, h = levels[k].log_snr - here;
  double r[MOST];
  for (int j = 1; j < order; j++)
    r[j - 1] = (levels[k - 1 - j].log_snr - here) / h;
  r[order - 1] = 1.0;
  find_weights(predictor, r, order - 1, h);
  find_weights(corrector, r, order, h);
}

/* Step i: correct the state at level i, then predict level i + 1. */
static void plan_step(bl_chain *chain, int i, const bl_noise_level *levels, int order, const bl_options *options) {
  const bl_noise_level s = levels[i], t = levels[i + 1];
  const double gain = t.sigma / s.sigma;
  double predictor[MOST], corrector[MOST];
  bl_chain_add(chain, i, 0, gain, 0.0);
  if (i > 0) {
    const int used = bl_multistep_order(options, order, i);
    plan_weights(predictor, corrector, levels, i, used);
    double last = gain * s.alpha * corrector[used - 1];
    bl_chain_add_origin(chain, i, 0, last);
    bl_chain_add_origin(chain, i, 1, -last);
    for (int j = 1; j < used; j++) {
      const double change = gain * s.alpha * (corrector[j - 1] - predictor[j - 1]);
      bl_chain_add_origin(chain, i, j + 1, change);
      bl_chain_add_origin(chain, i, 1, -change);
    }
  }
  const int used = bl_multistep_order(options, order, i + 1);
  plan_weights(predictor, corrector, levels, i + 1, used);
  bl_chain_add_origin(chain, i, 0, -t.alpha * expm1(s.log_snr - t.log_snr));
  for (int j = 1; j < used; j++) {
    bl_chain_add_origin(chain, i, j, t.alpha * predictor[j - 1]);
    bl_chain_add_origin(chain, i, 0, -t.alpha * predictor[j - 1]);
  }
}

static bl_status plan(bl_chain *chain, const bl_schedule *schedule, const bl_options *options) {
  const int order = options->sampler.order == 0 ? MOST : options->sampler.order;
  bl_noise_level *levels;
  BL_TRY(bl_multistep_create(chain, &levels, schedule, options, order));
  for (int i = 0; i < chain->steps; i++)
    plan_step(chain, i, levels, order, options);
  bl_free(&levels);
  return BL_OK;
}

const bl_sampler bl_sampler_unipc = {.name = "unipc", .plan = plan};
