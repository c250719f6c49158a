/** \file
 * The radially averaged power spectrum of images, by FFTW. */
#ifndef BEELINE_SPECTRAL_POWER_SPECTRUM_H
#define BEELINE_SPECTRAL_POWER_SPECTRUM_H

#include "base/status.h"

/** A plan for images of one size. */
typedef struct bl_power_spectrum bl_power_spectrum;

/** Not collective. \param [out] spectrum  caller's; bl_power_spectrum_destroy. */
bl_status bl_power_spectrum_create(bl_power_spectrum **spectrum, int height, int width);
void bl_power_spectrum_destroy(bl_power_spectrum **spectrum);

/** Rings of frequencies: ring r holds those whose radius rounds to r cycles per shorter side, out to the corners. Not
 * collective. */
int bl_power_spectrum_rings(const bl_power_spectrum *spectrum);

/** How many frequencies ring \a ring holds. Not collective. */
int bl_power_spectrum_frequencies(const bl_power_spectrum *spectrum, int ring);

/** power[r] = mean of |X_k|² over the frequencies of ring r, where X_k = 1 / (height · width) Σ x exp(−2πi …): weighted
 * with the number of frequencies, the rings add up to the mean square of the image (Parseval). Not collective. \param [out]
 * power (rings), caller's. \param [in] image (height, width). */
void bl_power_spectrum_measure(double *power, bl_power_spectrum *spectrum, const float *image);

#endif
