/** \file
 * Models of other programs: U-Nets in, models out. One row for each format, in model_format.c; one file each.
 *
 * - ddpm: a .safetensors file with the names of the public DDPM code, which are Beeline's. The network follows from its
 *   tensors; what they do not tell (size of the images, diffusion) from the metadata that Beeline writes, else from
 *   import.sample_size and the section `diffusion`.
 * - diffusers: UNet2DModel as save_pretrained writes it: a folder with config.json and
 *   diffusion_pytorch_model.safetensors, a pipeline's folder with unet/ and scheduler/, or such a file of weights beside
 * its config.json. Attention as it is spelt now (to_q) and was before 2023 (query). Keys that mean another network than
 *   Beeline has are refused. The diffusion comes from scheduler_config.json, else from the section `diffusion`.
 *
 * Tensors that the network has no use for are refused: they belong to another one.
 */
#ifndef BEELINE_STORE_MODEL_FORMAT_H
#define BEELINE_STORE_MODEL_FORMAT_H

#include "base/options.h"
#include "store/model.h"
#include "store/safetensors.h"

enum { BL_MODEL_FORMAT_PATH = 4096 };

/** A model as it came in. */
typedef struct bl_foreign_model {
  bl_model_header header;
  bl_graph *graph;                    /**< of the network, for its table of parameters */
  float *values;                      /**< (parameters) */
  char weights[BL_MODEL_FORMAT_PATH]; /**< the file that they come from */
} bl_foreign_model;

/** Whether import.format names a format of models. Not collective. */
bool bl_model_format_is_known(const char *name);

/** Read the model import.model of the format import.format. Not collective. \param [out] model  the caller's;
 * bl_foreign_model_destroy, also after a failure. Returns BL_ERROR_USAGE (via bl_options_reject) or BL_ERROR_INPUT with
 * file, key or tensor, found and expected. */
bl_status bl_model_import(bl_foreign_model *model, const bl_options *options);

/** Release; all zero is allowed. Not collective. */
void bl_foreign_model_destroy(bl_foreign_model *model);

/** What a format cannot express of a model. Not collective. Returns BL_ERROR_INPUT with \a path and the reason. */
bl_status bl_model_export_check(const char *format, const bl_model_header *header, const char *path);

/** The path of file \a index of what an export writes. Not collective. Returns whether there are so many. \param [out] path
 * (BL_MODEL_FORMAT_PATH) caller's. */
bool bl_model_export_file(char *path, const char *format, const char *output, int index);

/** A chain of few steps that a pipeline of diffusers is to draw by: its times, which may be fractional, become those of a
 * learned embedding, row by row, and its levels of noise the betas of a scheduler of as many steps. */
typedef struct bl_foreign_chain {
  int steps;
  const float *time;       /**< (steps) what the network is told, the noisiest first; borrowed */
  const double *alpha_bar; /**< (steps) of the state before each step; borrowed */
  double eta;              /**< 1: noise as DDPM's (small variance), to 0: none */
} bl_foreign_chain;

/** Write a model. Not collective. \param [in] output  a file for ddpm, a folder for diffusers. \param [in] chain  for
 * diffusers; NULL: none, but the diffusion that the model was trained for. \param [in] values  (table)
 * \param [in] texts  (text_count) metadata. Returns the errors of bl_output_write. */
bl_status bl_model_export(const char *format, const char *output, const bl_model_header *header,
                          const bl_foreign_chain *chain, const bl_parameter_table *table, const float *values,
                          const bl_safetensors_text *texts, size_t text_count);

#endif
