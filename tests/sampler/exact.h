/** \file
 * Data whose best ε is known in closed form, and walks with it: in the library's single precision, and of a chain's factors
 * in double. */
#ifndef BEELINE_TESTS_SAMPLER_EXACT_H
#define BEELINE_TESTS_SAMPLER_EXACT_H

#include "diffusion/chain.h"
#include "sampler/sampler.h"

/** A mixture of Gaussians of equal variance on the line; every element of a sample is one draw of it. */
typedef struct exact_data {
  int count;
  double mean[2], weight[2], variance;
  const bl_schedule *schedule;
  bl_prediction prediction; /**< what exact_predict answers; ε by default */
  int calls;                /**< of exact_predict */
} exact_data;

/** E(ε | x) at ᾱ. */
double exact_epsilon(const exact_data *data, double x, double alpha_bar);

/** A bl_predict of \a size elements a sample in micro-batches of one; between steps log ᾱ is linear in time. */
bl_status exact_predict(void *model, float *output, const bl_graph_inputs *inputs);
enum { EXACT_SIZE = 24 };

/** Where a chain without noise takes \a x, in double. \param [in] clip  as the chain's. */
double exact_walk(const bl_chain *chain, const exact_data *data, double x);

/** The probability flow from step T to step 1 by the classical Runge-Kutta method in λ. */
double exact_flow(const exact_data *data, double x);

/** Plan with the keys \a sets (up to NULL). */
void exact_plan(bl_chain *chain, const bl_schedule *schedule, const char *const *sets);

#endif
