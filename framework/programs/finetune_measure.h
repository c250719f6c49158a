/** \file
 * What is measured of the model that is fine-tuned, before, during and after: the distance of its samples to the data,
 * figures beside it, and at the end a table and a picture of before and after. */
#ifndef BEELINE_PROGRAMS_FINETUNE_MEASURE_H
#define BEELINE_PROGRAMS_FINETUNE_MEASURE_H

#include "diffusion/chain.h"
#include "diffusion/condition.h"
#include "engine/graph.h"
#include "metrics/figures.h"
#include "metrics/measure.h"
#include "programs/run.h"
#include "report/comparison.h"

/** What measuring needs, on every rank. With metrics.count 0 nothing is measured, and distances are NaN. */
typedef struct bl_finetune_measure {
  const bl_run *run; /**< borrowed, as all up to the samples of a file */
  const bl_dataset *data;
  const bl_chain *chain;
  const bl_condition *condition;
  bl_graph *sampler;           /**< ε network for micro-batches of learner.micro_batch; loaded by each measurement */
  const bl_aggregator *policy; /**< whose parameters, or their moving average, are measured */
  bl_sample_file stored;       /**< metrics.samples, until they are measured; owned, as all that follows */
  size_t stored_count;         /**< 0 without them */
  double stored_distance;      /**< to the data */
  bl_measure measure;
  double distance[2];                   /**< before and after */
  bl_figure figures[2][BL_FIGURES_MAX]; /**< where metrics.kid and its like ask for them */
  int figure_count[2];
  bl_comparison comparison;
} bl_finetune_measure;

/** Open the samples of another sampler that metrics.samples names, if it does, which must be like \a data. Collective over
 * \a comm. \param [out] measure  all zero before; bl_finetune_measure_destroy, also after a failure. Returns BL_ERROR_INPUT
 * for samples of another kind or size. */
bl_status bl_finetune_measure_open(bl_finetune_measure *measure, const bl_dataset *data, const bl_options *options,
                                   MPI_Comm comm);

/** Get ready to measure, and measure the distance of the samples of that file. Collective over the world of \a run, which
 * is borrowed as the other objects are. Errors are those of bl_measure_create. */
bl_status bl_finetune_measure_create(bl_finetune_measure *measure, const bl_run *run, const bl_chain *chain,
                                     const bl_condition *condition, bl_graph *sampler, const bl_aggregator *policy);
void bl_finetune_measure_destroy(bl_finetune_measure *measure);

/** Distance to the data of samples drawn with the present model. Collective. */
bl_status bl_finetune_measure_distance(double *distance, bl_finetune_measure *measure);

/** "FID" or "SW". Not collective. */
const char *bl_finetune_measure_label(const bl_finetune_measure *measure);

/** Measure all that is asked for of the model before (\a which 0) or after (1), and keep some samples for the picture.
 * Collective. */
bl_status bl_finetune_measure_take(bl_finetune_measure *measure, int which);

/** When both were taken: write before-after.png and summary.txt, and print the table. \param [in] seconds  that the run
 * took. Not collective (the root rank). */
bl_status bl_finetune_measure_report(const bl_finetune_measure *measure, double seconds);

#endif
