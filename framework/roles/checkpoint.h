/** \file
 * Checkpoints of a run: everything that the next round depends on, so that a resumed run has the bits of an uninterrupted
 * one, on any number of ranks. A finished model is the same file without what only training needs.
 *
 * Temporary name, sync and rename are in store/output.h, which files stay is in store/checkpoint.c.
 *
 * Rank 0 alone writes, a file that it has built in memory: so a full disk is an ordinary error before the old file is
 * touched. Written in parallel, HDF5 would meet it on all ranks at once, in the middle of the new file. With the paper's
 * full model (576 MB) that takes 6 s, below 1 % of a round on one core. */
#ifndef BEELINE_ROLES_CHECKPOINT_H
#define BEELINE_ROLES_CHECKPOINT_H

#include "roles/aggregator.h"
#include "store/model.h"

/** A set of parameters in a checkpoint. */
typedef struct bl_checkpoint_entry {
  const char *part;          /**< "model", or of a judge: "critic", "value"; at most BL_MODEL_NETWORKS parts */
  bl_aggregator *aggregator; /**< borrowed */
} bl_checkpoint_entry;

/** Write the checkpoint of header->round into \a folder and delete all but the newest \a keep and
 * those of rounds divisible by \a milestones (0: none). Collective over the world;
 * rank 0 writes, and gets the arrays one after the other: it needs room for the file and one of them. Returns the same
 * status on every rank; on failure older checkpoints are still there. */
bl_status bl_checkpoint_save(const char *folder, bl_model_header *header, const bl_checkpoint_entry *entries, int count,
                             int keep, int milestones, const bl_provenance *provenance, const bl_world *world);

/** Go on from the checkpoint \a path. Collective over the world; rank 0 reads, and it alone need know the path.
 * \param [out] header  the checkpoint's. Returns the errors of bl_model_open and bl_model_get. */
bl_status bl_checkpoint_resume(bl_model_header *header, const char *path, const bl_checkpoint_entry *entries, int count,
                               const bl_world *world);

/** Write the finished model \a path: the moving average of the parameters where one is kept, else the parameters.
 * Collective over the world; rank 0 writes. */
bl_status bl_checkpoint_finish(const char *path, bl_model_header *header, const bl_aggregator *aggregator,
                               const bl_provenance *provenance, const bl_world *world);

/** What the run now samples with: the moving average where one is kept, else the parameters. Collective over the world.
 * \param [out] values (table->count) on every rank; caller's. */
bl_status bl_checkpoint_current(float *values, const bl_aggregator *aggregator, const bl_world *world);

#endif
