#include "base/memory.h"
#include "base/print.h"
#include "programs/inspect.h"
#include "store/json.h"
#include "store/model_format.h"
#include "store/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* Figures of one tensor, and of all; checksums are of the values in single precision, as those of models are. */
typedef struct figures {
  bl_summary summary;
  unsigned long checksum;
} figures;

static void add(figures *f, const float *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const double value = (double)values[i];
    bl_summary_add(&f->summary, &value, 1);
  }
  f->checksum = crc32_z(f->checksum, (const unsigned char *)values, count * sizeof *values);
}

static void show(const char *name, const char *type, const char *shape, const figures *f) {
  bl_print("  %-44s %-4s %-18s", name, type, shape);
  if (f != NULL && f->summary.count > 0)
    bl_print(" %11.4g %11.4g %11.4g %11.4g", f->summary.least, bl_summary_mean(&f->summary), f->summary.most,
             sqrt(f->summary.squares));
  if (f != NULL)
    bl_print("  %08lx", f->checksum);
  bl_print("%s\n", f != NULL && f->summary.not_finite > 0 ? "  (some are not finite)" : "");
}

static bl_status show_tensor(figures *all, const bl_safetensors *file, const bl_safetensors_tensor *tensor) {
  char shape[192];
  float *values = NULL;
  figures one = {.checksum = crc32(0, NULL, 0)};
  const size_t count = bl_safetensors_count(tensor);
  bl_safetensors_shape_text(shape, sizeof shape, tensor->shape, tensor->dimensions);
  if (!bl_safetensors_is_real(tensor)) {
    show(tensor->name, tensor->type, shape, NULL);
    return BL_OK;
  }
  BL_TRY(bl_allocate(&values, count, sizeof *values));
  const bl_status status = bl_safetensors_read(values, file, tensor);
  if (status == BL_OK) {
    add(&one, values, count);
    add(all, values, count);
    show(tensor->name, tensor->type, shape, &one);
  }
  bl_free(&values);
  return status;
}

static bl_status show_file(const bl_safetensors *file) {
  figures all = {.checksum = crc32(0, NULL, 0)};
  char count[32];
  bl_print("\n  %s: safetensors, %.1f kB\n\n", file->path, (double)file->size / 1000.0);
  bl_print("  %-44s %-4s %-18s %11s %11s %11s %11s  %s\n", "tensor", "type", "shape", "least", "mean", "most", "norm",
           "checksum");
  for (size_t i = 0; i < file->tensor_count; i++)
    BL_TRY(show_tensor(&all, file, &file->tensors[i]));
  snprintf(count, sizeof count, "%zu", all.summary.count + all.summary.not_finite);
  show("all real numbers", "", count, &all);
  if (file->text_count > 0)
    bl_print("\n  metadata\n");
  for (size_t i = 0; i < file->text_count; i++)
    if (strcmp(file->texts[i].key, "configuration") != 0) /* of many lines */
      bl_print("  %-18s %s\n", file->texts[i].key, file->texts[i].value);
  bl_print("\n");
  return BL_OK;
}

bl_status bl_inspect_safetensors(const char *path) {
  bl_safetensors file;
  BL_TRY(bl_safetensors_open(&file, path));
  const bl_status status = show_file(&file);
  bl_safetensors_close(&file);
  return status;
}

/* ---- A folder of diffusers ------------------------------------------------------------------------------------------ */

/* Each key of a configuration, where there is one. */
static bl_status show_configuration(const char *folder, const char *name) {
  char path[BL_MODEL_FORMAT_PATH], text[128];
  json_t *json, *value;
  const char *key;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (access(path, F_OK) != 0)
    return BL_OK;
  BL_TRY(bl_json_read(&json, path));
  bl_print("\n  %s\n\n", path);
  json_object_foreach(json, key, value) {
    bl_print("  %-26s %s\n", key, bl_json_text(text, sizeof text, value));
  }
  json_decref(json);
  return BL_OK;
}

bl_status bl_inspect_folder(const char *path) {
  static const char *const configurations[] = {"model_index.json", "unet/config.json", "config.json",
                                               "scheduler/scheduler_config.json", "scheduler_config.json"};
  static const char *const weights[] = {"unet/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.safetensors"};
  char file[BL_MODEL_FORMAT_PATH];
  for (size_t w = 0; w < sizeof weights / sizeof *weights; w++) {
    if (snprintf(file, sizeof file, "%s/%s", path, weights[w]) >= (int)sizeof file || access(file, F_OK) != 0)
      continue;
    for (size_t i = 0; i < sizeof configurations / sizeof *configurations; i++)
      BL_TRY(show_configuration(path, configurations[i]));
    return bl_inspect_safetensors(file);
  }
  return bl_fail(BL_ERROR_INPUT, "%s: is a folder, expected a file, or a folder of diffusers, which has %s or %s", path,
                 weights[0], weights[1]);
}
