/** \file
 * The readers of netCDF files, each with what must hold after it; for the targets of their names and for forged.c. */
#ifndef BEELINE_TESTS_FUZZ_READERS_H
#define BEELINE_TESTS_FUZZ_READERS_H

#include "fuzz/fuzz.h"
#include "metrics/features.h"
#include "network/network.h"
#include "store/provenance.h"
#include "store/record.h"

/** What the seeds are written with. */
extern const bl_provenance fuzz_provenance;
extern const bl_record_column fuzz_columns[2];
extern const bl_network_shape fuzz_mlp;

/** Features of a small classifier that is written into the folder first; for images of 1 x 8 x 8. */
bl_features *fuzz_features(void);

void fuzz_read_dataset(const char *path);

/** \a path  .../checkpoint-000001.nc in the folder. */
void fuzz_read_model(const char *path);

/** \a path  in the folder; the file is lost. */
void fuzz_read_record(const char *path);

void fuzz_read_moments(const char *path);
void fuzz_read_reference(const char *path);

/** `beeline inspect`, what it prints thrown away. */
void fuzz_inspect(const char *path);

#endif
