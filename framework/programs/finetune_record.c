#include "programs/finetune_record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const bl_record_column of_run[] = {
    {"policy_loss", "1",
     "loss of the policy: mean of advantage times log-density, or, for learners from whole chains, of the cost of what is "
     "generated; mean over the round's policy steps"},
    {"gradient_norm", "1", "norm of the policy gradient before clipping, mean over the round's policy steps"},
    {"clip_rate", "1", "share of the round's policy steps whose gradient was clipped"},
    {"rate", "1", "learning rate of the policy"},
    {"seconds", "s", "wall-clock time of the round with all that was measured in it"},
    {"speed", "s-1", "generated samples per second"},
    {"peak_memory", "MiB", "peak resident memory so far of the rank that needs most"},
    {"distance", "1", "distance of generated samples to the data after the round, where it was measured"},
};

static const bl_record_column of_policy[] = {
    {"surrogate_before", "1", "mean of advantage times log-density over the round's transitions, before its policy steps"},
    {"surrogate_after", "1", "the same after the policy steps"},
    {"ratio_surrogate_before", "1", "mean of the advantage over the round's transitions"},
    {"ratio_surrogate_after", "1", "mean of advantage times probability ratio of new and old policy"},
    {"kl", "1", "KL divergence in nats of the new policy from the old one, mean over the round's transitions"},
    {"kl_most", "1", "the same, mean of the step of the chain where it is largest"},
    {"parameter_change", "1", "norm of the change of the model's parameters in the round"},
};

static const bl_record_column of_held_out[] = {
    {"ipm_held_out", "1",
     "critic's mean over generated minus over real samples that it does not learn from, before the policy steps"},
    {"ipm_held_out_after", "1", "the same by the same critic after the policy steps"},
};

static void add(bl_finetune_columns *columns, const bl_record_column *more, int count) {
  for (int i = 0; i < count; i++)
    columns->columns[columns->count++] = more[i];
}

/* Columns kl_step_1 and so on. */
static void add_steps(bl_finetune_columns *columns) {
  for (int i = 0; i < columns->policy_steps; i++) {
    char(*text)[160] = columns->texts[BL_JUDGE_MONITORS + i];
    snprintf(text[0], sizeof text[0], "kl_step_%d", i + 1);
    snprintf(text[1], sizeof text[1], "KL divergence in nats of new and old policy at step %d", i + 1);
    add(columns, &(bl_record_column){text[0], "1", text[1]}, 1);
  }
}

void bl_finetune_columns_list(bl_finetune_columns *columns, const bl_ring_plan *plan, const bl_options *options) {
  const bl_policy_method *method = plan->method;
  const bl_judge_kind *judge = method->learner->judge;
  const bl_judge_plan of_judge = {method, plan->judge_networks, plan->network_count - 1, plan->computation};
  memset(columns, 0, sizeof *columns);
  columns->judge = judge;
  columns->policy_steps = -1;
  add(columns, judge->columns, judge->column_count);
  add(columns, of_run, sizeof of_run / sizeof *of_run);
  columns->printed = columns->count;
  if (method->monitor_judge && judge->monitor != NULL) {
    bl_record_column monitored[BL_JUDGE_MONITORS];
    columns->judge_monitors = judge->monitor_columns(monitored, columns->texts, &of_judge);
    add(columns, monitored, columns->judge_monitors);
  }
  if (method->monitor_policy) {
    columns->policy_steps = method->steps < BL_POLICY_MONITOR_STEPS ? method->steps : BL_POLICY_MONITOR_STEPS;
    add(columns, of_policy, sizeof of_policy / sizeof *of_policy);
    add_steps(columns);
  }
  columns->held_out = options->monitor.held_out > 0;
  if (columns->held_out)
    add(columns, of_held_out, sizeof of_held_out / sizeof *of_held_out);
}

static void put(double **to, const double *values, int count) {
  for (int i = 0; i < count; i++)
    *(*to)++ = values[i];
}

/* In the order of bl_finetune_columns_list. */
void bl_finetune_columns_fill(double *values, const bl_finetune_columns *columns, const bl_finetune_row *row) {
  const bl_round_report *report = &row->report;
  const bl_policy_report *policy = &report->policy;
  put(&values, report->judge, columns->judge->column_count);
  put(&values,
      (double[]){report->policy_loss, report->norm, report->clip_rate, row->rate, row->seconds, row->speed, row->memory,
                 row->distance},
      sizeof of_run / sizeof *of_run);
  put(&values, report->monitor, columns->judge_monitors);
  if (columns->policy_steps >= 0) {
    put(&values,
        (double[]){policy->surrogate_before, policy->surrogate_after, policy->ratio_before, policy->ratio_after,
                   policy->divergence, policy->divergence_most, policy->change},
        sizeof of_policy / sizeof *of_policy);
    put(&values, policy->divergences, columns->policy_steps);
  }
  if (columns->held_out)
    put(&values, (double[]){row->held_out_before, row->held_out_after}, 2);
}

void bl_finetune_columns_print(char *line, size_t size, const bl_finetune_columns *columns, const bl_finetune_row *row,
                               int64_t round, int64_t rounds) {
  double values[BL_FINETUNE_COLUMNS];
  size_t used = (size_t)snprintf(line, size, "round=%lld rounds=%lld", (long long)round + 1, (long long)rounds);
  bl_finetune_columns_fill(values, columns, row);
  for (int i = 0; i < columns->printed && used < size; i++)
    if (!isnan(values[i]))
      used += (size_t)snprintf(line + used, size - used, " %s=%.6g", columns->columns[i].name, values[i]);
}

void bl_finetune_columns_show(char *text, size_t size, const bl_finetune_columns *columns, const bl_finetune_row *row) {
  const bl_judge_kind *judge = columns->judge;
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < judge->column_count && used < size; i++)
    if (judge->labels[i] != NULL)
      used += (size_t)snprintf(text + used, size - used, "%s %+.3f  ", judge->labels[i], row->report.judge[i]);
}
