/* `beeline inspect --profile`: the time of each layer, for a person. */
#include "engine/profile.h"

#include "base/memory.h"
#include "base/print.h"
#include "network/network.h"
#include "programs/inspect.h"
#include "store/model.h"

#include <stdio.h>
#include <stdlib.h>

enum { LEAST_REPEATS = 5, MOST_REPEATS = 50, SHOWN = 10 };

/* What a network reads: x, times or steps, parameters. */
typedef struct input {
  float *x, *time, *condition, *values;
} input;

static bl_status create_input(input *in, const bl_graph *graph, const bl_model_header *header, const char *path) {
  const bl_parameter_table *table = bl_graph_parameters(graph);
  const size_t batch = (size_t)graph->batch, count = batch * bl_graph_input_size(graph);
  BL_TRY(bl_allocate(&in->x, count, sizeof(float)));
  BL_TRY(bl_allocate(&in->time, batch, sizeof(float)));
  BL_TRY(bl_allocate(&in->condition, batch * bl_graph_condition_size(graph), sizeof(float))); /* labels 0 */
  BL_TRY(bl_allocate(&in->values, table->count, sizeof(float)));
  bl_random_normal(in->x, count, (bl_draw){.purpose = BL_PURPOSE_TEST});
  const int steps = header->shape.steps > 0       ? header->shape.steps
                    : header->diffusion_steps > 0 ? header->diffusion_steps
                                                  : 1;
  for (size_t i = 0; i < batch; i++)
    in->time[i] = (float)(i * (size_t)steps / batch);
  return bl_model_read(path, &(bl_model_part){.name = "model", .table = table, .values = in->values}, 1);
}

static void destroy_input(input *in) {
  bl_free(&in->x);
  bl_free(&in->time);
  bl_free(&in->condition);
  bl_free(&in->values);
}

/* ---- The table: times in milliseconds a micro-batch ------------------------------------------------------------------ */

static double gap_of(const bl_profile_cost *cost) {
  return cost->seconds - cost->roofline;
}

static void show_cost(const bl_profile_cost *cost) {
  bl_print(" | %9.4f %7.1f %8.3f %9.4f %9.4f", 1e3 * cost->seconds,
           cost->seconds > 0 ? 1e-9 * cost->flops / cost->seconds : 0, 1e-6 * cost->bytes, 1e3 * cost->roofline,
           1e3 * gap_of(cost));
}

/* "64x8x8 > 128x4x4", or how many layers are summed. */
static void show_shape(const bl_profile_row *row) {
  char text[64];
  if (row->node != NULL) {
    const bl_tensor *x = row->node->input[0], *y = row->node->output;
    snprintf(text, sizeof text, "%dx%dx%d > %dx%dx%d", x->channels, x->height, x->width, y->channels, y->height, y->width);
  } else {
    snprintf(text, sizeof text, "%d layer%s", row->layers, row->layers == 1 ? "" : "s");
  }
  bl_print(" %-24s", text);
}

static void show_row(const bl_profile_row *row) {
  bl_print("  %-30s %-17s", row->name, row->kind);
  show_shape(row);
  show_cost(&row->forward);
  show_cost(&row->backward);
  bl_print("\n");
}

static void show_head(const char *first) {
  bl_print(
      "\n  %-30s %-17s %-24s | forward: ms  GFLOP/s   MB moved  roofline     gap | backward: ms GFLOP/s  MB moved  roofline"
      "     gap\n",
      first, "kind", "channels x height x width");
}

typedef struct gap {
  const bl_profile_row *row;
  bool backward;
  double seconds;
} gap;

static int by_gap(const void *a, const void *b) {
  const double x = ((const gap *)a)->seconds, y = ((const gap *)b)->seconds;
  return (x < y) - (x > y);
}

static bl_status show_gaps(const bl_profile *profile) {
  gap *gaps = NULL;
  const int count = 2 * profile->count;
  BL_TRY(bl_allocate(&gaps, (size_t)count, sizeof *gaps));
  for (int i = 0; i < count; i++) {
    const bl_profile_row *row = &profile->rows[i / 2];
    gaps[i] = (gap){row, i % 2 == 1, gap_of(i % 2 == 1 ? &row->backward : &row->forward)};
  }
  qsort(gaps, (size_t)count, sizeof *gaps, by_gap);
  const double all = gap_of(&profile->sum.forward) + gap_of(&profile->sum.backward);
  bl_print("\n  the largest gaps between time and roofline, of %.4f ms in all\n", 1e3 * all);
  for (int i = 0; i < count && i < SHOWN && gaps[i].seconds > 0; i++) {
    const bl_profile_row *row = gaps[i].row;
    bl_print("  %9.4f ms  %-8s  %-30s %-17s", 1e3 * gaps[i].seconds, gaps[i].backward ? "backward" : "forward", row->name,
             row->kind);
    show_shape(row);
    bl_print("\n");
  }
  bl_free(&gaps);
  return BL_OK;
}

static void show_pass(const char *name, const bl_profile_cost *sum, double whole, int batch) {
  bl_print("  %-9s sum of layers %.4f ms, roofline %.4f ms: %.2f times; the whole pass at once %.4f ms, %.4f ms a sample\n",
           name, 1e3 * sum->seconds, 1e3 * sum->roofline, sum->seconds / sum->roofline, 1e3 * whole, 1e3 * whole / batch);
}

static bl_status show(const bl_profile *profile, const bl_graph *graph, const char *path, int repeats) {
  bl_print("\n  %s: %zu parameters; a micro-batch of %d, median of %d\n", path, bl_graph_parameters(graph)->count,
           graph->batch, repeats);
  bl_print("  this process: direct convolution %.1f GFLOP/s, memory %.1f GB/s\n", 1e-9 * profile->machine.flops,
           1e-9 * profile->machine.bytes);
  show_head("layer");
  for (int i = 0; i < profile->count; i++)
    show_row(&profile->rows[i]);
  show_head("sum of");
  for (int i = 0; i < profile->kinds; i++)
    show_row(&profile->by_kind[i]);
  show_row(&profile->sum);
  BL_TRY(show_gaps(profile));
  bl_print("\n");
  show_pass("forward", &profile->sum.forward, profile->forward, graph->batch);
  show_pass("backward", &profile->sum.backward, profile->backward, graph->batch);
  bl_print("\n");
  return BL_OK;
}

bl_status bl_inspect_profile(const char *path, int batch) {
  bl_model_header header;
  bl_machine machine;
  bl_graph *graph = NULL;
  bl_profile profile = {0};
  input in = {NULL};
  bl_status status = BL_OK;
  BL_TRY(bl_model_read_header(&header, path));
  BL_TRY(bl_network_create(&graph, &header.shape, batch, BL_GRAPH_TRAINING, false));
  BL_GOTO(create_input(&in, graph, &header, path));
  BL_GOTO(bl_graph_load(graph, in.values));
  const bl_graph_inputs inputs = {.x = in.x, .time = in.time, .condition = in.condition};
  BL_GOTO(bl_machine_measure(&machine));
  BL_GOTO(bl_profile_create(&profile, graph, &machine, &inputs, LEAST_REPEATS));
  /* What is short is measured more often. */
  const double seconds = profile.forward + profile.backward;
  const int repeats = seconds * MOST_REPEATS > 2 ? LEAST_REPEATS : MOST_REPEATS;
  if (repeats > LEAST_REPEATS) {
    bl_profile_destroy(&profile);
    BL_GOTO(bl_profile_create(&profile, graph, &machine, &inputs, repeats));
  }
  BL_GOTO(show(&profile, graph, path, repeats));
done:
  bl_profile_destroy(&profile);
  destroy_input(&in);
  bl_graph_destroy(&graph);
  return status;
}
