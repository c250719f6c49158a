#include "parallel/agree.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"
#include "store/container.h"
#include "store/model.h"

#include <inttypes.h>

/** Weights that rank 0 reads from open files. */
typedef struct shared_file {
  MPI_Comm comm;
  int rank;
  bl_model_file model, head; /* open on rank 0 */
  const char *part;          /* of the model, there */
  size_t trunk;              /* elements of the model's parameters, which are followed by the head's */
  uint32_t checksum;         /* of those so far */
  uint32_t expected;         /* what the head says, there */
} shared_file;

static bl_status open_files(shared_file *shared, const char *path, bool average, const char *head) {
  bl_model_header header;
  shared->model.path = path;
  BL_TRY(bl_container_open(&shared->model.ncid, path)); /* weights of other programs have no header */
  shared->part = average && bl_model_has_part(&shared->model, "average") ? "average" : "model";
  if (head == NULL)
    return BL_OK;
  BL_TRY(bl_model_open(&shared->head, &header, head));
  shared->expected = header.model_checksum;
  return BL_OK;
}

/* Collective; \a shared must be closed after a failure too. */
static bl_status begin(shared_file *shared, const char *path, bool average, const char *head, MPI_Comm comm) {
  *shared = (shared_file){.comm = comm, .model = {.ncid = -1}, .head = {.ncid = -1}};
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &shared->rank)));
  return bl_agree(shared->rank == 0 ? open_files(shared, path, average, head) : BL_OK, comm);
}

static void end(shared_file *shared) {
  bl_model_close(&shared->model);
  bl_model_close(&shared->head);
}

/* Tensor by tensor, so that no count of elements overflows. */
static bl_status fetch(float *values, const bl_parameter *entry, void *context) {
  shared_file *shared = context;
  const bool of_head = entry->offset >= shared->trunk;
  const bl_model_file *file = of_head ? &shared->head : &shared->model;
  BL_AGREE(shared->rank == 0 ? bl_model_get_parameter(values, file, of_head ? "model" : shared->part, entry) : BL_OK,
           shared->comm);
  BL_TRY(BL_MPI(MPI_Bcast(values, (int)entry->count, MPI_FLOAT, 0, shared->comm)));
  if (!of_head && shared->rank == 0)
    shared->checksum = bl_model_checksum(shared->checksum, values, entry->count);
  return BL_OK;
}

static bl_status check_head(const shared_file *shared, const char *path, const char *head) {
  if (shared->rank != 0 || head == NULL || shared->checksum == shared->expected)
    return BL_OK;
  return bl_fail(BL_ERROR_INPUT,
                 "%s: is the head of another model: it belongs to weights of checksum %08" PRIx32
                 ", but those of %s (%s) have %08" PRIx32 ": make one for this model with beeline moments",
                 head, shared->expected, path, shared->part, shared->checksum);
}

bl_status bl_model_load_shared(bl_graph *graph, const char *path, bool average, const char *head, MPI_Comm comm) {
  shared_file shared;
  bl_status status = begin(&shared, path, average, head, comm);
  shared.trunk = bl_network_trunk_table(bl_graph_parameters(graph)).count;
  if (status == BL_OK)
    status = bl_agree(bl_graph_load_from(graph, fetch, &shared), comm);
  if (status == BL_OK)
    status = bl_agree(check_head(&shared, path, head), comm);
  end(&shared);
  return status;
}

bl_status bl_model_read_header_shared(bl_model_header *header, const char *path, MPI_Comm comm) {
  int rank;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_AGREE(rank == 0 ? bl_model_read_header(header, path) : BL_OK, comm);
  return BL_MPI_SYNCHRONISED(MPI_Bcast(header, (int)sizeof *header, MPI_BYTE, 0, comm), comm);
}

/* \param part  NULL: that of the weights. */
static bl_status read_shared(float *values, const char *path, const char *part, const bl_parameter_table *table,
                             bool average, MPI_Comm comm) {
  shared_file shared;
  bl_status status = begin(&shared, path, average, NULL, comm);
  shared.trunk = table->count;
  if (part != NULL)
    shared.part = part;
  for (size_t i = 0; i < table->entry_count && status == BL_OK; i++)
    status = fetch(values + table->entries[i].offset, &table->entries[i], &shared);
  end(&shared);
  return status;
}

bl_status bl_model_read_weights_shared(float *values, const char *path, const bl_parameter_table *table, bool average,
                                       MPI_Comm comm) {
  return read_shared(values, path, NULL, table, average, comm);
}

bl_status bl_model_read_part_shared(float *values, const char *path, const char *part, const bl_parameter_table *table,
                                    MPI_Comm comm) {
  return read_shared(values, path, part, table, false, comm);
}
