/** \file
 * What the measurements of tests/benchmark/network have in common: works that ranks repeat together, and how they are told.
 */
#ifndef BEELINE_BENCHMARK_MEASURE_H
#define BEELINE_BENCHMARK_MEASURE_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "support/shapes.h"

#include <stddef.h>

/** What to measure, as the command line says. */
typedef struct measure_task {
  const test_shapes *shapes;
  const char *work; /**< "forward", "both", "rollout" or "round" */
  int micro_batch;
  int warm; /**< repetitions before those that count */
  int repeats;
  /* round */
  int batch, n_critic, critic_epochs, n_generator;
} measure_task;

/** What one repetition does, over all ranks. */
typedef struct measure_size {
  double samples, flops;
  size_t parameters; /**< of all networks that learn */
} measure_size;

/** One repetition on this rank. */
typedef bl_status measure_work(void *state);

/** Run \a work, all ranks together, and print as experiments/speed/compare.py reads it: one line for the seconds of each
 * repetition (of the slowest rank), then what it did and the peak memory of each rank in MiB. Collective over the world. */
bl_status measure_repeat(measure_work *work, void *state, const measure_task *task, const measure_size *size);

/** One round of SFT-PG (B). Collective over the world. */
bl_status measure_round(const measure_task *task);

/** A chain of 10 steps of ancestral sampling. Not collective. \param [out] options, chain  the caller's. \param [in] sets
 * (count) more settings, "key=value". */
bl_status measure_plan(bl_options **options, bl_chain *chain, int count, const char *const *sets);

#endif
