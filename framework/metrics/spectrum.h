/** \file
 * How far apart the mean power spectra of two sets of images are. Sharpness and texture show in it, and no network is
 * needed. */
#ifndef BEELINE_METRICS_SPECTRUM_H
#define BEELINE_METRICS_SPECTRUM_H

#include "store/dataset.h"

#include <mpi.h>

/** Log-spectral distance (Gray & Markel 1976) in decibels: root of the mean over rings of frequencies of
 * (10 log10 (P_a / P_b))², where P is the power of a ring, averaged over the images and channels of a set. The power of
 * 8-bit rounding is added to both. Collective over \a comm; every rank passes both sets whole; the bits do not depend on
 * the number of ranks. Returns BL_ERROR_INPUT when a set holds points, or images of another size. */
bl_status bl_spectrum_distance(double *decibels, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm);

#endif
