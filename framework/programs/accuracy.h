/** \file
 * How often a classifier is right. */
#ifndef BEELINE_PROGRAMS_ACCURACY_H
#define BEELINE_PROGRAMS_ACCURACY_H

#include "engine/graph.h"
#include "roles/aggregator.h"
#include "store/dataset.h"

/** Share of \a data that the classifier, as it will be written, gets right; the ranks share the work. Collective over the
 * world. \param [out] share  on every rank. \param [in] graph  of \a batch samples; loaded anew. \param [in,out] values
 * (batch, sample size), logits (batch, classes)  caller's scratch. */
bl_status bl_accuracy_measure(double *share, bl_graph *graph, const bl_aggregator *aggregator, const bl_world *world,
                              const bl_dataset *data, size_t batch, float *values, float *logits);

#endif
