#include "learner/supervised.h"

#include <math.h>

static bl_status classify_gradient(const bl_gradient_sink *sink, double *loss, bl_graph *graph, const bl_schedule *schedule,
                                   const bl_sample_batch *batch) {
  const size_t classes = bl_graph_output_size(graph);
  float *logits = batch->work, *d_logits = logits + batch->count * classes;
  double sum = 0;
  (void)schedule;
  if (!batch->labels)
    return bl_fail(BL_ERROR_INPUT, "data.file has no labels, which learner.name classify needs");
  BL_TRY(bl_graph_forward(graph, logits, &(bl_graph_inputs){.x = batch->values}));
  for (size_t i = 0; i < batch->count; i++) {
    const float *row = logits + i * classes;
    const size_t label = (size_t)batch->labels[i];
    double highest = row[0], total = 0;
    for (size_t c = 1; c < classes; c++)
      highest = fmax(highest, row[c]);
    for (size_t c = 0; c < classes; c++)
      total += exp(row[c] - highest);
    sum += log(total) + highest - row[label];
    for (size_t c = 0; c < classes; c++) {
      const double probability = exp(row[c] - highest) / total;
      d_logits[i * classes + c] = (float)((probability - (c == label)) / (double)batch->count);
    }
  }
  *loss = sum / (double)batch->count;
  return sink ? bl_graph_backward_to(graph, sink, d_logits) : BL_OK;
}

const bl_supervised bl_supervised_classify = {.name = "classify", .gradient = classify_gradient};
