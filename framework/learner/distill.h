/** \file
 * Progressive distillation (Salimans & Ho 2022): a student learns to do in one deterministic step what its teacher does in
 * two, so that each student needs half the steps of the one before.
 *
 * N steps stand on the grid BL_GRID_EVEN of the model's diffusion, of which the grid of N / 2 steps is every second one.
 * With α = √ᾱ and σ = √(1 − ᾱ), the teacher goes by DDIM (σ of the step 0) from z at t over t′ to t″, the student's next
 * step; at t″ = 0 there is data, α″ = 1 and σ″ = 0. The x that takes a student there at once,
 *     x̃ = (z″ − σ″/σ z) / (α″ − σ″/σ α)          (algorithm 2 of the paper),
 * is a mean of the teacher's two predictions of x: x̃ = (1 − w) x̂(z, t) + w x̂(z′, t′), w = (ρ″ − ρ′) / (ρ″ − ρ),
 * ρ = α / σ. So it is computed here: the quotient of differences would lose most digits of a float.
 */
#ifndef BEELINE_LEARNER_DISTILL_H
#define BEELINE_LEARNER_DISTILL_H

#include "base/options.h"
#include "diffusion/prediction.h"
#include "diffusion/schedule.h"
#include "learner/supervised.h"

/** Weight of ‖x̃ − x‖² by the signal-to-noise ratio α²/σ² of z (section 4 of the paper). */
typedef enum bl_distill_weight {
  BL_DISTILL_SNR_TRUNC, /**< max(α²/σ², 1): the greater of the errors of x and of ε */
  BL_DISTILL_SNR,       /**< α²/σ²: the error of ε */
  BL_DISTILL_CONSTANT   /**< 1 */
} bl_distill_weight;

/** Teacher and student of one halving. */
typedef struct bl_distill {
  const bl_schedule *schedule; /**< borrowed, as the teacher */
  bl_graph *teacher;           /**< loaded, of the student's micro-batch */
  bl_prediction teacher_prediction;
  bl_prediction prediction; /**< of the student */
  int teacher_steps;
  int steps; /**< of the student: half of teacher_steps, or as many: then the target is the teacher's own x̂(z, t), which
                turns a network that predicts ε into one that predicts x or v */
  bool clip; /**< clip x̂ of the teacher to [−1, 1] */
  bl_distill_weight weight;
} bl_distill;

/** The settings that stand in options->distill and sampler.clip. Not collective. Teacher, schedule and steps are left to
 * the caller. Returns BL_ERROR_USAGE by bl_options_reject. */
bl_status bl_distill_configure(bl_distill *method, const bl_options *options);

/** The 0-based times of a student's step: t and, between it and t″, t′. Not collective. \param [in] step  0 (the last one,
 * to the data) … steps − 1 (the noisiest). \param [out] next  −1 for data. \param [out] middle  of the teacher with twice
 * the steps. */
void bl_distill_times(int *time, int *middle, int *next, const bl_distill *method, int step);

/** x̃ of a micro-batch. Not collective. \param [out] target (count, size). \param [in] z (count, size) on the steps \a step
 * (count) of the student. \param [in] condition (count, size of the networks' condition) or NULL. \param [in,out] work (2 ×
 * count × size + count) caller's scratch. */
bl_status bl_distill_target(float *target, const bl_distill *method, const float *z, const int *step,
                            const float *condition, size_t count, size_t size, float *work);

/** Mean over samples and elements of weight · (x̃ − x)², and its gradient, at steps drawn evenly (BL_PURPOSE_TIME_STEP)
 * and z = α x + σ ε (BL_PURPOSE_FORWARD_NOISE). Not collective. \param [in] sink  takes the student's gradient; NULL:
 * only the loss. \param [in] student  loaded, for training. \param [in] batch  data; work of
 * bl_distill_work floats. \param [in,out] step (batch->count) scratch. */
bl_status bl_distill_gradient(const bl_gradient_sink *sink, double *loss, const bl_distill *method, bl_graph *student,
                              const bl_sample_batch *batch, int *step);

/** Floats of scratch for a micro-batch. Not collective. */
size_t bl_distill_work(size_t count, size_t size);

#endif
