/** \file
 * Model files: named parameters (one netCDF variable each, original names), the network's shape, the diffusion it was
 * trained for.
 *
 * A checkpoint is the same file with more arrays: optimiser moments, critic, value network, the round.
 * netCDF names: "model/down.0.block.0.conv1.weight" as group `model`, variable `down.0.block.0.conv1.weight` and so on.
 */
#ifndef BEELINE_STORE_MODEL_H
#define BEELINE_STORE_MODEL_H

#include "network/network.h"
#include "store/provenance.h"

#include <mpi.h>

#include <stddef.h>
#include <stdint.h>

/** One group of named arrays over a parameter table, for example the parameters of the critic or Adam's second moment of θ.
 */
typedef struct bl_model_part {
  const char *name;                /**< group: "model", "average", "model_first", "model_second", "critic", … */
  const bl_parameter_table *table; /**< names and shapes */
  float *values;                   /**< (table->count); caller's */
} bl_model_part;

enum { BL_MODEL_NETWORKS = 4 }; /**< most networks in a checkpoint */

/** What a model or checkpoint file says beside its arrays. */
typedef struct bl_model_header {
  bl_network_shape shape; /**< of the network in `model` and `average` */
  char schedule[32];      /**< diffusion schedule, "" for networks without one */
  int diffusion_steps;    /**< T */
  double beta_first, beta_last;
  char prediction[16];     /**< of a diffusion model: "epsilon" ("" is written so too), "x", "v", "velocity" */
  char head[8];            /**< "", or "sn", "npr": the file holds a head of a network of `shape`, not the network */
  uint32_t model_checksum; /**< of a head: bl_model_checksum of the weights that it belongs to */
  int distilled_steps;     /**< steps of the deterministic chain that it was distilled for; 0: it was not */
  double accuracy;         /**< of a classifier: share of data.test that it gets right; 0 where that was not measured */
  int64_t round;           /**< rounds done */
  char digest[40];         /**< of the configuration; read from the file, written from the provenance */
  int64_t optimiser_steps[BL_MODEL_NETWORKS]; /**< of the networks that learn: θ, then those of the judge */
  int64_t row_steps;                          /**< of a checkpoint: steps since the last row of the record */
  double row_sums[2];                         /**< sums over them, of loss and norm of the gradient */
} bl_model_header;

/** A model file that is being written or read, part by part, so that never more than one part need be at hand. */
typedef struct bl_model_file {
  int ncid;         /**< −1 when it is not open */
  const char *path; /**< borrowed */
} bl_model_file;

/** Begin to write a file with these parts; their values are not looked at yet. Not collective (the caller's root rank).
 * The file is built in memory. \param [out] file  the caller's; bl_model_end or bl_model_abandon. */
bl_status bl_model_begin(bl_model_file *file, const char *path, const bl_model_header *header, const bl_model_part *parts,
                         int part_count, const bl_provenance *provenance);

/** Put the values of one of its parts. Not collective. */
bl_status bl_model_put(const bl_model_file *file, const bl_model_part *part);

/** Write what was put atomically: temporary name in the same folder, checksums (netCDF's fletcher32), fsync, rename; \a
 * file is released in any case. Not collective. Returns BL_ERROR_SYSTEM saying how many bytes were needed when the disk is
 * full; the file of that name that was there stays. */
bl_status bl_model_end(bl_model_file *file);

/** Drop it; nothing is written, and nothing done when it is not open. Not collective. */
void bl_model_abandon(bl_model_file *file);

/** The same at once. Not collective. Returns the errors of bl_model_end. */
bl_status bl_model_write(const char *path, const bl_model_header *header, const bl_model_part *parts, int part_count,
                         const bl_provenance *provenance);

/** Open for reading and read the header. Not collective. \param [out] file  the caller's; bl_model_close. Returns
 * BL_ERROR_INPUT with file and reason. */
bl_status bl_model_open(bl_model_file *file, bl_model_header *header, const char *path);

/** Read part->values; every name and shape of the table must be there. Not collective.
 * Returns BL_ERROR_INPUT naming file, group, variable, shape found and shape expected; checks checksums, and that all
 * values are finite. */
bl_status bl_model_get(const bl_model_file *file, const bl_model_part *part);

/** Read one parameter of the part \a part. Not collective. \param [out] values (entry->count), caller's. Returns the errors
 * of bl_model_get. */
bl_status bl_model_get_parameter(float *values, const bl_model_file *file, const char *part, const bl_parameter *entry);

/** Whether the open file has a part of that name. Not collective. */
bool bl_model_has_part(const bl_model_file *file, const char *part);

/** Close a file that was read; nothing is done when it is not open. Not collective. */
void bl_model_close(bl_model_file *file);

/** Read the header. Not collective. Returns BL_ERROR_INPUT with file and reason. */
bl_status bl_model_read_header(bl_model_header *header, const char *path);

/** Read arrays into parts[i].values. Not collective. Returns the errors of bl_model_open and bl_model_get. */
bl_status bl_model_read(const char *path, const bl_model_part *parts, int part_count);

/** CRC-32 of weights; `beeline inspect` shows the same. Not collective. \param before  the checksum of the weights before
 * them, or 0. \param [in] values (count). */
uint32_t bl_model_checksum(uint32_t before, const float *values, size_t count);

/** The header, read by rank 0 and broadcast. Collective over \a comm. */
bl_status bl_model_read_header_shared(bl_model_header *header, const char *path, MPI_Comm comm);

/** The weights of the model, read by rank 0 and broadcast: the moving average when \a average is set and the file has one,
 * else the last ones. Collective over \a comm. \param [out] values (table->count), caller's. */
bl_status bl_model_read_weights_shared(float *values, const char *path, const bl_parameter_table *table, bool average,
                                       MPI_Comm comm);

/** Load the weights of the model \a path, chosen in the same way, into \a graph, and, where \a head is not NULL, those of
 * the head in that file after them: read by rank 0 and broadcast one parameter at a time, so that no rank ever holds all of
 * them a second time. Collective over \a comm. Returns BL_ERROR_INPUT for files of other networks, and for a head of other
 * weights than these, with both checksums. */
bl_status bl_model_load_shared(bl_graph *graph, const char *path, bool average, const char *head, MPI_Comm comm);

/** One part of a model or checkpoint, read by rank 0 and broadcast. Collective over \a comm. \param [out] values
 * (table->count), caller's. Returns the errors of bl_model_read. */
bl_status bl_model_read_part_shared(float *values, const char *path, const char *part, const bl_parameter_table *table,
                                    MPI_Comm comm);

/** The newest intact checkpoint "checkpoint-NNNNNN.nc" in \a folder; damaged ones are skipped with a warning.
 * Not collective. \param [out] path caller's, \a size bytes; "" when there is none. Returns BL_ERROR_INPUT when there are
 * some but none is intact. */
bl_status bl_checkpoint_find(char *path, size_t size, const char *folder);

/** The path of the checkpoint of \a round in \a folder. Not collective. */
void bl_checkpoint_path(char *path, size_t size, const char *folder, int64_t round);

/** The intact one with most rounds of what a finished run keeps in \a folder: final.nc and kept-NNNNNN.nc. Not collective.
 * \param [out] path  caller's, \a size bytes; "" when there is none. */
bl_status bl_checkpoint_find_finished(char *path, size_t size, const char *folder);

/** Whether a file of that name is one that runs write into their folder: model.nc, record.nc, checkpoint-000010.nc and so
 * on. Not collective. \param [in] name  without its folder. */
bool bl_checkpoint_is_of_run(const char *name);

/** Delete all files of such names in \a folder. Not collective. Returns BL_ERROR_SYSTEM. */
bl_status bl_checkpoint_clear(const char *folder);

/** When a run is finished: give the checkpoint of \a round the name final.nc, or, without \a keep, delete one of that name.
 * Not collective. Returns BL_ERROR_SYSTEM. */
bl_status bl_checkpoint_keep_final(const char *folder, int64_t round, bool keep);

/** Delete all but the newest \a keep checkpoints of \a folder, and what dead processes of this host left half written.
 * Those of rounds divisible by \a milestones (0: none) stay; where keep is 0, since the run is finished, under the name
 * "kept-NNNNNN.nc". Not collective. */
bl_status bl_checkpoint_prune(const char *folder, int keep, int milestones);

#endif
