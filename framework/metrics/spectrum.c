#include "metrics/spectrum.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/mpi_check.h"
#include "spectral/power_spectrum.h"

#include <math.h>

/* This rank's share of the images into \a sum. */
static bl_status add_share(bl_exact_sum *sum, bl_power_spectrum *spectrum, const bl_dataset *images, int rank, int ranks) {
  size_t rings = (size_t)bl_power_spectrum_rings(spectrum), plane = (size_t)images->height * (size_t)images->width;
  float *image = NULL;
  double *power = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_allocate(&image, bl_dataset_sample_size(images), sizeof *image));
  BL_GOTO(bl_allocate(&power, rings, sizeof *power));
  for (size_t i = (size_t)rank; i < images->count; i += (size_t)ranks) {
    bl_dataset_sample(image, images, i);
    for (int channel = 0; channel < images->channels; channel++) {
      bl_power_spectrum_measure(power, spectrum, image + (size_t)channel * plane);
      bl_exact_sum_add_double(sum, 0, rings, power);
    }
  }
done:
  bl_free(&image);
  bl_free(&power);
  return status;
}

/* Mean power of every ring. \param [out] power (rings). */
static bl_status mean_power(double *power, bl_power_spectrum *spectrum, const bl_dataset *images, MPI_Comm comm) {
  int rank, ranks;
  size_t rings = (size_t)bl_power_spectrum_rings(spectrum);
  bl_exact_sum *sum = NULL;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  bl_status status = bl_exact_sum_create(&sum, rings);
  if (status == BL_OK)
    status = add_share(sum, spectrum, images, rank, ranks);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  status = bl_exact_sum_get_double(power, sum, 0, rings, 1.0 / ((double)images->count * images->channels));
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

bl_status bl_spectrum_distance(double *decibels, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  bl_power_spectrum *spectrum = NULL;
  double *first = NULL, *second = NULL;
  if (!a->pixels || !b->pixels || a->channels != b->channels || a->height != b->height || a->width != b->width)
    return bl_fail(BL_ERROR_INPUT,
                   "power spectra compare images of one size, not %s of %d × %d × %d with %s of %d × %d × %d",
                   a->pixels ? "images" : "points", a->channels, a->height, a->width, b->pixels ? "images" : "points",
                   b->channels, b->height, b->width);
  bl_status status = bl_power_spectrum_create(&spectrum, a->height, a->width);
  size_t rings = status == BL_OK ? (size_t)bl_power_spectrum_rings(spectrum) : 0;
  if (status == BL_OK)
    status = bl_allocate(&first, rings, sizeof *first);
  if (status == BL_OK)
    status = bl_allocate(&second, rings, sizeof *second);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(mean_power(first, spectrum, a, comm));
  BL_GOTO(mean_power(second, spectrum, b, comm));
  /* Rounding errors are uniform within a level of 2 / 255 and white: a twelfth of its square, spread over all frequencies.
   */
  double level = 2.0 / 255.0, floor_power = level * level / 12.0 / ((double)a->height * a->width), sum = 0.0;
  int counted = 0;
  for (size_t ring = 0; ring < rings; ring++) {
    if (bl_power_spectrum_frequencies(spectrum, (int)ring) == 0)
      continue;
    double ratio = 10.0 * log10((first[ring] + floor_power) / (second[ring] + floor_power));
    sum += ratio * ratio;
    counted++;
  }
  *decibels = sqrt(sum / counted);
done:
  bl_power_spectrum_destroy(&spectrum);
  bl_free(&first);
  bl_free(&second);
  return status;
}
