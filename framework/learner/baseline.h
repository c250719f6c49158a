/** \file
 * A baseline of the policy gradient without a network of its own: for each step i of the chain the line through
 * f(x̂_0(x_i)), the critic's value of what the policy predicts there, that fits f(x_0) best over a round.
 *
 * Any function of x_i leaves the expectation of the policy gradient as it is (Williams 1992), but for the share that the
 * samples have in fitting two numbers a step. At late steps x̂_0 is nearly x_0, and the line takes away nearly all of the
 * spread; at early steps it is flat. A learned V follows f only slowly, and learns its trajectories by heart when it sees
 * them more than once.
 */
#ifndef BEELINE_LEARNER_BASELINE_H
#define BEELINE_LEARNER_BASELINE_H

/** What a fit needs to know of its samples, to be summed over them. */
enum { BL_BASELINE_MOMENTS = 4 };

/** The line of one step: cost − mean_cost ≈ slope (predicted − mean_predicted). */
typedef struct bl_baseline {
  double mean_cost, mean_predicted, slope;
} bl_baseline;

/** Terms of one sample. Not collective. \param [out] moments (BL_BASELINE_MOMENTS). \param [in] cost f(x_0). \param [in]
 * predicted f(x̂_0). */
void bl_baseline_moments(double *moments, double cost, double predicted);

/** The line of least squares; flat where all predictions are alike. Not collective. \param [in] means
 * (BL_BASELINE_MOMENTS) of the terms over the samples. */
bl_baseline bl_baseline_fit(const double *means);

/** What the line leaves of \a cost: the advantage. Not collective. */
double bl_baseline_residual(const bl_baseline *baseline, double cost, double predicted);

#endif
