/** \file
 * The chain of the section `sampler` for programs that know DDPM's and DDIM's steps only. */
#ifndef BEELINE_PROGRAMS_EXPORT_CHAIN_H
#define BEELINE_PROGRAMS_EXPORT_CHAIN_H

#include "base/options.h"
#include "diffusion/chain.h"
#include "store/model_format.h"

/** A chain with what diffusers is told of it. */
typedef struct bl_export_chain {
  bl_chain chain;
  double *alpha_bar;
  bl_foreign_chain foreign; /**< borrows from the others */
} bl_export_chain;

/** Plan the chain. Not collective. \param [out] chain  the caller's; bl_export_chain_destroy, also after a failure. Returns
 * BL_ERROR_USAGE by bl_options_reject for steps that are neither DDPM's (small variance) nor DDIM's of one eta. */
bl_status bl_export_chain_plan(bl_export_chain *chain, const bl_model_header *header, const bl_options *options);

/** Release; all zero is allowed. Not collective. */
void bl_export_chain_destroy(bl_export_chain *chain);

#endif
