#include "engine/profile.h"

#include "base/clock.h"
#include "base/memory.h"
#include "engine/cost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Times of all layers in all repetitions. */
typedef struct stopwatch {
  bl_graph *graph;
  int repeats;
  double *forward, *backward; /* (node_count + 1, repeats): of each layer, and last of the whole pass */
  double *copy;               /* (repeats) scratch */
  float *y, *d_values;
} stopwatch;

static bl_status start(stopwatch *w, bl_graph *graph, int repeats) {
  const size_t times = ((size_t)graph->node_count + 1) * (size_t)repeats;
  *w = (stopwatch){.graph = graph, .repeats = repeats};
  BL_TRY(bl_allocate(&w->forward, times, sizeof(double)));
  BL_TRY(bl_allocate(&w->backward, times, sizeof(double)));
  BL_TRY(bl_allocate(&w->copy, (size_t)repeats, sizeof(double)));
  BL_TRY(bl_allocate(&w->y, bl_tensor_count(graph->output), sizeof(float)));
  return bl_allocate(&w->d_values, bl_graph_parameters(graph)->count, sizeof(float));
}

static void stop(stopwatch *w) {
  bl_free(&w->forward);
  bl_free(&w->backward);
  bl_free(&w->copy);
  bl_free(&w->y);
  bl_free(&w->d_values);
}

/** Whole passes; the next ones, layer by layer, find x where these left it. */
static bl_status run_whole(double *forward, double *backward, stopwatch *w, const bl_graph_inputs *inputs) {
  const double begin = bl_clock_seconds();
  BL_TRY(bl_graph_forward(w->graph, w->y, inputs));
  const double middle = bl_clock_seconds();
  if (w->graph->mode == BL_GRAPH_TRAINING)
    BL_TRY(bl_graph_backward(w->graph, w->d_values, NULL, w->y));
  *forward = middle - begin;
  *backward = w->graph->mode == BL_GRAPH_TRAINING ? bl_clock_seconds() - middle : 0;
  return BL_OK;
}

static bl_status time_forward(stopwatch *w, const bl_graph_inputs *inputs, int repeat) {
  bl_graph *graph = w->graph;
  BL_TRY(bl_graph_take_memory(graph));
  bl_graph_set_inputs(graph, inputs);
  for (int i = 0; i < graph->node_count; i++) {
    const double begin = bl_clock_seconds();
    BL_TRY(bl_node_forward(graph, graph->nodes[i]));
    w->forward[i * w->repeats + repeat] = bl_clock_seconds() - begin;
  }
  return BL_OK;
}

/** Recompute what the backward of \a node needs, one result after the other: that time belongs to the layers that made it.
 */
static bl_status time_recomputation(stopwatch *w, const bl_node *node, int repeat) {
  bl_node part = *node;
  for (part.recompute_end = w->graph->recompute_done + 1; part.recompute_end <= node->recompute_end; part.recompute_end++) {
    const int maker = w->graph->recomputed[part.recompute_end - 1]->index;
    const double begin = bl_clock_seconds();
    BL_TRY(bl_node_bring_back(w->graph, &part));
    w->backward[maker * w->repeats + repeat] += bl_clock_seconds() - begin;
  }
  return BL_OK;
}

static bl_status time_backward(stopwatch *w, int repeat) {
  bl_graph *graph = w->graph;
  bl_status status = BL_OK;
  bl_tensor_to_plain(w->y, graph->output, graph->output->data); /* serves as its own gradient */
  bl_tensor_from_plain(graph->output->gradient, graph->output, w->y);
  graph->d_parameters = w->d_values;
  graph->d_x_wanted = false;
  for (int i = 0; i < graph->node_count; i++)
    w->backward[i * w->repeats + repeat] = 0;
  for (int i = graph->node_count - 1; i >= 0; i--) {
    if (graph->nodes[i]->output->depends_on_parameters)
      BL_GOTO(time_recomputation(w, graph->nodes[i], repeat));
    const double begin = bl_clock_seconds();
    BL_GOTO(bl_node_backward(graph, graph->nodes[i]));
    w->backward[i * w->repeats + repeat] += bl_clock_seconds() - begin;
  }
done:
  graph->d_parameters = NULL;
  return status;
}

static bl_status run(stopwatch *w, const bl_graph_inputs *inputs) {
  const int whole = w->graph->node_count * w->repeats;
  for (int i = -1; i < w->repeats; i++) {
    const int repeat = i < 0 ? 0 : i; /* the first one warms up */
    BL_TRY(run_whole(&w->forward[whole + repeat], &w->backward[whole + repeat], w, inputs));
    BL_TRY(time_forward(w, inputs, repeat));
    if (w->graph->mode == BL_GRAPH_TRAINING)
      BL_TRY(time_backward(w, repeat));
  }
  return BL_OK;
}

static int ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(const stopwatch *w, const double *seconds, int which) {
  memcpy(w->copy, seconds + which * w->repeats, (size_t)w->repeats * sizeof *w->copy);
  qsort(w->copy, (size_t)w->repeats, sizeof *w->copy, ascending);
  return 0.5 * (w->copy[w->repeats / 2] + w->copy[(w->repeats - 1) / 2]);
}

/** "mid.block_1.conv1" of "mid.block_1.conv1.weight", "mid.block_1.conv1.bias"; "lin1" of "lin1.lin.weight",
 * "lin1.embed.weight". */
static void name_row(bl_profile_row *row) {
  const bl_parameter *entries = row->node->output->graph->parameters.entries;
  if (row->node->parameters == 0) {
    snprintf(row->name, sizeof row->name, "%s", row->kind);
    return;
  }
  const char *first = entries[row->node->parameter[0]].name;
  size_t length = strlen(first);
  for (int i = 1; i < row->node->parameters; i++)
    for (size_t j = 0; j < length; j++)
      if (entries[row->node->parameter[i]].name[j] != first[j])
        length = j;
  while (length > 0 && first[length] != '.')
    length--;
  while (length > 0 && first[length - 1] == '.')
    length--;
  snprintf(row->name, sizeof row->name, "%.*s", (int)length, first);
}

static double longer(double a, double b) {
  return a > b ? a : b;
}

static void fill_row(bl_profile_row *row, const stopwatch *w, int i, const bl_machine *machine) {
  const bl_node *node = w->graph->nodes[i];
  *row = (bl_profile_row){.node = node, .kind = node->kind->name, .layers = 1};
  name_row(row);
  row->forward.seconds = median(w, w->forward, i);
  row->forward.flops = bl_cost_flops(node, BL_PASS_FORWARD);
  row->forward.bytes = bl_cost_bytes(node, false);
  row->forward.roofline = longer(row->forward.flops / machine->flops, row->forward.bytes / machine->bytes);
  if (w->graph->mode != BL_GRAPH_TRAINING)
    return;
  row->backward.seconds = median(w, w->backward, i);
  row->backward.flops = bl_cost_flops(node, BL_PASS_BACKWARD_DATA) + bl_cost_flops(node, BL_PASS_BACKWARD_WEIGHTS);
  row->backward.bytes = bl_cost_bytes(node, true);
  row->backward.roofline = longer(row->backward.flops / machine->flops, row->backward.bytes / machine->bytes);
}

void bl_profile_add(bl_profile_cost *sum, const bl_profile_cost *cost) {
  sum->seconds += cost->seconds;
  sum->flops += cost->flops;
  sum->bytes += cost->bytes;
  sum->roofline += cost->roofline;
}

static void add_row(bl_profile_row *sum, const bl_profile_row *row) {
  sum->layers += row->layers;
  bl_profile_add(&sum->forward, &row->forward);
  bl_profile_add(&sum->backward, &row->backward);
}

static void sum_up(bl_profile *profile) {
  for (int i = 0; i < profile->count; i++) {
    const bl_profile_row *row = &profile->rows[i];
    int kind = 0;
    while (kind < profile->kinds && strcmp(profile->by_kind[kind].kind, row->kind) != 0)
      kind++;
    if (kind == profile->kinds) {
      profile->kinds++;
      profile->by_kind[kind].kind = row->kind;
      snprintf(profile->by_kind[kind].name, sizeof profile->by_kind[kind].name, "%s", row->kind);
    }
    add_row(&profile->by_kind[kind], row);
    add_row(&profile->sum, row);
  }
}

bl_status bl_profile_create(bl_profile *profile, bl_graph *graph, const bl_machine *machine, const bl_graph_inputs *inputs,
                            int repeats) {
  stopwatch w = {0};
  bl_status status = BL_OK;
  *profile = (bl_profile){.machine = *machine, .count = graph->node_count, .sum = {.kind = "all", .name = "all"}};
  if (repeats < 1)
    return bl_fail(BL_ERROR_USAGE, "a profile of %d repetitions was asked for; it needs at least 1", repeats);
  BL_GOTO(bl_allocate(&profile->rows, (size_t)graph->node_count, sizeof *profile->rows));
  BL_GOTO(bl_allocate(&profile->by_kind, (size_t)graph->node_count, sizeof *profile->by_kind));
  BL_GOTO(start(&w, graph, repeats));
  BL_GOTO(run(&w, inputs));
  for (int i = 0; i < graph->node_count; i++)
    fill_row(&profile->rows[i], &w, i, machine);
  sum_up(profile);
  profile->forward = median(&w, w.forward, graph->node_count);
  profile->backward = median(&w, w.backward, graph->node_count);
done:
  stop(&w);
  if (status != BL_OK)
    bl_profile_destroy(profile);
  return status;
}

void bl_profile_destroy(bl_profile *profile) {
  bl_free(&profile->rows);
  bl_free(&profile->by_kind);
}
