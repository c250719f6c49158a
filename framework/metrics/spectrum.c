#include "metrics/spectrum.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "parallel/mpi_check.h"
#include "spectral/power_spectrum.h"

#include <math.h>

enum { PIECE = 64 }; /* images that are asked for at once */

/* This rank's share of the images into \a sum: neighbours, since images may be read several at once. */
static bl_status add_share(bl_exact_sum *sum, bl_power_spectrum *spectrum, const bl_images *images, size_t plane, int rank,
                           int ranks) {
  const size_t rings = (size_t)bl_power_spectrum_rings(spectrum), count = images->count;
  const size_t end = count * ((size_t)rank + 1) / (size_t)ranks;
  float *piece = NULL;
  double *power = NULL;
  bl_status status;
  BL_GOTO(bl_allocate(&piece, PIECE * images->size, sizeof *piece));
  BL_GOTO(bl_allocate(&power, rings, sizeof *power));
  for (size_t first = count * (size_t)rank / (size_t)ranks; first < end; first += PIECE) {
    const size_t rows = end - first < PIECE ? end - first : PIECE;
    BL_GOTO(bl_images_fetch(piece, images, first, rows));
    for (size_t start = 0; start < rows * images->size; start += plane) {
      bl_power_spectrum_measure(power, spectrum, piece + start);
      bl_exact_sum_add_double(sum, 0, rings, power);
    }
  }
done:
  bl_free(&piece);
  bl_free(&power);
  return status;
}

/* Mean power of every ring. \param [out] power (rings). */
static bl_status mean_power(double *power, bl_power_spectrum *spectrum, const bl_images *images, size_t plane,
                            MPI_Comm comm) {
  int rank, ranks;
  size_t rings = (size_t)bl_power_spectrum_rings(spectrum);
  bl_exact_sum *sum = NULL;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Comm_size(comm, &ranks)));
  bl_status status = bl_exact_sum_create(&sum, rings);
  if (status == BL_OK)
    status = add_share(sum, spectrum, images, plane, rank, ranks);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  const double planes = (double)images->count * (double)(images->size / plane);
  status = bl_exact_sum_get_double(power, sum, 0, rings, 1.0 / planes);
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

bl_status bl_spectra_measure(bl_spectra *spectra, const bl_images *a, const bl_images *b, int channels, int height,
                             int width, MPI_Comm comm) {
  const size_t plane = (size_t)height * (size_t)width, size = (size_t)channels * plane;
  bl_power_spectrum *spectrum = NULL;
  *spectra = (bl_spectra){.height = height, .width = width};
  if (a->points || b->points || a->size != size || b->size != size)
    return bl_fail(BL_ERROR_INPUT, "power spectra compare images of %d × %d × %d, not %s of %zu values with %s of %zu",
                   channels, height, width, a->points ? "points" : "images", a->size, b->points ? "points" : "images",
                   b->size);
  bl_status status = bl_power_spectrum_create(&spectrum, height, width);
  if (status == BL_OK)
    status = allocate(spectra, spectrum);
  BL_GOTO(bl_agree(status, comm));
  BL_GOTO(mean_power(spectra->power[0], spectrum, a, plane, comm));
  BL_GOTO(mean_power(spectra->power[1], spectrum, b, plane, comm));
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

bl_status bl_spectrum_distance(double *decibels, const bl_images *a, const bl_images *b, int channels, int height,
                               int width, MPI_Comm comm) {
  bl_spectra spectra;
  const bl_status status = bl_spectra_measure(&spectra, a, b, channels, height, width, comm);
  if (status == BL_OK)
    *decibels = bl_spectra_distance(&spectra);
  bl_spectra_destroy(&spectra);
  return status;
}
