/** \file
 * How far apart the mean power spectra of two sets of images are. Sharpness and texture show in it, and no network is
 * needed. */
#ifndef BEELINE_METRICS_SPECTRUM_H
#define BEELINE_METRICS_SPECTRUM_H

#include "metrics/images.h"

#include <mpi.h>

/** The mean power spectra of two sets of images. */
typedef struct bl_spectra {
  int height, width;
  int rings;        /**< ring r holds the frequencies whose radius rounds to r cycles per shorter side */
  int *frequencies; /**< (rings) how many a ring holds; owned, as the powers */
  double *power[2]; /**< (rings) mean of |X_k|² over the frequencies of the ring, the images and the channels, of the first
                       and of the second set; see bl_power_spectrum_measure */
} bl_spectra;

/** Measure the spectra of \a a and \a b, images of the given size. Each rank asks for its share of them, a few at a time;
 * the bits do not depend on the number of ranks. Collective over \a comm; ranks pass the same images. \param [out] spectra
 * the caller's; bl_spectra_destroy. Returns BL_ERROR_INPUT for points, or images of another size. */
bl_status bl_spectra_measure(bl_spectra *spectra, const bl_images *a, const bl_images *b, int channels, int height,
                             int width, MPI_Comm comm);

/** Release the arrays. Not collective. */
void bl_spectra_destroy(bl_spectra *spectra);

/** Log-spectral distance (Gray & Markel 1976) in decibels: root of the mean over rings of frequencies of
 * (10 log10 (P_a / P_b))², where P is the power of a ring, averaged over the images and channels of a set. The power of
 * 8-bit rounding is added to both. Not collective. */
double bl_spectra_distance(const bl_spectra *spectra);

/** Both in one: the distance of \a a and \a b. Collective over \a comm, as bl_spectra_measure. */
bl_status bl_spectrum_distance(double *decibels, const bl_images *a, const bl_images *b, int channels, int height,
                               int width, MPI_Comm comm);

#endif
