#include "base/memory.h"
#include "base/print.h"
#include "programs/inspect.h"
#include "store/container.h"
#include "store/model.h"

#include <inttypes.h>
#include <math.h>
#include <netcdf.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static void show_list(const char *label, const int *values, int count) {
  if (count == 0)
    return;
  bl_print("  %-18s ", label);
  for (int i = 0; i < count; i++)
    bl_print("%s%d", i > 0 ? ", " : "", values[i]);
  bl_print("\n");
}

static void show_value(const char *label, int value) {
  if (value != 0)
    show_list(label, &value, 1);
}

/* What a U-Net has of diffusers' and not of Ho et al.'s. */
static void show_variant(const bl_network_shape *shape) {
  int levels[BL_NETWORK_LEVELS], count = 0;
  for (int level = 0; level < BL_NETWORK_LEVELS; level++)
    if ((shape->attention_levels >> level & 1) != 0)
      levels[count++] = level;
  show_list("attention in level", levels, count);
  show_value("head width", shape->head_width);
  show_value("groups", shape->groups);
  if (shape->norm_epsilon > 0.0F)
    bl_print("  %-18s %g\n", "norm epsilon", (double)shape->norm_epsilon);
  if (shape->down_padding != 0)
    bl_print("  %-18s all around\n", "down padding");
  if (shape->cosine_first != 0 || shape->unshifted != 0)
    bl_print("  %-18s %s, frequency shift %d\n", "time embedding", shape->cosine_first != 0 ? "cosine first" : "sine first",
             shape->unshifted != 0 ? 0 : 1);
}

static void show_header(const bl_model_header *header) {
  const bl_network_shape *shape = &header->shape;
  bl_print("  %-18s %s\n", "network", bl_network_kind_name(shape->kind));
  bl_print("  %-18s %d x %d x %d (channels x height x width)\n", "sample", shape->channels, shape->height, shape->width);
  show_value("base channels", shape->base_channels);
  show_list("multipliers", shape->multipliers, shape->multiplier_count);
  show_value("blocks per level", shape->blocks);
  if (shape->patch > 1)
    show_value("pixels a patch", shape->patch * shape->patch);
  show_list("attention at", shape->attention, shape->attention_count);
  show_variant(shape);
  if (shape->dropout > 0.0F)
    bl_print("  %-18s %g\n", "dropout", (double)shape->dropout);
  show_list("widths", shape->widths, shape->width_count);
  show_value("step embeddings", shape->steps);
  show_value("classes", shape->classes);
  show_value("condition, labels", shape->condition);
  if (header->schedule[0] != '\0')
    bl_print("  %-18s %s, %d steps, beta from %g to %g\n", "diffusion", header->schedule, header->diffusion_steps,
             header->beta_first, header->beta_last);
  if (header->schedule[0] != '\0')
    bl_print("  %-18s %s\n", "predicts", header->prediction);
  if (header->head[0] != '\0')
    bl_print("  %-18s %s, of the model with the weights' checksum %08" PRIx32 "\n", "head", header->head,
             header->model_checksum);
  show_value("distilled to steps", header->distilled_steps);
  if (header->accuracy > 0)
    bl_print("  %-18s %.2f %%\n", "test accuracy", 100 * header->accuracy);
  bl_print("  %-18s %lld\n", "rounds done", (long long)header->round);
  if (header->optimiser_steps[0] + header->optimiser_steps[1] + header->optimiser_steps[2] > 0)
    bl_print("  %-18s network %lld, critic %lld, value %lld\n", "optimiser steps", (long long)header->optimiser_steps[0],
             (long long)header->optimiser_steps[1], (long long)header->optimiser_steps[2]);
}

/* One tensor into the figures of its part. The checksum is of the float values in the order of the file, so that it tells
 * whether two files hold the same bits. */
static bl_status add_tensor(bl_summary *summary, unsigned long *checksum, char bad[NC_MAX_NAME + 1], int group,
                            int variable, const char *path) {
  double *values;
  size_t count;
  BL_TRY(bl_inspect_numbers(&values, &count, group, variable, path));
  const size_t before = summary->not_finite;
  bl_summary_add(summary, values, count);
  if (summary->not_finite > before && bad[0] == '\0')
    nc_inq_varname(group, variable, bad);
  for (size_t i = 0; i < count; i++) {
    const float value = (float)values[i];
    *checksum = crc32(*checksum, (const unsigned char *)&value, sizeof value);
  }
  bl_free(&values);
  return BL_OK;
}

static bl_status show_part(int group, const char *path) {
  char name[NC_MAX_NAME + 1] = "", bad[NC_MAX_NAME + 1] = "";
  bl_summary summary = {0};
  int count;
  unsigned long checksum = crc32(0, NULL, 0);
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_grpname(group, name), path, "a group"));
  BL_TRY(bl_container_result(BL_ERROR_INPUT, nc_inq_nvars(group, &count), path, name));
  for (int variable = 0; variable < count; variable++)
    BL_TRY(add_tensor(&summary, &checksum, bad, group, variable, path));
  bl_print("  %-16s %8d %10zu %11.4g %11.4g %11.4g %11.4g  %08lx\n", name, count, summary.count + summary.not_finite,
           summary.least, bl_summary_mean(&summary), summary.most, sqrt(summary.squares), checksum);
  if (summary.not_finite > 0)
    bl_print("  %-16s WARNING: %zu values are NaN or infinite, the first in %s\n", "", summary.not_finite, bad);
  return BL_OK;
}

bl_status bl_inspect_model(int ncid, const char *path) {
  enum { MOST = 64 };
  bl_model_header header;
  int groups[MOST], count;
  BL_TRY(bl_model_read_header(&header, path));
  show_header(&header);
  if (nc_inq_grps(ncid, &count, NULL) != NC_NOERR || count > MOST || nc_inq_grps(ncid, &count, groups) != NC_NOERR)
    return bl_fail(BL_ERROR_INPUT, "%s: its groups cannot be listed", path);
  bl_print("\n  %-16s %8s %10s %11s %11s %11s %11s  %s\n", "part", "tensors", "numbers", "least", "mean", "most", "norm",
           "checksum");
  for (int i = 0; i < count; i++)
    BL_TRY(show_part(groups[i], path));
  return BL_OK;
}
