#include "roles/held_out.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"
#include "sampler/sampler.h"

#include <math.h>
#include <string.h>

/* The round that these draws pretend to be in, apart from those of learning and of measuring. */
static const uint32_t round_of_held_out = 0xfffffffeu;

/* Real samples in network units. */
static bl_status read_real(bl_held_out *h, const bl_dataset *data) {
  const char *path = h->options->data.test;
  bl_sample_file test;
  BL_TRY(bl_options_blame(h->options, "data.test", bl_sample_file_open(&test, path)));
  bl_status status;
  if (test.points != !data->pixels || test.channels != data->channels || test.height != data->height ||
      test.width != data->width)
    BL_GOTO(bl_fail(BL_ERROR_INPUT, "%s: samples are not like those of %s: other kind, channels or size", path,
                    h->options->data.file));
  h->real_count = test.count < h->count ? test.count : h->count;
  BL_GOTO(bl_allocate(&h->real, h->real_count * h->size, sizeof *h->real));
  status = bl_sample_file_get(h->real, &test, 0, h->real_count);
done:
  bl_sample_file_close(&test);
  return status;
}

static bl_status allocate(bl_held_out *h, const bl_network_shape *critic_shape) {
  const size_t policy = h->policy->table->count, critic = h->critic->table->count;
  BL_TRY(bl_network_create(&h->judge, critic_shape, h->options->learner.micro_batch, BL_GRAPH_INFERENCE, false));
  for (int i = 0; i < 2; i++)
    BL_TRY(bl_allocate(&h->generated[i], h->count * h->size, sizeof(float)));
  return bl_allocate(&h->parameters, policy > critic ? policy : critic, sizeof *h->parameters);
}

/* The network of the plan that is called so, 0 for none but θ. */
static int find_network(const bl_ring_plan *plan, const char *part) {
  for (int i = 1; i < plan->network_count; i++)
    if (strcmp(plan->networks[i].part, part) == 0)
      return i;
  return 0;
}

bl_status bl_held_out_create(bl_held_out *held_out, const bl_options *options, const bl_dataset *data,
                             const bl_links *links, bl_graph *sampler) {
  const MPI_Comm comm = links->world->comm;
  const int critic = find_network(links->plan, "critic");
  *held_out = (bl_held_out){.options = options,
                            .links = links,
                            .policy = &links->aggregators[0],
                            .critic = &links->aggregators[critic],
                            .sampler = sampler,
                            .count = (size_t)options->monitor.held_out,
                            .size = bl_dataset_sample_size(data)};
  if (held_out->count == 0)
    return BL_OK;
  if (critic == 0)
    return bl_options_reject(options, "monitor.held_out", "0 with a learner that has no critic");
  BL_AGREE(read_real(held_out, data), comm);
  return bl_agree(allocate(held_out, links->plan->networks[critic].shape), comm);
}

void bl_held_out_destroy(bl_held_out *held_out) {
  bl_graph_destroy(&held_out->judge);
  bl_free(&held_out->real);
  bl_free(&held_out->generated[0]);
  bl_free(&held_out->generated[1]);
  bl_free(&held_out->parameters);
}

/* Draw with the model as it is. Collective. */
static bl_status draw(bl_held_out *h, float *samples) {
  const MPI_Comm comm = h->links->world->comm;
  const float *values;
  BL_TRY(bl_aggregator_values(&values, h->parameters, h->policy, h->links->world));
  BL_AGREE(bl_graph_load(h->sampler, values), comm);
  return bl_sampler_draw(samples, 0, h->count, h->sampler, h->links->plan->chain, h->links->plan->condition,
                         (uint64_t)h->options->seed, round_of_held_out, (size_t)h->options->learner.micro_batch, NULL,
                         comm);
}

bl_status bl_held_out_begin(bl_held_out *held_out) {
  bl_held_out *h = held_out;
  if (h->count == 0)
    return BL_OK;
  if (h->drawn)
    memcpy(h->generated[0], h->generated[1], h->count * h->size * sizeof(float));
  else
    BL_TRY(draw(h, h->generated[0]));
  h->drawn = true;
  return BL_OK;
}

/* Add f of this rank's micro-batches to element `which` of the sum; the last one is filled up with zeros. */
static bl_status add(bl_exact_sum *sum, size_t which, bl_held_out *h, const float *samples, size_t count) {
  const size_t batch = (size_t)h->options->learner.micro_batch;
  float *x = NULL, *f = NULL;
  bl_status status;
  BL_GOTO(bl_allocate(&x, batch * h->size, sizeof *x));
  BL_GOTO(bl_allocate(&f, batch, sizeof *f));
  for (size_t m = (size_t)h->links->world->rank; m * batch < count; m += (size_t)h->links->world->size) {
    const size_t left = count - m * batch, held = left < batch ? left : batch;
    memset(x, 0, batch * h->size * sizeof *x);
    memcpy(x, samples + m * batch * h->size, held * h->size * sizeof *x);
    BL_GOTO(bl_graph_forward(h->judge, f, &(bl_graph_inputs){.x = x}));
    for (size_t b = 0; b < held; b++)
      bl_exact_sum_add(sum, which, 1, &f[b]);
  }
done:
  bl_free(&x);
  bl_free(&f);
  return status;
}

bl_status bl_held_out_estimate(double *before, double *after, bl_held_out *held_out) {
  bl_held_out *h = held_out;
  bl_exact_sum *sum = NULL;
  const float *values;
  double sums[3];
  *before = *after = NAN;
  if (h->count == 0)
    return BL_OK;
  BL_TRY(draw(h, h->generated[1]));
  BL_TRY(bl_aggregator_values(&values, h->parameters, h->critic, h->links->world));
  bl_status status = bl_exact_sum_create(&sum, 3);
  if (status == BL_OK)
    status = bl_graph_load(h->judge, values);
  if (status == BL_OK)
    status = add(sum, 0, h, h->generated[0], h->count);
  if (status == BL_OK)
    status = add(sum, 1, h, h->generated[1], h->count);
  if (status == BL_OK)
    status = add(sum, 2, h, h->real, h->real_count);
  BL_GOTO(bl_agree(status, h->links->world->comm));
  BL_GOTO(bl_exact_sum_allreduce(sum, h->links->world->comm));
  if (bl_exact_sum_get_double(sums, sum, 0, 3, 1) == BL_OK) {
    *before = sums[0] / (double)h->count - sums[2] / (double)h->real_count;
    *after = sums[1] / (double)h->count - sums[2] / (double)h->real_count;
  } else {
    bl_status_clear(); /* what is only watched does not end a run */
  }
done:
  bl_exact_sum_destroy(&sum);
  return status;
}
