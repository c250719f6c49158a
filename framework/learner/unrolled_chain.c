#include "learner/unrolled_chain.h"

#include "base/kernel.h"
#include "base/memory.h"
#include "base/random.h"

#include <string.h>

bl_status bl_unrolled_chain_create(bl_unrolled_chain *unrolled, const bl_network_shape *shape, const bl_compute *compute,
                                   const bl_chain *chain, const bl_condition *condition, size_t micro_batch,
                                   bool keep_activations) {
  *unrolled = (bl_unrolled_chain){.chain = chain, .condition = condition, .micro_batch = micro_batch};
  const int count = keep_activations ? chain->steps : 1;
  BL_TRY(bl_allocate(&unrolled->graphs, (size_t)count, sizeof *unrolled->graphs));
  unrolled->graph_count = count;
  for (int i = 0; i < count; i++)
    BL_TRY(bl_network_create_with(&unrolled->graphs[i], shape, (int)micro_batch, BL_GRAPH_TRAINING, false, compute));
  unrolled->size = bl_graph_input_size(unrolled->graphs[0]);
  const size_t state = micro_batch * unrolled->size;
  BL_TRY(bl_allocate(&unrolled->states, ((size_t)chain->steps + 1) * state, sizeof *unrolled->states));
  BL_TRY(bl_allocate(&unrolled->gradient, bl_graph_parameters(unrolled->graphs[0])->count, sizeof *unrolled->gradient));
  BL_TRY(bl_allocate(&unrolled->conditions, micro_batch * bl_condition_size(condition) + 1, sizeof *unrolled->conditions));
  return bl_allocate(&unrolled->work, 3 * state + micro_batch, sizeof *unrolled->work);
}

void bl_unrolled_chain_destroy(bl_unrolled_chain *unrolled) {
  for (int i = 0; unrolled->graphs != NULL && i < unrolled->graph_count; i++)
    bl_graph_destroy(&unrolled->graphs[i]);
  bl_free(&unrolled->graphs);
  bl_free(&unrolled->states);
  bl_free(&unrolled->gradient);
  bl_free(&unrolled->conditions);
  bl_free(&unrolled->work);
}

bl_status bl_unrolled_chain_load(bl_unrolled_chain *unrolled, const float *values) {
  for (int i = 0; i < unrolled->graph_count; i++)
    BL_TRY(bl_graph_load(unrolled->graphs[i], values));
  return BL_OK;
}

static bl_graph *graph_of(const bl_unrolled_chain *unrolled, int step) {
  return unrolled->graphs[unrolled->graph_count > 1 ? step : 0];
}

static float *state_of(const bl_unrolled_chain *unrolled, int step) {
  return unrolled->states + (size_t)step * unrolled->micro_batch * unrolled->size;
}

/* What the network answers to x_t at a step, whose activations then stay in its graph. */
static bl_status predict(float *output, const bl_unrolled_chain *unrolled, int step) {
  float *time = unrolled->work + 3 * unrolled->micro_batch * unrolled->size;
  for (size_t b = 0; b < unrolled->micro_batch; b++)
    time[b] = unrolled->chain->time[step];
  return bl_graph_forward(
      graph_of(unrolled, step), output,
      &(bl_graph_inputs){.x = state_of(unrolled, step), .time = time, .condition = unrolled->conditions});
}

/* Normal numbers for every sample of the micro-batch. */
static void draw_normal(float *values, const bl_unrolled_chain *unrolled, bl_draw draw) {
  for (size_t b = 0; b < unrolled->micro_batch; b++, draw.sample++)
    bl_random_normal(values + b * unrolled->size, unrolled->size, draw);
}

bl_status bl_unrolled_chain_forward(float *origin, bl_unrolled_chain *unrolled, uint64_t seed, uint32_t round,
                                    uint32_t first_sample) {
  const size_t count = unrolled->micro_batch * unrolled->size;
  const int steps = unrolled->chain->steps;
  float *output = unrolled->work, *z = output + count;
  bl_draw draw = {.seed = seed, .purpose = BL_PURPOSE_PRIOR, .round = round, .sample = first_sample};
  BL_TRY(bl_condition_fill(unrolled->conditions, unrolled->condition, round, first_sample, unrolled->micro_batch));
  draw_normal(state_of(unrolled, 0), unrolled, draw);
  draw.purpose = BL_PURPOSE_TRANSITION;
  for (int i = 0; i < steps; i++) {
    BL_TRY(predict(output, unrolled, i));
    draw.step = (uint32_t)i;
    if (unrolled->chain->sigma[i] > 0)
      draw_normal(z, unrolled, draw);
    bl_chain_step(state_of(unrolled, i + 1), unrolled->chain, i, state_of(unrolled, i), output, z, unrolled->micro_batch,
                  unrolled->size);
  }
  memcpy(origin, state_of(unrolled, steps), count * sizeof *origin);
  return BL_OK;
}

BL_KERNEL static void scale(float *restrict scaled, const float *restrict x, float factor, size_t count) {
  for (size_t i = 0; i < count; i++)
    scaled[i] = factor * x[i];
}

/* x = factor · x + y. */
BL_KERNEL static void carry(float *restrict x, const float *restrict y, float factor, size_t count) {
  for (size_t i = 0; i < count; i++)
    x[i] = factor * x[i] + y[i];
}

BL_KERNEL static void add(float *restrict sum, const float *restrict x, size_t count) {
  for (size_t i = 0; i < count; i++)
    sum[i] += x[i];
}

bl_status bl_unrolled_chain_backward(float *d_parameters, bl_unrolled_chain *unrolled, const float *d_origin) {
  const bl_chain *chain = unrolled->chain;
  const size_t count = unrolled->micro_batch * unrolled->size;
  const size_t parameters = bl_graph_parameters(unrolled->graphs[0])->count;
  float *d_state = unrolled->work, *d_output = d_state + count, *through = d_output + count;
  memcpy(d_state, d_origin, count * sizeof *d_state);
  memset(d_parameters, 0, parameters * sizeof *d_parameters);
  for (int i = chain->steps - 1; i >= 0; i--) {
    if (unrolled->graph_count == 1) /* the activations of the last step are there, but a second pass gives the same bits */
      BL_TRY(predict(through, unrolled, i));
    scale(d_output, d_state, (float)chain->output[i], count);
    BL_TRY(bl_graph_backward(graph_of(unrolled, i), unrolled->gradient, i > 0 ? through : NULL, d_output));
    add(d_parameters, unrolled->gradient, parameters);
    if (i > 0)
      carry(d_state, through, (float)chain->state[i], count);
  }
  return BL_OK;
}

size_t bl_unrolled_chain_memory(const bl_unrolled_chain *unrolled) {
  size_t bytes = 0;
  for (int i = 0; i < unrolled->graph_count; i++)
    bytes += bl_graph_memory(unrolled->graphs[i]);
  return bytes;
}
