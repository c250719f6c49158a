#include "roles/aggregator.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "parallel/account.h"
#include "parallel/mpi_check.h"
#include "parallel/wait.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* The norm is summed in pieces of this many elements, the same wherever shards begin, so that it does not depend on the
 * number of owners. */
enum { PIECE = 1024 };

/* So many pieces are summed at once, since an addition takes as long as four: each still in the order of its elements. */
enum { LANES = 8 };

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

/* The rank of each owner in the channels' communicator, and where the shards lie. */
static bl_status lay_out(bl_aggregator *aggregator, const bl_world *world) {
  const bl_sharing *sharing = &aggregator->sharing;
  MPI_Group everyone, members;
  BL_TRY(BL_MPI(MPI_Comm_group(world->comm, &everyone)));
  BL_TRY(BL_MPI(MPI_Comm_group(sharing->gradient_comm, &members)));
  for (int owner = 0; owner < sharing->owners->size; owner++) {
    const int rank = bl_group_world_rank(world, sharing->owners, owner);
    BL_TRY(BL_MPI(MPI_Group_translate_ranks(everyone, 1, &rank, members, &aggregator->root[owner])));
  }
  BL_TRY(BL_MPI(MPI_Group_free(&members)));
  BL_TRY(BL_MPI(MPI_Group_free(&everyone)));
  for (int owner = 0; owner <= sharing->owners->size; owner++)
    aggregator->starts[owner] = shard_start(aggregator->table->count, sharing->owners->size, owner);
  for (int owner = 0; owner < sharing->owners->size; owner++) {
    aggregator->places[aggregator->root[owner]] = (int)aggregator->starts[owner];
    aggregator->counts[aggregator->root[owner]] = (int)(aggregator->starts[owner + 1] - aggregator->starts[owner]);
  }
  return BL_OK;
}

bl_status bl_aggregator_create(bl_aggregator *aggregator, const bl_world *world, bl_sharing sharing, const char *name,
                               const bl_parameter_table *table, bl_optimiser_settings settings, double clip,
                               double average_decay) {
  const int owners = sharing.owners->size, owner = sharing.owners->rank;
  *aggregator = (bl_aggregator){.name = name,
                                .table = table,
                                .sharing = sharing,
                                .settings = settings,
                                .clip = clip,
                                .average_decay = average_decay,
                                .failing = -1,
                                .waiting = {.name = "wait for gradients"},
                                .stepping = {.name = "sums and steps"}};
  if (!bl_aggregator_is_member(aggregator))
    return BL_OK;
  BL_TRY(bl_allocate(&aggregator->root, (size_t)owners, sizeof *aggregator->root));
  int ranks;
  BL_TRY(BL_MPI(MPI_Comm_size(sharing.gradient_comm, &ranks)));
  BL_TRY(bl_allocate(&aggregator->starts, (size_t)owners + 1, sizeof *aggregator->starts));
  BL_TRY(bl_allocate(&aggregator->counts, (size_t)ranks, sizeof *aggregator->counts));
  BL_TRY(bl_allocate(&aggregator->places, (size_t)ranks, sizeof *aggregator->places));
  BL_TRY(lay_out(aggregator, world));
  BL_TRY(bl_allocate(&aggregator->values, table->count, sizeof *aggregator->values));
  BL_TRY(bl_aggregator_acquire(aggregator));
  if (owner < 0)
    return BL_OK;
  BL_TRY(bl_exact_sum_create(&aggregator->square, 1));
  aggregator->first = shard_start(table->count, owners, owner);
  aggregator->count = shard_start(table->count, owners, owner + 1) - aggregator->first;
  if (average_decay > 0)
    BL_TRY(bl_allocate(&aggregator->average, aggregator->count + 1, sizeof *aggregator->average));
  return bl_optimiser_create(&aggregator->optimiser, aggregator->count, settings);
}

void bl_aggregator_destroy(bl_aggregator *aggregator) {
  bl_optimiser_destroy(&aggregator->optimiser);
  bl_exact_sum_destroy(&aggregator->sum);
  bl_free(&aggregator->values);
  bl_free(&aggregator->average);
  bl_exact_sum_destroy(&aggregator->square);
  bl_free(&aggregator->starts);
  bl_free(&aggregator->counts);
  bl_free(&aggregator->places);
  bl_free(&aggregator->root);
}

void bl_aggregator_release(bl_aggregator *aggregator) {
  bl_exact_sum_destroy(&aggregator->sum);
}

bl_status bl_aggregator_acquire(bl_aggregator *aggregator) {
  if (aggregator->sum != NULL || !bl_aggregator_is_member(aggregator))
    return BL_OK;
  return bl_exact_sum_create(&aggregator->sum, aggregator->table->count + BL_AGGREGATOR_FIGURES);
}

bool bl_aggregator_is_member(const bl_aggregator *aggregator) {
  return aggregator->sharing.gradient_comm != MPI_COMM_NULL;
}

/* The first tensor with an element that is not finite, or too large for the sum, in a part of a gradient: into
 * aggregator->failing, where that is a later one or none. */
static void find_failing(bl_aggregator *aggregator, size_t first, size_t count, const float *gradient) {
  const bl_parameter_table *table = aggregator->table;
  size_t bad = 0;
  while (bad < count && fabsf(gradient[bad]) < 1e9F)
    bad++;
  int entry = 0;
  while (entry + 1 < (int)table->entry_count && table->entries[entry + 1].offset <= first + bad)
    entry++;
  if (bad < count && (aggregator->failing < 0 || entry < aggregator->failing))
    aggregator->failing = entry;
}

void bl_aggregator_add(bl_aggregator *aggregator, size_t first, size_t count, const float *gradient) {
  bl_exact_sum_add(aggregator->sum, first, count, gradient);
  if (bl_exact_sum_is_poisoned(aggregator->sum))
    find_failing(aggregator, first, count, gradient);
}

static void take(void *context, size_t first, size_t count, const float *gradient) {
  bl_aggregator_add(context, first, count, gradient);
}

bl_gradient_sink bl_aggregator_sink(bl_aggregator *aggregator) {
  return (bl_gradient_sink){take, aggregator};
}

void bl_aggregator_add_figures(bl_aggregator *aggregator, const double *figures, int count) {
  bl_exact_sum_add_double(aggregator->sum, aggregator->table->count, (size_t)count, figures);
}

/* The largest magnitude; on bit patterns, which order like magnitudes, so that compilers vectorise it. */
BL_KERNEL static float largest_magnitude(const float *values, size_t count) {
  uint32_t largest = 0;
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    bits &= 0x7fffffffu;
    largest = bits > largest ? bits : largest;
  }
  float magnitude;
  memcpy(&magnitude, &largest, sizeof magnitude);
  return magnitude;
}

/* Σ (scale · value)² of `pieces` ≤ LANES pieces, of which the last may be short. */
BL_KERNEL static void squares_of_pieces(double squares[LANES], const float *values, size_t count, double scale) {
  const size_t pieces = (count + PIECE - 1) / PIECE, last = count - (pieces - 1) * PIECE;
  memset(squares, 0, LANES * sizeof *squares);
  for (size_t i = 0; i < PIECE; i++)
    for (size_t p = 0; p < (i < last ? pieces : pieces - 1); p++) {
      const double value = scale * values[p * PIECE + i];
      squares[p] += value * value;
    }
}

/* Norm of the gradient over all shards; exact sums are finite. Squares are taken relative to a power of two
 * near the largest element, which keeps them within the range of exact sums. */
static bl_status global_norm(double *norm, const bl_aggregator *aggregator) {
  const MPI_Comm comm = aggregator->sharing.owners->comm;
  bl_exact_sum *sum = aggregator->square;
  double square = 0, largest = (double)largest_magnitude(aggregator->gradient, aggregator->count);
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_DOUBLE, MPI_MAX, comm), comm));
  *norm = largest;
  if (largest == 0)
    return BL_OK;
  const double unit = ldexp(1, ilogb(largest));
  bl_exact_sum_clear(sum);
  for (size_t start = 0; start < aggregator->count; start += LANES * PIECE) {
    const size_t rest = aggregator->count - start, count = rest < LANES * PIECE ? rest : LANES * PIECE;
    double squares[LANES];
    squares_of_pieces(squares, aggregator->gradient + start, count, 1 / unit);
    for (size_t p = 0; p * PIECE < count; p++)
      bl_exact_sum_add_double(sum, 0, 1, &squares[p]);
  }
  BL_TRY(bl_exact_sum_allreduce(sum, comm));
  BL_TRY(bl_exact_sum_get_double(&square, sum, 0, 1, 1));
  *norm = unit * sqrt(square);
  return BL_OK;
}

/* On an owner: clip and step. */
static void owner_step(bl_aggregator *aggregator, double norm, double rate) {
  float *shard = aggregator->values + aggregator->first;
  bl_optimiser_step(&aggregator->optimiser, shard, aggregator->gradient, rate, bl_clip_scale(norm, aggregator->clip));
  if (aggregator->average)
    bl_moving_average_step(aggregator->average, shard, aggregator->count,
                           bl_moving_average_decay(aggregator->average_decay, aggregator->optimiser.steps));
}

/* Sum the gradient to the owners and find its norm and the means of the figures, on all ranks. */
static bl_status sum_up(bl_aggregator *aggregator, bl_step_report *report, int ranks, int terms) {
  const bl_sharing *sharing = &aggregator->sharing;
  const int owners = sharing->owners->size;
  BL_TRY(bl_exact_sum_share_out(aggregator->sum, aggregator->starts, aggregator->root, owners, sharing->gradient_comm));
  /* All ranks learn here whether a number was not finite. */
  BL_TRY(bl_exact_sum_get_double(report->figures, aggregator->sum, aggregator->table->count, BL_AGGREGATOR_FIGURES,
                                 1.0 / terms));
  report->norm = NAN; /* of owners that fail: then all do */
  if (sharing->owners->rank >= 0 &&
      bl_exact_sum_take(&aggregator->gradient, aggregator->sum, aggregator->first, aggregator->count, 1.0 / terms) == BL_OK)
    BL_TRY(global_norm(&report->norm, aggregator));
  if (owners < ranks)
    BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(&report->norm, 1, MPI_DOUBLE, aggregator->root[0], sharing->parameter_comm),
                               sharing->parameter_comm));
  return isfinite(report->norm) ? BL_OK : BL_ERROR_NUMERIC;
}

/* The shards of all owners, to all. */
static bl_status publish(bl_aggregator *aggregator, int ranks) {
  const MPI_Comm comm = aggregator->sharing.parameter_comm;
  if (aggregator->sharing.owners->size == 1)
    return BL_MPI(MPI_Bcast(aggregator->values, (int)aggregator->table->count, MPI_FLOAT, aggregator->root[0], comm));
  return ranks == 1 ? BL_OK
                    : BL_MPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, aggregator->values, aggregator->counts,
                                            aggregator->places, MPI_FLOAT, comm));
}

/* The step, when all gradients are there. Ranks wait for each other as seldom as can be: where a machine is shared, each
 * wait takes as long as the slowest to be given a processor. */
static bl_status step(bl_aggregator *aggregator, bl_step_report *report, double rate, int terms) {
  int ranks;
  const bool first_failure = bl_status_message()[0] == '\0';
  BL_TRY(BL_MPI(MPI_Comm_size(aggregator->sharing.gradient_comm, &ranks)));
  const bl_status status = sum_up(aggregator, report, ranks, terms);
  if (status == BL_OK && aggregator->sharing.owners->rank >= 0)
    owner_step(aggregator, report->norm, rate);
  if (ranks > 1 && status == BL_OK) {
    aggregator->gradient_bytes += (double)bl_exact_sum_sent(aggregator->sum);
    aggregator->parameter_bytes += (double)aggregator->count * (ranks - 1) * sizeof(float);
  }
  bl_exact_sum_clear(aggregator->sum); /* and with it the gradient */
  if (status == BL_ERROR_NUMERIC) {
    /* All ranks are here: the first tensor of any. */
    int first = aggregator->failing >= 0 ? aggregator->failing : INT_MAX;
    aggregator->failing = -1;
    BL_TRY(BL_MPI(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, aggregator->sharing.gradient_comm)));
    if (first_failure)
      bl_status_clear(); /* of the sum, which does not know what it sums */
    return bl_fail(
        BL_ERROR_NUMERIC,
        "the gradient of the %s, or its loss, is not finite or far too large%s%s: a smaller learning rate or a clip "
        "usually cures it",
        aggregator->name, first < INT_MAX ? ", first in " : "",
        first < INT_MAX ? aggregator->table->entries[first].name : "");
  }
  BL_TRY(status);
  return publish(aggregator, ranks);
}

bl_status bl_aggregator_step(bl_aggregator *aggregator, bl_step_report *report, double rate, int terms) {
  if (!bl_aggregator_is_member(aggregator))
    return BL_OK;
  bl_timing_begin(&aggregator->waiting);
  BL_TRY(bl_barrier_for("the sum of gradients", aggregator->sharing.gradient_comm));
  bl_timing_end(&aggregator->waiting);
  bl_timing_begin(&aggregator->stepping);
  const bl_status status = step(aggregator, report, rate, terms);
  bl_timing_end(&aggregator->stepping);
  return status;
}

bl_status bl_aggregator_account(const bl_aggregator *aggregator, const bl_timing *learning, MPI_Comm comm) {
  const bl_timing timings[] = {*learning, aggregator->waiting, aggregator->stepping};
  const bl_traffic traffic[] = {{"gradients", aggregator->gradient_bytes}, {"parameters", aggregator->parameter_bytes}};
  BL_TRY(bl_account_times(timings, 3, comm));
  return bl_account_traffic(traffic, 2, comm);
}

bool bl_aggregator_has(const bl_aggregator *aggregator, bl_aggregator_array which) {
  switch (which) {
    case BL_AGGREGATOR_AVERAGE:
      return aggregator->average_decay > 0;
    case BL_AGGREGATOR_FIRST:
      return aggregator->settings.kind == BL_OPTIMISER_ADAM;
    default:
      return true;
  }
}

/* This owner's part of an array. */
static float *shard_of(const bl_aggregator *aggregator, bl_aggregator_array which) {
  switch (which) {
    case BL_AGGREGATOR_AVERAGE:
      return aggregator->average;
    case BL_AGGREGATOR_FIRST:
      return aggregator->optimiser.first;
    case BL_AGGREGATOR_SECOND:
      return aggregator->optimiser.second;
    default:
      return aggregator->values + aggregator->first;
  }
}

bl_status bl_aggregator_gather(float *whole, const bl_aggregator *aggregator, bl_aggregator_array which, bool everywhere,
                               const bl_world *world) {
  const bl_group *owners = aggregator->sharing.owners;
  const size_t count = aggregator->table->count;
  BL_TRY(bl_barrier(world->comm));
  for (int owner = 0; owner < owners->size; owner++) {
    const size_t first = shard_start(count, owners->size, owner);
    const int size = (int)(shard_start(count, owners->size, owner + 1) - first);
    const int from = bl_group_world_rank(world, owners, owner);
    if (world->rank == from && from == 0)
      memcpy(whole + first, shard_of(aggregator, which), (size_t)size * sizeof *whole);
    else if (world->rank == from)
      BL_TRY(BL_MPI(MPI_Send(shard_of(aggregator, which), size, MPI_FLOAT, 0, 0, world->comm)));
    else if (world->rank == 0)
      BL_TRY(BL_MPI(MPI_Recv(whole + first, size, MPI_FLOAT, from, 0, world->comm, MPI_STATUS_IGNORE)));
  }
  return everywhere ? BL_MPI(MPI_Bcast(whole, (int)count, MPI_FLOAT, 0, world->comm)) : BL_OK;
}

bl_status bl_aggregator_values(const float **values, float *room, const bl_aggregator *aggregator, const bl_world *world) {
  const bool member = bl_aggregator_is_member(aggregator);
  const int root = bl_group_world_rank(world, aggregator->sharing.workers, 0);
  int outside = !member;
  *values = member ? aggregator->values : room;
  BL_TRY(BL_MPI_SYNCHRONISED(MPI_Allreduce(MPI_IN_PLACE, &outside, 1, MPI_INT, MPI_MAX, world->comm), world->comm));
  if (!outside)
    return BL_OK;
  float *buffer = world->rank == root ? aggregator->values : room;
  return BL_MPI(MPI_Bcast(buffer, (int)aggregator->table->count, MPI_FLOAT, root, world->comm));
}

bl_status bl_aggregator_steps(int64_t *steps, const bl_aggregator *aggregator, const bl_world *world) {
  const int root = bl_group_world_rank(world, aggregator->sharing.owners, 0);
  *steps = aggregator->optimiser.steps;
  return BL_MPI_SYNCHRONISED(MPI_Bcast(steps, 1, MPI_INT64_T, root, world->comm), world->comm);
}

void bl_aggregator_restore(bl_aggregator *aggregator, bl_aggregator_array which, const float *whole, int64_t steps) {
  if (!bl_aggregator_is_member(aggregator))
    return;
  aggregator->optimiser.steps = steps;
  if (which == BL_AGGREGATOR_VALUES)
    memcpy(aggregator->values, whole, aggregator->table->count * sizeof *aggregator->values);
  else if (shard_of(aggregator, which))
    memcpy(shard_of(aggregator, which), whole + aggregator->first, aggregator->count * sizeof *whole);
}

void bl_aggregator_set(bl_aggregator *aggregator, const float *values) {
  bl_aggregator_restore(aggregator, BL_AGGREGATOR_VALUES, values, 0);
  bl_aggregator_restore(aggregator, BL_AGGREGATOR_AVERAGE, values, 0);
  for (bl_aggregator_array which = BL_AGGREGATOR_FIRST; which <= BL_AGGREGATOR_SECOND; which++)
    if (shard_of(aggregator, which))
      memset(shard_of(aggregator, which), 0, aggregator->count * sizeof *values);
  bl_aggregator_set_start(aggregator, values);
}

void bl_aggregator_set_start(bl_aggregator *aggregator, const float *values) {
  if (aggregator->optimiser.start)
    memcpy(aggregator->optimiser.start, values + aggregator->first, aggregator->count * sizeof *values);
}
