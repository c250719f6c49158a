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

static bl_status allocate(bl_spectra *spectra, const bl_power_spectrum *spectrum) {
  const size_t rings = (size_t)bl_power_spectrum_rings(spectrum);
  spectra->rings = (int)rings;
  BL_TRY(bl_allocate(&spectra->frequencies, rings, sizeof *spectra->frequencies));
  for (int ring = 0; ring < spectra->rings; ring++)
    spectra->frequencies[ring] = bl_power_spectrum_frequencies(spectrum, ring);
  for (int i = 0; i < 2; i++)
    BL_TRY(bl_allocate(&spectra->power[i], rings, sizeof(double)));
  return BL_OK;
}

bl_status bl_spectra_measure(bl_spectra *spectra, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  bl_power_spectrum *spectrum = NULL;
  *spectra = (bl_spectra){.height = a->height, .width = a->width};
  if (!a->pixels || !b->pixels || a->channels != b->channels || a->height != b->height || a->width != b->width)
    return bl_fail(BL_ERROR_INPUT,
                   "power spectra compare images of one size, not %s of %d × %d × %d with %s of %d × %d × %d",
                   a->pixels ? "images" : "points", a->channels, a->height, a->width, b->pixels ? "images" : "points",
                   b->channels, b->height, b->width);
  bl_status status = bl_power_spectrum_create(&spectrum, a->height, a->width);
  if (status == BL_OK)
    status = allocate(spectra, spectrum);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(mean_power(spectra->power[0], spectrum, a, comm));
  BL_GOTO(mean_power(spectra->power[1], spectrum, b, comm));
done:
  bl_power_spectrum_destroy(&spectrum);
  if (status != BL_OK)
    bl_spectra_destroy(spectra);
  return status;
}

void bl_spectra_destroy(bl_spectra *spectra) {
  bl_free(&spectra->frequencies);
  bl_free(&spectra->power[0]);
  bl_free(&spectra->power[1]);
}

double bl_spectra_distance(const bl_spectra *spectra) {
  /* Rounding errors are uniform within a level of 2 / 255 and white: a twelfth of its square, spread over all frequencies.
   */
  const double level = 2.0 / 255.0, floor_power = level * level / 12.0 / ((double)spectra->height * spectra->width);
  double sum = 0.0;
  int counted = 0;
  for (int ring = 0; ring < spectra->rings; ring++) {
    if (spectra->frequencies[ring] == 0)
      continue;
    double ratio = 10.0 * log10((spectra->power[0][ring] + floor_power) / (spectra->power[1][ring] + floor_power));
    sum += ratio * ratio;
    counted++;
  }
  return sqrt(sum / counted);
}

bl_status bl_spectrum_distance(double *decibels, const bl_dataset *a, const bl_dataset *b, MPI_Comm comm) {
  bl_spectra spectra;
  const bl_status status = bl_spectra_measure(&spectra, a, b, comm);
  if (status == BL_OK)
    *decibels = bl_spectra_distance(&spectra);
  bl_spectra_destroy(&spectra);
  return status;
}
