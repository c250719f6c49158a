/* Heads of a frozen noise network: mean square errors against ε² or (ε − ε̂)² (Bao et al. 2022, equations 8 and 12), where
 * the network answers ε̂ and the head's guess. */
#include "diffusion/denoise.h"
#include "learner/supervised.h"

static bl_status gradient_of(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                             const bl_sample_batch *batch, bl_head head) {
  const size_t size = batch->size, total = batch->count * size;
  float *noise = batch->work, *noisy = noise + total, *answer = noisy + total, *d_answer = answer + 2 * total;
  float *time = d_answer + 2 * total;
  bl_denoise_input(noisy, noise, time, batch->values, schedule, batch->seed, batch->round, batch->first, true, batch->count,
                   size);
  bl_graph_set_dropout(graph, NULL);
  BL_TRY(bl_graph_forward(graph, answer, &(bl_graph_inputs){.x = noisy, .time = time, .condition = batch->condition}));
  double sum = 0;
  for (size_t j = 0; j < total; j++) {
    const size_t predicted = j / size * 2 * size + j % size, guess = predicted + size;
    const double gap = (double)answer[guess] - bl_head_target(head, (double)noise[j], (double)answer[predicted]);
    sum += gap * gap;
    d_answer[predicted] = 0;
    d_answer[guess] = (float)(2 * gap / (double)total);
  }
  *loss = sum / (double)total;
  return sink ? bl_graph_backward_to(graph, sink, d_answer) : BL_OK;
}

static bl_status sn_gradient(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                             const bl_sample_batch *batch) {
  return gradient_of(sink, loss, graph, schedule, batch, BL_HEAD_SN);
}

static bl_status npr_gradient(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                              const bl_sample_batch *batch) {
  return gradient_of(sink, loss, graph, schedule, batch, BL_HEAD_NPR);
}

static const bl_supervised sn = {.name = "sn", .gradient = sn_gradient};
static const bl_supervised npr = {.name = "npr", .gradient = npr_gradient};

const bl_supervised *bl_supervised_head(bl_head head) {
  return head == BL_HEAD_SN ? &sn : &npr;
}
