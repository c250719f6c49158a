#include "base/print.h"
#include "metrics/measure.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "programs/files.h"
#include "programs/output_name.h"
#include "programs/program.h"
#include "store/container.h"
#include "store/output.h"
#include "store/sample_file.h"

#include <netcdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: [mpirun -n N] beeline evaluate FILE.yaml [--set key=value]... [--output FILE]\n"
    "\n"
    "Judge samples against real data. Images: the Frechet distance on features of a classifier (FID), where asked the\n"
    "kernel distance (KID), precision, recall, density and coverage, and a score of the classes seen; the distance of\n"
    "power spectra. Points: the sliced Wasserstein distance. The figures do not depend on the\n"
    "number of ranks, and memory not on the number of images: every rank reads its share of them, a few at a time, from\n"
    "files that all ranks must see.\n"
    "\n"
    "Keys that matter (beeline --defaults lists all with their meaning):\n"
    "  metrics.samples       the samples to judge, made by beeline sample\n"
    "  data.file             the real data, made by beeline import\n"
    "  metrics.classifier    images: the model on whose features FID is measured; it is named in the table\n"
    "  metrics.inception     images: weights of Inception-v3 (analysis/inception_to_netcdf.py), to measure on instead\n"
    "  metrics.reference     images: statistics of the real data; written when missing, then read instead of them\n"
    "  metrics.kid, metrics.neighbours, metrics.score, metrics.subset   images: more on the same features\n"
    "  metrics.projections   points: directions of the sliced Wasserstein distance\n"
    "\n"
    "KID is printed times 1000, as papers do, with the standard error of its mean over disjoint subsets of 1024\n"
    "images (their standard deviation by the square root of their number); netCDF keeps it as it is. It is unbiased:\n"
    "where both kinds are alike it is 0 on average, so that a single one may be negative, and that of a file with\n"
    "itself always is.\n"
    "\n"
    "Written: the table on standard output, and to the output when one is given, as netCDF when its name ends with\n"
    ".nc, for images with both radial power spectra, and as text otherwise.\n"
    "\n"
    "Example:\n"
    "  mpirun -n 2 beeline evaluate experiments/digits/finetune.yaml --set metrics.samples=out/samples.nc\n";

/* Everything that judging needs. */
typedef struct evaluation {
  const bl_invocation *invocation;
  const bl_options *options;
  MPI_Comm comm;
  int rank;
  char command[4096];
  bl_provenance provenance;     /* borrows command */
  bl_sample_file samples, real; /* real.count is 0 where only its statistics are there */
  bl_measure measure;
  bl_measurement results;
  bl_lock *lock; /* of the output */
} evaluation;

static void destroy(evaluation *e) {
  bl_lock_release(&e->lock);
  bl_measurement_destroy(&e->results);
  bl_measure_destroy(&e->measure);
  bl_sample_file_close(&e->real);
  bl_sample_file_close(&e->samples);
}

/* What the configuration alone can tell. */
static bl_status check(const bl_options *options) {
  if (options->metrics.samples[0] == '\0')
    return bl_options_reject(options, "metrics.samples", "samples to judge, made by beeline sample");
  BL_TRY(bl_output_name_check_text(options, "a table"));
  if (options->data.file[0] == '\0' && (options->metrics.reference[0] == '\0' || !bl_features_configured(options)))
    return bl_options_reject(options, "data.file",
                             "real data, made by beeline import (or metrics.reference with metrics.classifier)");
  const bool asked[3] = {options->metrics.kid, options->metrics.neighbours > 0, options->metrics.score};
  const char *const keys[3] = {"metrics.kid", "metrics.neighbours", "metrics.score"};
  for (int i = 0; i < 3; i++) {
    if (asked[i] && !bl_features_configured(options))
      return bl_options_reject(options, keys[i],
                               "metrics.classifier or metrics.inception beside it: it is measured on features");
    if (asked[i] && i < 2 && options->data.file[0] == '\0')
      return bl_options_reject(options, keys[i], "data.file beside it: it compares single images");
  }
  return BL_OK;
}

/* Open the file that \a key names. Collective. */
static bl_status open_samples(bl_sample_file *file, const evaluation *e, const char *key, const char *path) {
  return bl_options_blame(e->options, key, bl_agree(bl_sample_file_open(file, path), e->comm));
}

/* The output, on rank 0. */
static bl_status claim(evaluation *e) {
  static const char *const reads[] = {"data.file", "metrics.", NULL};
  return bl_files_claim(&e->lock, e->invocation, reads, (const char *const[]){e->options->output}, 1);
}

/* Samples and real data. Collective. */
static bl_status prepare(evaluation *e) {
  const bl_options *options = e->options;
  const bl_sample_file *samples = &e->samples, *real = &e->real;
  BL_TRY(check(options));
  BL_AGREE(e->rank == 0 && options->output[0] ? claim(e) : BL_OK, e->comm);
  BL_TRY(open_samples(&e->samples, e, "metrics.samples", options->metrics.samples));
  if (options->data.file[0] == '\0')
    return samples->points ? bl_options_reject(options, "data.file", "real points, made by beeline import") : BL_OK;
  BL_TRY(open_samples(&e->real, e, "data.file", options->data.file));
  if (samples->points != real->points || samples->channels != real->channels || samples->height != real->height ||
      samples->width != real->width)
    return bl_fail(
        BL_ERROR_INPUT, "%s: holds %s of %d × %d × %d, but %s holds %s of %d × %d × %d (channels, height, width)",
        options->metrics.samples, samples->points ? "points" : "images", samples->channels, samples->height, samples->width,
        options->data.file, real->points ? "points" : "images", real->channels, real->height, real->width);
  return BL_OK;
}

/* The distance, what the configuration asks for beside it, and the spectra where there are real images. Collective. */
static bl_status measure(evaluation *e) {
  const bl_options *options = e->options;
  const bl_sample_file *shape = &e->samples;
  const bl_images samples = bl_images_of_file(&e->samples), real = bl_images_of_file(&e->real);
  unsigned what = 0;
  if (samples.points || bl_features_configured(options))
    what |= BL_MEASURE_DISTANCE | BL_MEASURE_FIGURES;
  if (!samples.points && real.count > 0)
    what |= BL_MEASURE_SPECTRUM;
  BL_TRY(bl_measure_create(&e->measure, options, what, real.count > 0 ? &real : NULL, shape->channels, shape->height,
                           shape->width, &e->provenance, e->comm));
  return bl_measure_samples(&e->results, &e->measure, what, &samples, 0, (uint64_t)options->seed);
}

static void write_table(FILE *file, const evaluation *e) {
  const bl_options *options = e->options;
  bl_print_to(file, "\n  %-20s %s\n", "samples", options->metrics.samples);
  bl_print_to(file, "  %-20s %s\n\n", "real data", e->real.count > 0 ? options->data.file : options->metrics.reference);
  for (int i = 0; i < e->results.count; i++) {
    const bl_figure *r = &e->results.figures[i];
    bl_print_to(file, "  %-20s %10.5g %-3s %s\n", r->label, r->factor * r->value,
                strcmp(r->units, "1") == 0 ? "" : r->units, r->note);
  }
  if (!e->samples.points && !bl_features_configured(options))
    bl_print_to(file, "  %-20s %10s     set metrics.classifier or metrics.inception to measure it\n", "FID", "-");
  else if (!e->samples.points)
    bl_print_to(file, "\n  FID falls as the number of samples grows: compare equal numbers only, on the same features.\n");
  bl_print_to(file, "\n");
}

/* What a ring of frequencies of the power spectra tells. */
enum { SPECTRUM_RADIUS, SPECTRUM_COUNT, SPECTRUM_SAMPLES, SPECTRUM_REAL, SPECTRUM_VARIABLES };

static bl_status define_spectra(int *variables, int ncid, const char *path, const bl_spectrum *spectrum) {
  static const char *const of_power[2][2] = {{"power_samples", "mean power of a frequency of the ring, samples"},
                                             {"power_real", "mean power of a frequency of the ring, real images"}};
  int ring;
  if (spectrum->rings == 0)
    return BL_OK;
  BL_NETCDF(nc_def_dim(ncid, "ring", (size_t)spectrum->rings, &ring), path);
  BL_TRY(bl_container_variable(&variables[SPECTRUM_RADIUS], ncid, path, "ring", NC_INT, 1, &ring, "1",
                               "radius of the ring of frequencies in cycles per shorter side of the image"));
  BL_TRY(bl_container_variable(&variables[SPECTRUM_COUNT], ncid, path, "frequencies", NC_INT, 1, &ring, "1",
                               "frequencies in the ring"));
  for (int i = 0; i < 2; i++)
    BL_TRY(bl_container_variable(&variables[SPECTRUM_SAMPLES + i], ncid, path, of_power[i][0], NC_DOUBLE, 1, &ring, "1",
                                 of_power[i][1]));
  return BL_OK;
}

static bl_status put_spectra(const int *variables, int ncid, const char *path, const evaluation *e) {
  const bl_spectrum *samples = &e->results.summary.spectrum, *real = &e->measure.known.spectrum;
  for (size_t ring = 0; ring < (size_t)samples->rings; ring++)
    BL_NETCDF(nc_put_var1_int(ncid, variables[SPECTRUM_RADIUS], &ring, (int[]){(int)ring}), path);
  if (samples->rings > 0) {
    BL_NETCDF(nc_put_var_int(ncid, variables[SPECTRUM_COUNT], samples->frequencies), path);
    BL_NETCDF(nc_put_var_double(ncid, variables[SPECTRUM_SAMPLES], samples->power), path);
    BL_NETCDF(nc_put_var_double(ncid, variables[SPECTRUM_REAL], real->power), path);
  }
  return BL_OK;
}

static bl_status define_and_put(int ncid, const char *path, const evaluation *e) {
  int variables[BL_FIGURES_MAX], of_spectra[SPECTRUM_VARIABLES];
  for (int i = 0; i < e->results.count; i++) {
    const bl_figure *r = &e->results.figures[i];
    BL_TRY(bl_container_variable(&variables[i], ncid, path, r->variable, NC_DOUBLE, 0, NULL, r->units, r->long_name));
    BL_TRY(bl_container_text(ncid, variables[i], path, "comment", r->note));
  }
  BL_TRY(define_spectra(of_spectra, ncid, path, &e->results.summary.spectrum));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "samples", e->options->metrics.samples));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "data", e->options->data.file));
  if (e->measure.features)
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "features", bl_features_name(e->measure.features)));
  BL_NETCDF(nc_enddef(ncid), path);
  for (int i = 0; i < e->results.count; i++)
    BL_NETCDF(nc_put_var_double(ncid, variables[i], &e->results.figures[i].value), path);
  return put_spectra(of_spectra, ncid, path, e);
}

static bl_status write_netcdf(const char *path, const evaluation *e) {
  int ncid;
  BL_TRY(bl_container_create(&ncid, path, "evaluation", &e->provenance));
  bl_status status = define_and_put(ncid, path, e);
  if (status == BL_OK)
    return bl_container_write(ncid, path);
  bl_container_abandon(ncid);
  return status;
}

/* The table, on rank 0. */
static bl_status report(const evaluation *e) {
  const char *path = e->options->output;
  size_t length = strlen(path);
  write_table(stdout, e);
  if (length == 0)
    return BL_OK;
  if (length > 3 && strcmp(path + length - 3, ".nc") == 0)
    return write_netcdf(path, e);
  bl_bytes text = {0};
  char *buffer = NULL;
  FILE *file = open_memstream(&buffer, &text.size);
  if (!file)
    return bl_fail(BL_ERROR_SYSTEM, "out of memory for the table");
  write_table(file, e);
  fclose(file);
  text.data = buffer;
  bl_status status = bl_output_write(path, &text, 1);
  free(buffer);
  return status;
}

static bl_status evaluate(const bl_invocation *invocation) {
  evaluation e = {.invocation = invocation, .options = invocation->options, .comm = invocation->comm};
  bl_status status = BL_OK;
  BL_GOTO(BL_MPI(MPI_Comm_rank(e.comm, &e.rank)));
  bl_provenance_describe(&e.provenance, e.command, sizeof e.command, e.options, invocation->argc, invocation->argv);
  BL_GOTO(BL_MPI(MPI_Comm_size(e.comm, &e.provenance.ranks)));
  BL_GOTO(prepare(&e));
  BL_GOTO(measure(&e));
  status = bl_agree(e.rank == 0 ? report(&e) : BL_OK, e.comm);
done:
  destroy(&e);
  return status;
}

const bl_program bl_program_evaluate = {
    .name = "evaluate",
    .summary = "judge samples: FID, KID, precision, recall; sliced Wasserstein distance",
    .help = help,
    .run = evaluate};
