#include "learner/lipschitz.h"

#include "base/memory.h"
#include "layer/layer.h"
#include "parallel/agree.h"
#include "parallel/wait.h"
#include "spectral/convolution.h"

#include <math.h>
#include <stdio.h>

struct bl_lipschitz {
  int layers;
  bl_conv_spectrum *spectra[BL_LIPSCHITZ_LAYERS];
  size_t offsets[BL_LIPSCHITZ_LAYERS]; /* of the weights */
  double mean;                         /* norm of the mean over the last layer's outputs */
};

/* Pixels of a layer's output along one side. */
static int outputs_along(int side, const bl_conv_shape *conv) {
  return (side + conv->pad_before + conv->pad_after - conv->kernel) / conv->stride + 1;
}

/* Along one side: the circular grid, and its stride. */
static void lay_grid(int *grid, int *stride, int side, const bl_conv_shape *conv) {
  const int padded = side + conv->pad_before + conv->pad_after;
  const bool single = outputs_along(side, conv) == 1;
  *stride = single ? conv->kernel : conv->stride;
  *grid = single ? conv->kernel : (padded + conv->stride - 1) / conv->stride * conv->stride;
}

static bl_status create_layer(bl_lipschitz *lipschitz, int index, const bl_network_shape *critic,
                              const bl_parameter_table *table) {
  bl_critic_layer layer;
  char name[BL_PARAMETER_NAME];
  bl_critic_layer_describe(&layer, critic, index);
  snprintf(name, sizeof name, "%s.weight", layer.name);
  const bl_parameter *weight = bl_parameter_find(table, name);
  if (weight == NULL)
    return bl_fail(BL_ERROR_USAGE, "the critic has no parameter %s", name);
  bl_circular_convolution circle = {.outputs = layer.outputs,
                                    .inputs = layer.inputs,
                                    .kernel_height = layer.conv.kernel,
                                    .kernel_width = layer.conv.kernel};
  lay_grid(&circle.height, &circle.stride_height, layer.height, &layer.conv);
  lay_grid(&circle.width, &circle.stride_width, layer.width, &layer.conv);
  lipschitz->offsets[index] = weight->offset;
  lipschitz->mean = 1 / sqrt((double)outputs_along(layer.height, &layer.conv) * outputs_along(layer.width, &layer.conv));
  return bl_conv_spectrum_create(&lipschitz->spectra[index], &circle);
}

bl_status bl_lipschitz_create(bl_lipschitz **lipschitz, const bl_network_shape *critic, const bl_parameter_table *table) {
  BL_TRY(bl_allocate(lipschitz, 1, sizeof **lipschitz));
  (*lipschitz)->layers = critic->width_count + 1;
  bl_status status = BL_OK;
  for (int i = 0; status == BL_OK && i < (*lipschitz)->layers; i++)
    status = create_layer(*lipschitz, i, critic, table);
  if (status != BL_OK)
    bl_lipschitz_destroy(lipschitz);
  return status;
}

void bl_lipschitz_destroy(bl_lipschitz **lipschitz) {
  if (*lipschitz == NULL)
    return;
  for (int i = 0; i < (*lipschitz)->layers; i++)
    bl_conv_spectrum_destroy(&(*lipschitz)->spectra[i]);
  bl_free(lipschitz);
}

/* This rank's share of the frequencies: neighbours, which lie in few rows. */
static bl_status scan(double *values, bl_lipschitz *lipschitz, const float *parameters, int rank, int ranks) {
  for (int i = 0; i < lipschitz->layers; i++) {
    const int64_t count = bl_conv_spectrum_frequencies(lipschitz->spectra[i]);
    BL_TRY(bl_conv_spectrum_largest(&values[i], lipschitz->spectra[i], parameters + lipschitz->offsets[i],
                                    (int)(count * rank / ranks), (int)(count * (rank + 1) / ranks)));
  }
  return BL_OK;
}

bl_status bl_lipschitz_measure(double *norms, bl_lipschitz *lipschitz, const float *parameters, MPI_Comm comm) {
  int rank, ranks;
  double values[BL_LIPSCHITZ_LAYERS];
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  BL_AGREE(scan(values, lipschitz, parameters, rank, ranks), comm);
  return BL_MPI_SYNCHRONISED(MPI_Allreduce(values, norms, lipschitz->layers, MPI_DOUBLE, MPI_MAX, comm), comm);
}

double bl_lipschitz_bound(const bl_lipschitz *lipschitz, const double *norms) {
  double product = lipschitz->mean;
  for (int i = 0; i < lipschitz->layers; i++)
    product *= norms[i];
  return product;
}
