#include "roles/aggregator.h"

#include "base/memory.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <math.h>
#include <string.h>

/* The norm is summed in pieces of this many elements, the same wherever shards begin, so that it does not depend on the
 * number of owners. */
enum { PIECE = 1024 };

bl_sharing bl_sharing_policy(const bl_world *world) {
  return (bl_sharing){.workers = &world->generators,
                      .owners = &world->aggregators,
                      .gradient_comm = world->gradient_comm,
                      .parameter_comm = world->parameter_comm};
}

bl_sharing bl_sharing_critics(const bl_world *world) {
  return (bl_sharing){.workers = &world->critics,
                      .owners = &world->critics,
                      .gradient_comm = world->critics.comm,
                      .parameter_comm = world->critics.comm};
}

/* The shard of owner number `owner`: whole pieces, as equal as they come. */
static size_t shard_start(size_t count, int owners, int owner) {
  const size_t pieces = (count + PIECE - 1) / PIECE;
  const size_t start = pieces * (size_t)owner / (size_t)owners * PIECE;
  return start < count ? start : count;
}

/* The rank of each owner in the arrows' communicator. */
static bl_status find_roots(int *root, const bl_world *world, const bl_sharing *sharing) {
  MPI_Group everyone, members;
  BL_TRY(BL_MPI(MPI_Comm_group(world->comm, &everyone)));
  BL_TRY(BL_MPI(MPI_Comm_group(sharing->gradient_comm, &members)));
  for (int owner = 0; owner < sharing->owners->size; owner++) {
    const int rank = bl_group_world_rank(world, sharing->owners, owner);
    BL_TRY(BL_MPI(MPI_Group_translate_ranks(everyone, 1, &rank, members, &root[owner])));
  }
  BL_TRY(BL_MPI(MPI_Group_free(&members)));
  BL_TRY(BL_MPI(MPI_Group_free(&everyone)));
  return BL_OK;
}

bl_status bl_aggregator_create(bl_aggregator *aggregator, const bl_world *world, bl_sharing sharing, const char *name,
                               const bl_parameter_table *table, bl_optimiser_settings settings, double clip,
                               double average_decay) {
  const int owners = sharing.owners->size, owner = sharing.owners->rank;
  *aggregator = (bl_aggregator){
      .name = name, .table = table, .sharing = sharing, .settings = settings, .clip = clip, .average_decay = average_decay};
  if (!bl_aggregator_is_member(aggregator))
    return BL_OK;
  BL_TRY(bl_allocate(&aggregator->root, (size_t)owners, sizeof *aggregator->root));
  BL_TRY(find_roots(aggregator->root, world, &sharing));
  BL_TRY(bl_allocate(&aggregator->values, table->count, sizeof *aggregator->values));
  BL_TRY(bl_exact_sum_create(&aggregator->sum, table->count + BL_AGGREGATOR_FIGURES));
  if (owner < 0)
    return BL_OK;
  aggregator->first = shard_start(table->count, owners, owner);
  aggregator->count = shard_start(table->count, owners, owner + 1) - aggregator->first;
  BL_TRY(bl_allocate(&aggregator->gradient, aggregator->count + 1, sizeof *aggregator->gradient));
  if (average_decay > 0)
    BL_TRY(bl_allocate(&aggregator->average, aggregator->count + 1, sizeof *aggregator->average));
  return bl_optimiser_create(&aggregator->optimiser, aggregator->count, settings);
}

void bl_aggregator_destroy(bl_aggregator *aggregator) {
  bl_optimiser_destroy(&aggregator->optimiser);
  bl_exact_sum_destroy(&aggregator->sum);
  bl_free(&aggregator->values);
  bl_free(&aggregator->average);
  bl_free(&aggregator->gradient);
  bl_free(&aggregator->root);
}

bool bl_aggregator_is_member(const bl_aggregator *aggregator) {
  return aggregator->sharing.gradient_comm != MPI_COMM_NULL;
}

void bl_aggregator_add(bl_aggregator *aggregator, const float *gradient, const double *figures, int figure_count) {
  bl_exact_sum_add(aggregator->sum, 0, aggregator->table->count, gradient);
  bl_exact_sum_add_double(aggregator->sum, aggregator->table->count, (size_t)figure_count, figures);
}

/* Norm of the gradient over all shards; exact sums are finite. Squares are taken relative to a power of two
 * near the largest element, which keeps them within the range of exact sums. */
static bl_status global_norm(double *norm, const bl_aggregator *aggregator) {
  const MPI_Comm comm = aggregator->sharing.owners->comm;
  bl_exact_sum *sum = NULL;
  double largest = 0, square = 0;
  for (size_t i = 0; i < aggregator->count; i++)
    largest = fmax(largest, fabs((double)aggregator->gradient[i]));
  BL_TRY(BL_MPI_MET(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, comm), comm));
  *norm = largest;
  if (largest == 0)
    return BL_OK;
  const double unit = ldexp(1, ilogb(largest));
  bl_status status = bl_exact_sum_create(&sum, 1);
  for (size_t piece = 0; status == BL_OK && piece < aggregator->count; piece += PIECE) {
    const size_t end = piece + PIECE < aggregator->count ? piece + PIECE : aggregator->count;
    double part = 0;
    for (size_t i = piece; i < end; i++) {
      const double relative = aggregator->gradient[i] / unit;
      part += relative * relative;
    }
    bl_exact_sum_add_double(sum, 0, 1, &part);
  }
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  BL_GOTO(bl_exact_sum_get_double(&square, sum, 0, 1, 1));
  *norm = unit * sqrt(square);
done:
  bl_exact_sum_destroy(&sum);
  return status;
}

/* What the owners find out and everybody must know. */
struct verdict {
  double failed;
  bl_step_report report;
};

/* On an owner whose shard has been summed: clip and step. */
static bl_status owner_step(bl_aggregator *aggregator, bl_step_report *report, double rate, int terms) {
  const size_t total = aggregator->table->count;
  float *shard = aggregator->values + aggregator->first;
  bl_status got =
      bl_exact_sum_get(aggregator->gradient, aggregator->sum, aggregator->first, aggregator->count, 1.0 / terms);
  bl_status told = BL_OK;
  if (aggregator->sharing.owners->rank == 0)
    told = bl_exact_sum_get_double(report->figures, aggregator->sum, total, BL_AGGREGATOR_FIGURES, 1.0 / terms);
  if (got != BL_OK)
    memset(aggregator->gradient, 0, aggregator->count * sizeof *aggregator->gradient);
  bl_status status = global_norm(&report->norm, aggregator);
  const int mine = got != BL_OK || told != BL_OK || status != BL_OK || !isfinite(report->norm);
  int failed = mine;
  BL_TRY(BL_MPI_MET(MPI_Allreduce(&mine, &failed, 1, MPI_INT, MPI_MAX, aggregator->sharing.owners->comm),
                    aggregator->sharing.owners->comm));
  if (failed)
    return BL_ERROR_NUMERIC;
  bl_optimiser_step(&aggregator->optimiser, shard, aggregator->gradient, rate,
                    bl_clip_scale(report->norm, aggregator->clip));
  if (aggregator->average)
    bl_moving_average_step(aggregator->average, shard, aggregator->count, aggregator->average_decay);
  return BL_OK;
}

bl_status bl_aggregator_step(bl_aggregator *aggregator, bl_step_report *report, double rate, int terms) {
  const bl_sharing *sharing = &aggregator->sharing;
  const int owners = sharing->owners->size;
  const size_t total = aggregator->table->count;
  struct verdict verdict = {0};
  if (!bl_aggregator_is_member(aggregator))
    return BL_OK;
  for (int owner = 0; owner < owners; owner++) {
    const size_t first = shard_start(total, owners, owner), end = shard_start(total, owners, owner + 1);
    BL_TRY(bl_exact_sum_reduce(aggregator->sum, first, end - first, aggregator->root[owner], sharing->gradient_comm));
  }
  BL_TRY(
      bl_exact_sum_reduce(aggregator->sum, total, BL_AGGREGATOR_FIGURES, aggregator->root[0], sharing->gradient_comm));
  if (sharing->owners->rank >= 0)
    verdict.failed = owner_step(aggregator, &verdict.report, rate, terms) != BL_OK;
  bl_exact_sum_clear(aggregator->sum);
  BL_TRY(BL_MPI_MET(
      MPI_Bcast(&verdict, sizeof verdict / sizeof(double), MPI_DOUBLE, aggregator->root[0], sharing->parameter_comm),
      sharing->parameter_comm));
  *report = verdict.report;
  if (verdict.failed != 0) {
    bl_status_clear(); /* of the sum, which does not know what it sums */
    return bl_fail(BL_ERROR_NUMERIC,
                   "the gradient of the %s, or its loss, is not finite or far too large: a smaller learning rate or a clip "
                   "usually cures it",
                   aggregator->name);
  }
  for (int owner = 0; owner < owners; owner++) {
    const size_t first = shard_start(total, owners, owner), end = shard_start(total, owners, owner + 1);
    BL_MPI(MPI_Bcast(aggregator->values + first, (int)(end - first), MPI_FLOAT, aggregator->root[owner],
                     sharing->parameter_comm));
  }
  return BL_OK;
}

/* One whole array from the shards of the owners, on every rank of the world. */
static bl_status gather_array(float *whole, const float *shard, const bl_aggregator *aggregator, const bl_world *world) {
  const bl_group *owners = aggregator->sharing.owners;
  for (int owner = 0; owner < owners->size; owner++) {
    const size_t first = shard_start(aggregator->table->count, owners->size, owner);
    const size_t end = shard_start(aggregator->table->count, owners->size, owner + 1);
    if (owners->rank == owner)
      memcpy(whole + first, shard, (end - first) * sizeof *whole);
    BL_TRY(BL_MPI(
        MPI_Bcast(whole + first, (int)(end - first), MPI_FLOAT, bl_group_world_rank(world, owners, owner), world->comm)));
  }
  return BL_OK;
}

bl_status bl_aggregator_gather(bl_aggregator_state *state, const bl_aggregator *aggregator, const bl_world *world) {
  const int root = bl_group_world_rank(world, aggregator->sharing.owners, 0);
  state->steps = aggregator->optimiser.steps;
  BL_TRY(BL_MPI_MET(MPI_Bcast(&state->steps, 1, MPI_INT64_T, root, world->comm), world->comm));
  if (state->values)
    BL_TRY(gather_array(state->values, aggregator->values + aggregator->first, aggregator, world));
  if (state->average)
    BL_TRY(gather_array(state->average, aggregator->average, aggregator, world));
  if (state->first)
    BL_TRY(gather_array(state->first, aggregator->optimiser.first, aggregator, world));
  if (state->second)
    BL_TRY(gather_array(state->second, aggregator->optimiser.second, aggregator, world));
  return BL_OK;
}

/* The shard of a whole array; without one, zeros. */
static void take_shard(float *shard, const float *whole, const bl_aggregator *aggregator) {
  if (shard && whole)
    memcpy(shard, whole + aggregator->first, aggregator->count * sizeof *shard);
  else if (shard)
    memset(shard, 0, aggregator->count * sizeof *shard);
}

void bl_aggregator_set(bl_aggregator *aggregator, const bl_aggregator_state *state) {
  if (!bl_aggregator_is_member(aggregator))
    return;
  memcpy(aggregator->values, state->values, aggregator->table->count * sizeof *aggregator->values);
  aggregator->optimiser.steps = state->steps;
  take_shard(aggregator->average, state->average ? state->average : state->values, aggregator);
  take_shard(aggregator->optimiser.first, state->first, aggregator);
  take_shard(aggregator->optimiser.second, state->second, aggregator);
}
