/* Progressive distillation on a Gaussian N(μ, s²), whose exact ε(z, t) = σ (z − α μ) / (α² s² + σ²) is linear in z, so that
 * a network of two conditional dense layers, a_t z + b_t, is an exact teacher. */
#include "learner/distill.h"

#include "base/memory.h"
#include "base/random.h"
#include "layer/layer.h"
#include "network/network.h"
#include "support/cmocka.h"
#include "support/whole_gradient.h"

#include <math.h>
#include <string.h>

enum { BATCH = 16, SIZE = 1, STEPS = 64 };

static const double mu = 0.4, spread = 0.3;

/* z ↦ a_t z + b_t. */
static bl_graph *linear_graph(bl_graph_mode mode) {
  bl_graph *graph = NULL;
  assert_int_equal(bl_graph_create(&graph, BATCH), BL_OK);
  bl_tensor *z = bl_input(graph, SIZE, 1, 1), *time = bl_input_time(graph);
  bl_tensor *factor = bl_conditional_dense(graph, z, time, "factor", SIZE, STEPS);
  bl_tensor *offset = bl_conditional_dense(graph, z, time, "offset", SIZE, STEPS);
  bl_output(graph, bl_add(graph, factor, offset));
  assert_int_equal(bl_graph_compile(graph, mode), BL_OK);
  return graph;
}

static void set(float *values, const bl_graph *graph, const char *name, size_t element, double value) {
  const bl_parameter *entry = bl_parameter_find(bl_graph_parameters(graph), name);
  assert_non_null(entry);
  values[entry->offset + element] = (float)value;
}

/* Give the graph the lines a_t and b_t. */
static void load_lines(bl_graph *graph, const double *factor, const double *offset) {
  float *values = NULL;
  assert_int_equal(bl_allocate(&values, bl_graph_parameters(graph)->count, sizeof *values), BL_OK);
  set(values, graph, "factor.lin.weight", 0, 1);
  set(values, graph, "offset.lin.bias", 0, 1);
  for (size_t t = 0; t < STEPS; t++) {
    set(values, graph, "factor.embed.weight", t, factor[t]);
    set(values, graph, "offset.embed.weight", t, offset[t]);
  }
  assert_int_equal(bl_graph_load(graph, values), BL_OK);
  bl_free(&values);
}

static double alpha_at(const bl_schedule *schedule, int t) {
  return t < 0 ? 1 : sqrt(schedule->alpha_bar[t]);
}

static double sigma_at(const bl_schedule *schedule, int t) {
  return t < 0 ? 0 : sqrt(1 - schedule->alpha_bar[t]);
}

/* The exact answer of a network of that kind, as a line. */
static void exact_line(double *factor, double *offset, const bl_schedule *schedule, int t, bl_prediction prediction) {
  const double alpha = alpha_at(schedule, t), sigma = sigma_at(schedule, t);
  const double variance = alpha * alpha * spread * spread + sigma * sigma;
  const double epsilon = sigma / variance, epsilon_0 = -sigma * alpha * mu / variance;
  const double x = alpha * spread * spread / variance, x_0 = mu - x * alpha * mu;
  switch (prediction) {
    case BL_PREDICTION_EPSILON:
      *factor = epsilon, *offset = epsilon_0;
      break;
    case BL_PREDICTION_X:
      *factor = x, *offset = x_0;
      break;
    case BL_PREDICTION_V:
      *factor = alpha * epsilon - sigma * x, *offset = alpha * epsilon_0 - sigma * x_0;
      break;
    case BL_PREDICTION_VELOCITY:
      *factor = epsilon - x, *offset = epsilon_0 - x_0;
      break;
  }
}

static bl_graph *exact_teacher(const bl_schedule *schedule, bl_prediction prediction) {
  bl_graph *graph = linear_graph(BL_GRAPH_INFERENCE);
  double factor[STEPS], offset[STEPS];
  for (int t = 0; t < STEPS; t++)
    exact_line(&factor[t], &offset[t], schedule, t, prediction);
  load_lines(graph, factor, offset);
  return graph;
}

/* DDIM in double precision, from z at t to s. */
static double ddim(double z, const bl_schedule *schedule, int t, int s) {
  double factor, offset;
  exact_line(&factor, &offset, schedule, t, BL_PREDICTION_EPSILON);
  const double epsilon = factor * z + offset;
  const double x = (z - sigma_at(schedule, t) * epsilon) / alpha_at(schedule, t);
  return alpha_at(schedule, s) * x + sigma_at(schedule, s) * epsilon;
}

/* The paper's formula for a step that ends at `end`. */
static double target_of(double end, double z, const bl_schedule *schedule, int t, int next) {
  const double ratio = sigma_at(schedule, next) / sigma_at(schedule, t);
  return (end - ratio * z) / (alpha_at(schedule, next) - ratio * alpha_at(schedule, t));
}

/* z that occur at the steps of the samples. */
static void draw(float *z, int *step, const bl_distill *method) {
  bl_random_normal(z, BATCH, (bl_draw){.seed = 3, .purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < BATCH; i++) {
    int t, middle, next;
    step[i] = i < method->steps
                  ? i
                  : (int)bl_random_below((uint32_t)method->steps,
                                         (bl_draw){.seed = 4, .purpose = BL_PURPOSE_TEST, .sample = (uint32_t)i});
    bl_distill_times(&t, &middle, &next, method, step[i]);
    const double alpha = alpha_at(method->schedule, t), sigma = sigma_at(method->schedule, t);
    z[i] = (float)(alpha * mu + z[i] * sqrt(alpha * alpha * spread * spread + sigma * sigma));
  }
}

static void steps_of_a_student_are_every_second_one(void **state) {
  (void)state;
  bl_schedule schedule;
  assert_int_equal(bl_schedule_create(&schedule, "linear", 1000, 1e-4, 0.02), BL_OK);
  const int counts[] = {1, 2, 4, 64, 125, 250, 256};
  for (int k = 0; k < 7; k++) {
    const bl_distill teacher = {.schedule = &schedule, .steps = 2 * counts[k]};
    const bl_distill student = {.schedule = &schedule, .steps = counts[k], .teacher_steps = 2 * counts[k]};
    int t, middle, next, first, second, ignored;
    for (int i = 0; i < counts[k]; i++) {
      bl_distill_times(&t, &middle, &next, &student, i);
      bl_distill_times(&first, &ignored, &second, &teacher, 2 * i + 1);
      assert_int_equal(t, first);
      assert_int_equal(middle, second);
      bl_distill_times(&first, &ignored, &second, &teacher, 2 * i);
      assert_int_equal(middle, first);
      assert_int_equal(next, second);
      assert_true(i > 0 || next == -1);
    }
    assert_int_equal(t, 999);
  }
  bl_schedule_destroy(&schedule);
}

/* Two steps of the exact teacher in double precision and the paper's quotient of differences. */
static void target_is_that_of_two_steps_of_ddim(void **state) {
  (void)state;
  bl_schedule schedule;
  float z[BATCH], target[BATCH], work[3 * BATCH];
  int step[BATCH];
  assert_int_equal(bl_schedule_create(&schedule, "cosine", STEPS, 1e-4, 0.02), BL_OK);
  for (int prediction = 0; prediction < 3; prediction++) {
    bl_graph *teacher = exact_teacher(&schedule, (bl_prediction)prediction);
    for (int steps = STEPS / 2; steps >= 1; steps /= 2) {
      const bl_distill method = {.schedule = &schedule,
                                 .teacher = teacher,
                                 .teacher_prediction = (bl_prediction)prediction,
                                 .teacher_steps = 2 * steps,
                                 .steps = steps};
      draw(z, step, &method);
      assert_int_equal(bl_distill_target(target, &method, z, step, NULL, BATCH, SIZE, work), BL_OK);
      for (int i = 0; i < BATCH; i++) {
        int t, middle, next;
        bl_distill_times(&t, &middle, &next, &method, step[i]);
        const double end = ddim(ddim((double)z[i], &schedule, t, middle), &schedule, middle, next);
        /* x from an answer ε is as wrong as ε times σ/α: 2e-4 at the noisiest of these steps. */
        const double tolerance = 1e-6 * (prediction == BL_PREDICTION_EPSILON ? fmax(1 / alpha_at(&schedule, t), 1) : 1);
        assert_near(target[i], target_of(end, (double)z[i], &schedule, t, next), tolerance);
      }
    }
    bl_graph_destroy(&teacher);
  }
  bl_schedule_destroy(&schedule);
}

/* The exact flow takes z at t to α″ μ + (z − α μ) √(variance″ / variance): the target of a fine teacher comes close to it,
 * and each doubling of the steps halves the distance (DDIM is of first order). */
static void target_of_many_steps_is_that_of_the_exact_flow(void **state) {
  (void)state;
  double errors[2];
  for (int k = 0; k < 2; k++) {
    bl_schedule schedule;
    float z[BATCH], target[BATCH], work[3 * BATCH];
    int step[BATCH];
    const int steps = k == 0 ? STEPS / 4 : STEPS / 2;
    assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-2, 0.1), BL_OK);
    bl_graph *teacher = exact_teacher(&schedule, BL_PREDICTION_X);
    const bl_distill method = {.schedule = &schedule,
                               .teacher = teacher,
                               .teacher_prediction = BL_PREDICTION_X,
                               .teacher_steps = 2 * steps,
                               .steps = steps};
    draw(z, step, &method);
    for (int i = 0; i < BATCH; i++)
      step[i] = steps - 1 - i * steps / BATCH / 2; /* the noisier half: at the end, the last step has σ″ = 0 */
    assert_int_equal(bl_distill_target(target, &method, z, step, NULL, BATCH, SIZE, work), BL_OK);
    errors[k] = 0;
    for (int i = 0; i < BATCH; i++) {
      int t, middle, next;
      bl_distill_times(&t, &middle, &next, &method, step[i]);
      const double alpha = alpha_at(&schedule, t), sigma = sigma_at(&schedule, t);
      const double alpha_next = alpha_at(&schedule, next), sigma_next = sigma_at(&schedule, next);
      const double grown = sqrt((alpha_next * alpha_next * spread * spread + sigma_next * sigma_next) /
                                (alpha * alpha * spread * spread + sigma * sigma));
      const double end = alpha_next * mu + ((double)z[i] - alpha * mu) * grown;
      errors[k] += fabs((double)target[i] - target_of(end, (double)z[i], &schedule, t, next)) / BATCH;
    }
    bl_graph_destroy(&teacher);
    bl_schedule_destroy(&schedule);
  }
  assert_true(errors[0] < 0.02);
  assert_true(errors[1] < 0.75 * errors[0] && errors[1] > 0.3 * errors[0]);
}

static void a_student_that_equals_two_steps_has_no_loss(void **state) {
  (void)state;
  bl_schedule schedule;
  float values[BATCH], work[7 * BATCH];
  int step[BATCH];
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-3, 0.15), BL_OK);
  bl_graph *teacher = exact_teacher(&schedule, BL_PREDICTION_EPSILON), *student = linear_graph(BL_GRAPH_TRAINING);
  bl_random_normal(values, BATCH, (bl_draw){.seed = 5, .purpose = BL_PURPOSE_TEST});
  for (int i = 0; i < BATCH; i++)
    values[i] = (float)(mu + spread * values[i]);
  assert_int_equal(bl_distill_work(BATCH, SIZE), 7 * BATCH);
  float *gradient = NULL;
  assert_int_equal(bl_allocate(&gradient, bl_graph_parameters(student)->count, sizeof *gradient), BL_OK);
  const bl_gradient_sink sink = whole_gradient(gradient);
  for (int prediction = 0; prediction < 3; prediction++) {
    for (int steps = 16; steps >= 1; steps /= 4) {
      const bl_distill method = {.schedule = &schedule,
                                 .teacher = teacher,
                                 .teacher_prediction = BL_PREDICTION_EPSILON,
                                 .prediction = (bl_prediction)prediction,
                                 .teacher_steps = 2 * steps,
                                 .steps = steps};
      double factor[STEPS] = {0}, offset[STEPS] = {0}, loss;
      for (int i = 0; i < steps; i++) {
        int t, middle, next;
        bl_distill_times(&t, &middle, &next, &method, i);
        double line[2];
        for (int z = 0; z < 2; z++) /* the target is a line too */
          line[z] = target_of(ddim(ddim(z, &schedule, t, middle), &schedule, middle, next), z, &schedule, t, next);
        const double alpha = alpha_at(&schedule, t), sigma = sigma_at(&schedule, t), slope = line[1] - line[0];
        factor[t] = prediction == BL_PREDICTION_X   ? slope
                    : prediction == BL_PREDICTION_V ? (alpha - slope) / sigma
                                                    : (1 - alpha * slope) / sigma;
        offset[t] = line[0] * (prediction == BL_PREDICTION_X   ? 1
                               : prediction == BL_PREDICTION_V ? -1 / sigma
                                                               : -alpha / sigma);
      }
      load_lines(student, factor, offset);
      const bl_sample_batch batch = {
          .values = values, .count = BATCH, .size = SIZE, .seed = 6, .round = (uint32_t)steps, .work = work};
      assert_int_equal(bl_distill_gradient(&sink, &loss, &method, student, &batch, step), BL_OK);
      assert_true(loss < 1e-9);
      /* And one that is off by a tenth has some. */
      factor[STEPS - 1] += 0.1;
      load_lines(student, factor, offset);
      if (steps == 1) {
        assert_int_equal(bl_distill_gradient(NULL, &loss, &method, student, &batch, step), BL_OK);
        assert_true(loss > 1e-4);
      }
    }
  }
  bl_free(&gradient);
  bl_graph_destroy(&student);
  bl_graph_destroy(&teacher);
  bl_schedule_destroy(&schedule);
}

/* A teacher with as many steps says what it predicts itself, whatever its student calls it. */
static void a_first_student_learns_the_same_in_other_words(void **state) {
  (void)state;
  bl_schedule schedule;
  float z[BATCH], target[BATCH], work[3 * BATCH];
  int step[BATCH];
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-3, 0.1), BL_OK);
  bl_graph *teacher = exact_teacher(&schedule, BL_PREDICTION_EPSILON);
  bl_distill method = {.schedule = &schedule, .teacher = teacher, .teacher_steps = 8, .steps = 8};
  draw(z, step, &method);
  assert_int_equal(bl_distill_target(target, &method, z, step, NULL, BATCH, SIZE, work), BL_OK);
  for (int i = 0; i < BATCH; i++) {
    int t, middle, next;
    double factor, offset;
    bl_distill_times(&t, &middle, &next, &method, step[i]);
    exact_line(&factor, &offset, &schedule, t, BL_PREDICTION_X);
    assert_near(target[i], factor * (double)z[i] + offset, 1e-5);
  }
  method.clip = true;
  for (int i = 0; i < BATCH; i++)
    z[i] = 50;
  assert_int_equal(bl_distill_target(target, &method, z, step, NULL, BATCH, SIZE, work), BL_OK);
  for (int i = 0; i < BATCH; i++)
    assert_near(target[i], 1, 0);
  bl_graph_destroy(&teacher);
  bl_schedule_destroy(&schedule);
}

/* The gradient against central differences of the loss, for each weight and each prediction. */
static void gradient_is_that_of_the_loss(void **state) {
  (void)state;
  bl_schedule schedule;
  float values[BATCH], work[7 * BATCH];
  int step[BATCH];
  assert_int_equal(bl_schedule_create(&schedule, "linear", STEPS, 1e-2, 0.1), BL_OK);
  bl_graph *teacher = exact_teacher(&schedule, BL_PREDICTION_EPSILON), *student = linear_graph(BL_GRAPH_TRAINING);
  const size_t count = bl_graph_parameters(student)->count;
  float *parameters = NULL, *gradient = NULL;
  assert_int_equal(bl_allocate(&parameters, count, sizeof *parameters), BL_OK);
  assert_int_equal(bl_allocate(&gradient, count, sizeof *gradient), BL_OK);
  const bl_gradient_sink sink = whole_gradient(gradient);
  bl_random_normal(values, BATCH, (bl_draw){.seed = 5, .purpose = BL_PURPOSE_TEST});
  const bl_sample_batch batch = {.values = values, .count = BATCH, .size = SIZE, .seed = 6, .round = 2, .work = work};
  for (int k = 0; k < 3 * BL_PREDICTIONS; k++) {
    const bl_distill method = {.schedule = &schedule,
                               .teacher = teacher,
                               .prediction = (bl_prediction)(k % BL_PREDICTIONS),
                               .weight = (bl_distill_weight)(k / BL_PREDICTIONS),
                               .teacher_steps = 8,
                               .steps = 4};
    double loss, above, below, error = 0, size = 0;
    memset(gradient, 0, count * sizeof *gradient);
    bl_parameter_initialise(parameters, bl_graph_parameters(student), 7);
    assert_int_equal(bl_graph_load(student, parameters), BL_OK);
    assert_int_equal(bl_distill_gradient(&sink, &loss, &method, student, &batch, step), BL_OK);
    for (size_t i = 0; i < count; i++) {
      const float held = parameters[i], change = 1e-2F;
      parameters[i] = held + change;
      assert_int_equal(bl_graph_load(student, parameters), BL_OK);
      assert_int_equal(bl_distill_gradient(NULL, &above, &method, student, &batch, step), BL_OK);
      parameters[i] = held - change;
      assert_int_equal(bl_graph_load(student, parameters), BL_OK);
      assert_int_equal(bl_distill_gradient(NULL, &below, &method, student, &batch, step), BL_OK);
      parameters[i] = held;
      const double expected = (above - below) / (2 * (double)change);
      error += ((double)gradient[i] - expected) * ((double)gradient[i] - expected);
      size += expected * expected;
    }
    assert_true(size > 0);
    assert_near(sqrt(error / size), 0, 1e-3);
  }
  bl_free(&parameters);
  bl_free(&gradient);
  bl_graph_destroy(&student);
  bl_graph_destroy(&teacher);
  bl_schedule_destroy(&schedule);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(steps_of_a_student_are_every_second_one),
                                     cmocka_unit_test(target_is_that_of_two_steps_of_ddim),
                                     cmocka_unit_test(target_of_many_steps_is_that_of_the_exact_flow),
                                     cmocka_unit_test(a_student_that_equals_two_steps_has_no_loss),
                                     cmocka_unit_test(a_first_student_learns_the_same_in_other_words),
                                     cmocka_unit_test(gradient_is_that_of_the_loss)};
  const int failed = cmocka_run_group_tests_name("distill", tests, NULL, NULL);
  return failed + (bl_memory_balance() != 0);
}
