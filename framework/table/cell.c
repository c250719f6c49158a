#include "table/cell.h"

#include "base/log.h"
#include "store/container.h"

#include <inttypes.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void bl_table_cell_path(char *path, const bl_table *table, const bl_table_cell *cell) {
  snprintf(path, BL_TABLE_PATH, "%s/cells/%s-nfe%" PRId64 "-seed%" PRId64 ".nc", table->output, cell->row->slug,
           cell->column, cell->seed);
}

/* "model.nc 1a2b3c4d" of a fine-tuned model that is still there, else "". */
static void describe_result(char *text, size_t size, const bl_table_cell *cell) {
  char path[BL_TABLE_PATH + 16];
  uint32_t crc;
  text[0] = '\0';
  snprintf(path, sizeof path, "%s/model.nc", cell->folder);
  if (cell->folder[0] != '\0' && access(path, R_OK) == 0 && bl_container_checksum(&crc, path) == BL_OK)
    snprintf(text, size, "model.nc %08" PRIx32, crc);
  bl_status_clear();
}

static bool read_numbers(bl_table_cell *cell, const bl_table *table, int ncid) {
  char digest[64], inputs[sizeof *cell->inputs], result[64], expected[64];
  bl_container_get_text(digest, sizeof digest, ncid, "digest");
  bl_container_get_text(inputs, sizeof inputs, ncid, "inputs");
  bl_container_get_text(result, sizeof result, ncid, "result");
  describe_result(expected, sizeof expected, cell);
  int rule = 0; /* of the version that wrote the cell */
  while (rule < BL_OPTIONS_RULES && (strcmp(digest, cell->digests[rule]) != 0 || strcmp(inputs, cell->inputs[rule]) != 0))
    rule++;
  if (rule == BL_OPTIONS_RULES || (expected[0] != '\0' && strcmp(result, expected) != 0))
    return false;
  for (int i = 0; i < table->meter.count + 2; i++) {
    const char *name = i < table->meter.count    ? table->meter.metrics[i]->name
                       : i == table->meter.count ? "network_evaluations"
                                                 : "seconds_per_sample";
    double *value = i < table->meter.count    ? &cell->values[i]
                    : i == table->meter.count ? &cell->evaluations
                                              : &cell->seconds;
    if (bl_container_get_number(value, ncid, "a cell", name) != BL_OK) {
      bl_status_clear();
      return false;
    }
  }
  return true;
}

void bl_table_cell_read(bl_table_cell *cell, const bl_table *table) {
  char path[BL_TABLE_PATH];
  int ncid;
  cell->there = false;
  bl_table_cell_path(path, table, cell);
  if (access(path, F_OK) != 0)
    return;
  if (bl_container_open(&ncid, path) == BL_OK) {
    cell->there = read_numbers(cell, table, ncid);
    nc_close(ncid);
    if (!cell->there)
      bl_log("%s, %" PRId64 " steps, seed %" PRId64 ": made with another configuration or other files; again",
             cell->row->name, cell->column, cell->seed);
  } else {
    bl_warn("%s; this cell is computed again", bl_status_message());
    bl_status_clear();
  }
}

static bl_status put(int ncid, const char *path, const bl_table_cell *cell, const bl_table *table,
                     const bl_dataset *samples) {
  const bl_table_meter *meter = &table->meter;
  int values[BL_TABLE_METRICS], evaluations, seconds;
  char result[64];
  for (int i = 0; i < meter->count; i++)
    BL_TRY(bl_container_variable(&values[i], ncid, path, meter->metrics[i]->name, NC_DOUBLE, 0, NULL,
                                 meter->metrics[i]->units, meter->metrics[i]->label));
  BL_TRY(bl_container_variable(&evaluations, ncid, path, "network_evaluations", NC_DOUBLE, 0, NULL, "1",
                               "evaluations of the network for each sample, counted"));
  BL_TRY(bl_container_variable(&seconds, ncid, path, "seconds_per_sample", NC_DOUBLE, 0, NULL, "s",
                               "time of one rank for each sample"));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "method", cell->row->name));
  BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "inputs", cell->inputs[0]));
  describe_result(result, sizeof result, cell);
  if (result[0] != '\0')
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "result", result));
  if (meter->measure.features)
    BL_TRY(bl_container_text(ncid, NC_GLOBAL, path, "features", bl_features_name(meter->measure.features)));
  BL_TRY(bl_dataset_put(samples, ncid, path));
  for (int i = 0; i < meter->count; i++)
    BL_NETCDF(nc_put_var_double(ncid, values[i], &cell->values[i]), path);
  BL_NETCDF(nc_put_var_double(ncid, evaluations, &cell->evaluations), path);
  BL_NETCDF(nc_put_var_double(ncid, seconds, &cell->seconds), path);
  return BL_OK;
}

bl_status bl_table_cell_write(const bl_table_cell *cell, const bl_table *table, const bl_dataset *samples,
                              const bl_options *options, const char *algorithms) {
  char path[BL_TABLE_PATH], command[4096];
  bl_provenance provenance;
  int ncid;
  bl_table_cell_path(path, table, cell);
  bl_provenance_describe(&provenance, command, sizeof command, options, table->invocation->argc, table->invocation->argv);
  provenance.digest = cell->digests[0];
  provenance.ranks = table->ranks;
  provenance.algorithms = algorithms;
  BL_TRY(bl_container_create(&ncid, path, "cell of a table", &provenance));
  const bl_status status = put(ncid, path, cell, table, samples);
  if (status == BL_OK)
    return bl_container_write(ncid, path);
  bl_container_abandon(ncid);
  return status;
}
