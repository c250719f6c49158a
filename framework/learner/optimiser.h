/** \file
 * Adam and RMSprop on one parameter buffer or a shard of it, clipping by norm, and the moving average of the parameters.
 *
 * Element-wise, so a shard gives the same bits as the whole.
 */
#ifndef BEELINE_LEARNER_OPTIMISER_H
#define BEELINE_LEARNER_OPTIMISER_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

typedef enum bl_optimiser_kind { BL_OPTIMISER_ADAM, BL_OPTIMISER_RMSPROP } bl_optimiser_kind;

/** Settings (PyTorch's meanings and defaults). */
typedef struct bl_optimiser_settings {
  bl_optimiser_kind kind;
  double beta1;        /**< Adam: 0.9 */
  double beta2;        /**< Adam: 0.999; RMSprop's alpha: 0.99 */
  double epsilon;      /**< 1e-8 */
  double weight_decay; /**< decoupled (AdamW); 0 for none */
  double start_decay;  /**< decoupled decay towards the values at the start; 0 for none */
} bl_optimiser_settings;

/** The state for parameters [0, count) of a shard. The moments are public so that checkpoints can read and write them. */
typedef struct bl_optimiser {
  bl_optimiser_settings settings;
  size_t count;
  int64_t steps; /**< steps taken */
  float *first;  /**< (count) first moment; owned; NULL for RMSprop */
  float *second; /**< (count) second moment; owned */
  float *start;  /**< (count) values at the start, to be set by the caller; owned; NULL without start_decay */
} bl_optimiser;

/** Zero moments for \a count parameters. Not collective. \param [out] optimiser  caller's; bl_optimiser_destroy. */
bl_status bl_optimiser_create(bl_optimiser *optimiser, size_t count, bl_optimiser_settings settings);
void bl_optimiser_destroy(bl_optimiser *optimiser);

/** One step in place, after values −= rate · start_decay · (values − start) where that is wanted: a spring that holds where
 * gradients are but noise, which otherwise leads ever further away (L2-SP of Li et al. 2018, "Explicit inductive bias for
 * transfer learning with convolutional networks", equation 2, decoupled from the gradient as in Loshchilov & Hutter 2019).
 * Not collective. \param [in,out] values (count). \param [in] gradient (count), multiplied by \a scale (clipping) first. */
void bl_optimiser_step(bl_optimiser *optimiser, float *values, const float *gradient, double rate, double scale);

/** The factor that clips a gradient of norm \a norm to \a limit: min(1, limit / (norm + 1e-6)) as
 * torch.nn.utils.clip_grad_norm_; 1 when limit is 0. */
double bl_clip_scale(double norm, double limit);

/** average ← decay · average + (1 − decay) · values. Not collective. Arrays (count). */
void bl_moving_average_step(float *average, const float *values, size_t count, double decay);

/** The decay after \a steps optimiser steps: min(\a decay, (1 + steps) / (10 + steps)), so that a young average forgets the
 * weights that it began with (without it 1,500 steps at 0.999 leave 22 % of them; the rule is that of TensorFlow's
 * ExponentialMovingAverage). Not collective. */
double bl_moving_average_decay(double decay, int64_t steps);

#endif
