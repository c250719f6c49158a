#include "metrics/score.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/exact_sum.h"

#include <math.h>

void bl_score_softmax(double *logits, int classes) {
  double largest = logits[0], sum = 0.0;
  for (int c = 1; c < classes; c++)
    largest = fmax(largest, logits[c]);
  for (int c = 0; c < classes; c++)
    sum += logits[c] = exp(logits[c] - largest);
  for (int c = 0; c < classes; c++)
    logits[c] /= sum;
}

/* p log p, 0 at 0. */
static double times_log(double p) {
  return p > 0.0 ? p * log(p) : 0.0;
}

double bl_score_of_sums(const double *sums, double negative_entropy, int classes, size_t images) {
  double divergence = negative_entropy / (double)images;
  for (int c = 0; c < classes; c++)
    divergence -= times_log(sums[c] / (double)images);
  return exp(divergence);
}

/* The blocks that are here: Σ p by class, then Σ p log p, rounded once a block. */
static void add_share(bl_exact_sum *sum, double *terms, double *probabilities, const bl_features *features,
                      const bl_feature_set *set) {
  const int classes = bl_features_classes(features);
  for (size_t block = (size_t)set->rank; block < set->blocks; block += (size_t)set->ranks) {
    for (int c = 0; c <= classes; c++)
      terms[c] = 0.0;
    for (size_t row = 0; row < bl_feature_set_rows(set, block); row++) {
      bl_features_classify(probabilities, features, bl_feature_set_block(set, block) + row * (size_t)set->size);
      bl_score_softmax(probabilities, classes);
      for (int c = 0; c < classes; c++) {
        terms[c] += probabilities[c];
        terms[classes] += times_log(probabilities[c]);
      }
    }
    bl_exact_sum_add_double(sum, 0, (size_t)classes + 1, terms);
  }
}

bl_status bl_score_compute(double *score, const bl_features *features, const bl_feature_set *set, MPI_Comm comm) {
  const int classes = bl_features_classes(features);
  const size_t count = (size_t)classes + 1;
  double *terms = NULL, *probabilities = NULL;
  bl_exact_sum *sum = NULL;
  bl_status status = bl_allocate(&terms, count, sizeof *terms);
  if (status == BL_OK)
    status = bl_allocate(&probabilities, count, sizeof *probabilities);
  if (status == BL_OK)
    status = bl_exact_sum_create(&sum, count);
  BL_GOTO(bl_agree(status, comm));
  add_share(sum, terms, probabilities, features, set);
  BL_GOTO(bl_exact_sum_allreduce(sum, comm));
  BL_GOTO(bl_exact_sum_get_double(terms, sum, 0, count, 1.0));
  *score = bl_score_of_sums(terms, terms[classes], classes, set->count);
done:
  bl_free(&terms);
  bl_free(&probabilities);
  bl_exact_sum_destroy(&sum);
  return status;
}
