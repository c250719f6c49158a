/** \file
 * How steep a critic can be: the largest singular value of each of its layers, exact by FFT (Sedghi et al. 2019, see
 * spectral/convolution.h) and their product.
 *
 * A network of layers W_l with activations whose slopes are at most 1 in magnitude (ReLU: 0 or 1; leaky ReLU: 0.2 or 1) is
 * Lipschitz with constant Π σ_l, the product of the operator norms (Miyato et al. 2018, "Spectral normalization", section
 * 2.1; the largest slope of the activation is 1, so its factor is 1); the mean over the P outputs of the last convolution
 * contributes 1 / √P. The theory of SFT-PG wants critics of a bounded constant, and a policy's surrogate is only as good.
 *
 * A convolution that pads is measured on a circular grid of the padded size, rounded up to a multiple of its stride: that
 * operator contains the padded one, so σ_l bounds its norm. One with a single output pixel is a dense layer and is measured
 * as such.
 */
#ifndef BEELINE_LEARNER_LIPSCHITZ_H
#define BEELINE_LEARNER_LIPSCHITZ_H

#include "network/network.h"

#include <mpi.h>

enum { BL_LIPSCHITZ_LAYERS = BL_NETWORK_LEVELS + 1 };

/** Plans for the layers of a critic. */
typedef struct bl_lipschitz bl_lipschitz;

/** Not collective. \param [out] lipschitz  caller's; bl_lipschitz_destroy. \param [in] critic  shape of the critic.
 * \param [in] table  its parameters; borrowed for the object's life. */
bl_status bl_lipschitz_create(bl_lipschitz **lipschitz, const bl_network_shape *critic, const bl_parameter_table *table);

/** Release *\a lipschitz (NULL is allowed) and set it to NULL. Not collective. */
void bl_lipschitz_destroy(bl_lipschitz **lipschitz);

/** The largest singular value of each layer. Collective over \a comm, whose ranks share the frequencies; the same bits on
 * any number of them. \param [out] norms (layers, at most BL_LIPSCHITZ_LAYERS), caller's. \param [in] parameters  of the
 * critic, the same on every rank; borrowed. Returns BL_ERROR_NUMERIC, on all ranks, when one is not finite. */
bl_status bl_lipschitz_measure(double *norms, bl_lipschitz *lipschitz, const float *parameters, MPI_Comm comm);

/** The bound Π σ_l / √P. Not collective. \param [in] norms  as measured. */
double bl_lipschitz_bound(const bl_lipschitz *lipschitz, const double *norms);

#endif
