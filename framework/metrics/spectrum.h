/** \file
 * The mean power spectrum of a set of images, and how far apart two are. Sharpness and texture show in it, and no network
 * is needed.
 *
 *     create ... add (this rank's images, a few at a time) ... finish ... bl_spectrum_distance ... destroy
 */
#ifndef BEELINE_METRICS_SPECTRUM_H
#define BEELINE_METRICS_SPECTRUM_H

#include "parallel/exact_sum.h"
#include "spectral/power_spectrum.h"

#include <mpi.h>

#include <stddef.h>

/** The mean power spectrum of a set of images. */
typedef struct bl_spectrum {
  int channels, height, width;
  int rings; /**< ring r holds the frequencies whose radius rounds to r cycles per shorter side; 0: nothing is here */
  int *frequencies; /**< (rings) how many a ring holds; owned, as all that follows */
  double *power;    /**< (rings) mean of |X_k|² over the frequencies of the ring, the images and the channels, see
                       bl_power_spectrum_measure */
  bl_power_spectrum *transform; /**< until the end of adding */
  bl_exact_sum *sum;            /**< (rings) the same */
} bl_spectrum;

/** No images yet. Not collective. \param [out] spectrum  the caller's; bl_spectrum_destroy, also after a failure. */
bl_status bl_spectrum_create(bl_spectrum *spectrum, int channels, int height, int width);
void bl_spectrum_destroy(bl_spectrum *spectrum);

/** Add images in network units. Not collective. \param [in] images (rows, channels, height, width). */
void bl_spectrum_add(bl_spectrum *spectrum, const float *images, size_t rows);

/** Power of the \a count images that all ranks added; the bits depend neither on the ranks nor on who added what.
 * Collective over \a comm. Returns BL_ERROR_NUMERIC for images that are not finite. */
bl_status bl_spectrum_finish(bl_spectrum *spectrum, size_t count, MPI_Comm comm);

/** Log-spectral distance (Gray & Markel 1976) in decibels: root of the mean over rings of frequencies of
 * (10 log10 (P_a / P_b))², where P is the power of a ring, averaged over the images and channels of a set. The power of
 * 8-bit rounding is added to both, which are of images of one size. Not collective. */
double bl_spectrum_distance(const bl_spectrum *a, const bl_spectrum *b);

#endif
