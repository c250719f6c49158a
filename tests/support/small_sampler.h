/** \file
 * A small dense network with fresh weights and all steps of DDPM, for the tests of what draws samples. */
#ifndef BEELINE_SUPPORT_SMALL_SAMPLER_H
#define BEELINE_SUPPORT_SMALL_SAMPLER_H

#include "network/network.h"
#include "sampler/sampler.h"

enum { TEST_SMALL_STEPS = 10 };

/** What draws. */
typedef struct test_small_sampler {
  bl_graph *graph;
  bl_chain chain;    /**< TEST_SMALL_STEPS steps, large variance, σ = 0 at the last one */
  float *parameters; /**< those that \a graph has loaded */
} test_small_sampler;

/** Samples of \a size numbers, \a batch of them at a time; fails the test where it cannot. Not collective.
 * \param [out] sampler  the caller's; test_small_sampler_destroy. */
void test_small_sampler_create(test_small_sampler *sampler, int size, int batch);

/** Release it; fails the test where any memory is left. Not collective. */
void test_small_sampler_destroy(test_small_sampler *sampler);

#endif
