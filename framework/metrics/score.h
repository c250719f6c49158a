/** \file
 * A score in the manner of the Inception score: does a classifier see one class in each image, and all classes in all? */
#ifndef BEELINE_METRICS_SCORE_H
#define BEELINE_METRICS_SCORE_H

#include "metrics/feature_set.h"
#include "metrics/features.h"

/** exp of the mean over images of the Kullback-Leibler divergence of p(class | image) from p(class), which is the mean of
 * the former over the set (Salimans et al. 2016; all images at once, not in ten parts). From 1, the same answer for every
 * image, to the number of classes. Collective over \a comm; the same bits on any number of ranks. \param [in] features
 * those of \a set, with the layer to the classes. Returns BL_ERROR_NUMERIC for features that are not finite. */
bl_status bl_score_compute(double *score, const bl_features *features, const bl_feature_set *set, MPI_Comm comm);

/** The same of probabilities whose sums are known. Not collective. \param [in] sums (classes): Σ p(class | image) over
 * images. \param [in] negative_entropy  Σ p log p over images and classes. */
double bl_score_of_sums(const double *sums, double negative_entropy, int classes, size_t images);

/** Probabilities of logits. Not collective. In place. */
void bl_score_softmax(double *logits, int classes);

#endif
