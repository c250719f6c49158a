/** \file
 * The largest singular value of a convolution on a circular grid, exactly, by FFT (Sedghi, Gupta & Long 2019, "The Singular
 * Values of Convolutional Layers"), here with strides.
 *
 * Without a stride. y[o, p] = Σ_{c,k} K[o, c, k] x[c, p + k mod n] is, in the unitary Fourier basis, Ỹ[f] = H[f] X̃[f] with
 * the matrix (out, in) H[f]_{oc} = Σ_k K[o, c, k] exp(2πi f·k / n): the operator is block-diagonal, and its singular values
 * are those of the blocks. (Padding shifts x, which is unitary.)
 *
 * With stride s, where s divides n and m = n / s: y'[p] = y[s p]. In one dimension the transform of every s-th element is
 * Σ_q y[s q] exp(−2πi g q / m) = (1/s) Σ_a Ŷ[g + a m] over the aliases a = 0 … s − 1, because Σ_a exp(2πi a p / s) is s
 * where s divides p and else 0. In unitary bases, X̂ = √n X̃ and Ŷ' = √m Ỹ', hence Ỹ'[g] = (1/√s) Σ_a H[g + a m] X̃[g + a m]:
 * the block of output frequency g is (1/√s) [H[g], H[g + m], …, H[g + (s − 1) m]], of size (out, in · s). Every input
 * frequency belongs to one g, so the operator is block-diagonal again and its singular values are those of the m blocks. In
 * two dimensions there are s_y · s_x aliases and the factor is 1 / √(s_y s_x). Blocks of g and −g are conjugate up to the
 * order of their columns: half of them are enough.
 *
 * The gradient of a simple singular value σ = u* B v of the block at g is Re(u* ∂B v):
 *   ∂σ/∂K[o, c, k] = 1 / √(s_y s_x) Re(conj(u_o) Σ_a v_{c,a} exp(2πi (g + a m)·k / n)),
 * the inverse transform of u v*, of which only the aliases of g are not zero, taken only where the kernel lies.
 *
 * A convolution with zero padding is the circular one on any grid of at least the padded size, its inputs restricted to the
 * image and its outputs to those that are computed; so the value found on that grid bounds its norm.
 */
#ifndef BEELINE_SPECTRAL_CONVOLUTION_H
#define BEELINE_SPECTRAL_CONVOLUTION_H

#include "base/status.h"

#include <stddef.h>

/** A circular convolution; a dense layer is one of a 1 × 1 kernel on a 1 × 1 grid. */
typedef struct bl_circular_convolution {
  int outputs, inputs; /**< channels */
  int kernel_height, kernel_width;
  int height, width;               /**< of the grid of inputs, in pixels; a kernel may be larger and then wraps */
  int stride_height, stride_width; /**< divide height and width */
} bl_circular_convolution;

/** Plans and scratch for one convolution: FFTW along rows, LAPACK for each block. */
typedef struct bl_conv_spectrum bl_conv_spectrum;

/** Not collective. \param [out] spectrum  caller's; bl_conv_spectrum_destroy. Returns BL_ERROR_USAGE when a stride does not
 * divide the grid or a size is below 1. */
bl_status bl_conv_spectrum_create(bl_conv_spectrum **spectrum, const bl_circular_convolution *convolution);

/** Release *\a spectrum (NULL is allowed) and set it to NULL. Not collective. */
void bl_conv_spectrum_destroy(bl_conv_spectrum **spectrum);

/** Output frequencies up to conjugation: the number of different blocks. Not collective. */
int bl_conv_spectrum_frequencies(const bl_conv_spectrum *spectrum);

/** The largest singular value of the blocks of frequencies [\a first, \a end). Not collective; a value depends neither on
 * how the frequencies are parted nor on the threads of OpenBLAS, of which one is used. \param [out] value  −1 for an empty
 * range. \param [in] kernel (outputs, inputs, kernel_height, kernel_width), borrowed. Returns BL_ERROR_NUMERIC when an
 * element is not finite. */
bl_status bl_conv_spectrum_largest(double *value, bl_conv_spectrum *spectrum, const float *kernel, int first, int end);

#endif
