/** \file
 * Counter-based random numbers (Random123's Philox4x32-10; Salmon et al., SC 2011).
 *
 * A draw is a function of (seed, purpose, round, sample, step, element) and of nothing else: neither of the rank that asks
 * nor of what was drawn before. A checkpoint therefore holds no generator state.
 * Key = seed; counter = (block of four elements, sample, step | purpose << 24, round). Element k is the same however many
 * are drawn, below 2^34 of them, and its bits are the same on every processor and with every compiler.
 */
#ifndef BEELINE_BASE_RANDOM_H
#define BEELINE_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** What a draw is for; two purposes never share numbers. Values are part of the file format: append, never renumber. */
typedef enum bl_purpose {
  BL_PURPOSE_INITIALISE = 1, /**< network weights; sample = index of the parameter tensor */
  BL_PURPOSE_DATA_ORDER,     /**< shuffling of the data set; round = epoch */
  BL_PURPOSE_DATA_NOISE,     /**< noise of synthetic data sets, flips of augmentation */
  BL_PURPOSE_TIME_STEP,      /**< t of the denoising loss */
  BL_PURPOSE_FORWARD_NOISE,  /**< epsilon of the denoising loss */
  BL_PURPOSE_DROPOUT,        /**< dropout masks; step = index of the layer */
  BL_PURPOSE_PRIOR,          /**< x_T of a trajectory */
  BL_PURPOSE_TRANSITION,     /**< noise of a reverse step; step = index of the step */
  BL_PURPOSE_POLICY_BATCH,   /**< which transitions `improve` uses; sample = slot */
  BL_PURPOSE_PENALTY,        /**< interpolation of the gradient penalty */
  BL_PURPOSE_PROJECTION,     /**< directions of the sliced Wasserstein distance */
  BL_PURPOSE_TEST            /**< for tests only */
} bl_purpose;

/** The address of a stream of draws; its elements are numbered from 0. */
typedef struct bl_draw {
  uint64_t seed;
  bl_purpose purpose; /**< below 256 */
  uint32_t round;
  uint32_t sample;
  uint32_t step; /**< below 2^24 */
} bl_draw;

/** \a count uniform 32-bit words. Not collective. \param [out] bits (count), caller's. */
void bl_random_bits(uint32_t *bits, size_t count, bl_draw draw);

/** \a count uniform numbers in [0, 1), 24 bits each. Not collective. \param [out] values (count), caller's. */
void bl_random_uniform(float *values, size_t count, bl_draw draw);

/** \a count standard normal numbers (Box-Muller; 32 bits each, at most 6.66 in magnitude). Not collective. \param [out]
 * values (count), caller's. */
void bl_random_normal(float *values, size_t count, bl_draw draw);

/** A uniform integer in [0, \a bound), without modulo bias worth noticing (64-bit multiply); 0 for bound 0. Not collective.
 */
uint32_t bl_random_below(uint32_t bound, bl_draw draw);

/** A uniform permutation of 0 … \a count − 1 (Fisher-Yates). Not collective. \param [out] order (count), caller's. */
void bl_random_permutation(uint32_t *order, uint32_t count, bl_draw draw);

#endif
