/** \file
 * The formats of models, one file each, for the table in model_format.c. */
#ifndef BEELINE_STORE_MODEL_FORMAT_ROW_H
#define BEELINE_STORE_MODEL_FORMAT_ROW_H

#include "store/model_format.h"

/** A row. */
typedef struct bl_model_format {
  const char *name;
  const char *const *files; /**< that an export writes, below the output; the first holds the weights; NULL ends */
  bool flat_attention;      /**< weights of attention are matrices, not convolutions of 1 x 1 */
  /** Find the weights: their path into model->weights. */
  bl_status (*find)(bl_foreign_model *model, const bl_options *options);
  /** Fill model->header: the network and the diffusion. \param [in] file  the weights. */
  bl_status (*describe)(bl_foreign_model *model, const bl_safetensors *file, const bl_options *options);
  /** The name of a parameter in that format. \param [in] spelling  0: as it is written; 1, ...: others that are read.
   * Returns whether there are so many. */
  bool (*spell)(char name[BL_SAFETENSORS_NAME], const char *ours, int levels, int spelling);
  /** As bl_model_export_check. */
  bl_status (*check)(const bl_model_header *header, const char *path);
  /** The tensor that a chain adds to the weights; NULL: a chain has no place in the format. \param [out] values  the
   * caller's; bl_free. */
  bl_status (*add_chain)(bl_safetensors_part *part, float **values, const bl_model_header *header,
                         const bl_foreign_chain *chain);
  /** Write the files but the first. \param [in] chain  or NULL. */
  bl_status (*write)(const char *output, const bl_model_header *header, const bl_foreign_chain *chain);
} bl_model_format;

/** model_ddpm.c. */
extern const bl_model_format bl_model_format_ddpm;

/** model_diffusers.c. */
extern const bl_model_format bl_model_format_diffusers;

/** diffusers_config.c: the network that a config.json describes. Not collective. Returns BL_ERROR_INPUT with file, key,
 * value and what is supported. */
bl_status bl_diffusers_read_network(bl_network_shape *shape, const char *path, const bl_options *options);

/** diffusers_config.c: the same backwards. Not collective. */
bl_status bl_diffusers_write_network(const char *path, const bl_network_shape *shape, const bl_foreign_chain *chain);

/** diffusers_scheduler.c: the diffusion that a scheduler_config.json describes. Not collective. Errors as above. */
bl_status bl_diffusers_read_scheduler(bl_model_header *header, const char *path);

/** diffusers_scheduler.c: the same backwards. Not collective. */
bl_status bl_diffusers_write_scheduler(const char *path, const bl_model_header *header, const bl_foreign_chain *chain);

/** The tensor of a parameter, by any of its spellings; NULL where there is none. Not collective. Borrowed. */
const bl_safetensors_tensor *bl_model_format_find(const bl_model_format *format, const bl_safetensors *file,
                                                  const char *ours, int levels);

/** The diffusion of the section `diffusion`, which predicts epsilon. Not collective. */
void bl_model_format_configure(bl_model_header *header, const bl_options *options);

/** Whether the numbers of header's diffusion make sense. Not collective. Returns BL_ERROR_INPUT with \a path. */
bl_status bl_model_format_check(const bl_model_header *header, const char *path);

#endif
