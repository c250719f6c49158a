/** \file
 * What tests ask of a chain. */
#ifndef BEELINE_TESTS_SUPPORT_CHAIN_H
#define BEELINE_TESTS_SUPPORT_CHAIN_H

#include "diffusion/chain.h"

/** ᾱ before a step. */
static inline double test_alpha_bar(const bl_chain *chain, int step) {
  return chain->process[step].alpha * chain->process[step].alpha;
}

#endif
