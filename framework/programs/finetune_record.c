#include "programs/finetune_record.h"

#include "base/memory.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 32 + BL_LIPSCHITZ_LAYERS + BL_POLICY_MONITOR_STEPS, TEXT = 160 };

/* Where in a row the value of a column stands. */
#define IN_ROW(member) offsetof(bl_finetune_row, member)

typedef struct column {
  const char *name, *units, *long_name;
  size_t place;
} column;

struct bl_finetune_record {
  bl_record *record;
  int count;
  size_t places[COLUMNS];
  bl_record_column columns[COLUMNS];
  char texts[COLUMNS][2][TEXT]; /* names and long names that are made up */
};

static const column always[] = {
    {"value_loss", "1", "mean squared difference of value network and critic", IN_ROW(report.critic.value_loss)},
    {"penalty", "1", "gradient penalty, 0 where another regulariser is used", IN_ROW(report.critic.penalty)},
    {"spectral", "1", "spectral regulariser of the critic before its weight, 0 where that is 0; mean over the critic steps",
     IN_ROW(report.critic.spectral)},
    {"policy_loss", "1",
     "mean of advantage times log-density (backprop_chain: of the critic's value of what is generated), mean over the "
     "round's policy steps",
     IN_ROW(report.policy_loss)},
    {"gradient_norm", "1", "norm of the policy gradient before clipping, mean over the round's policy steps",
     IN_ROW(report.norm)},
    {"clip_rate", "1", "share of the round's policy steps whose gradient was clipped", IN_ROW(report.clip_rate)},
    {"critic_gradient_norm", "1", "norm of the critic's gradient, mean over the round's critic steps",
     IN_ROW(report.critic.norm)},
    {"rate", "1", "learning rate of the policy", IN_ROW(rate)},
    {"seconds", "s", "wall-clock time of the round with all that was measured in it", IN_ROW(seconds)},
    {"speed", "s-1", "generated samples per second", IN_ROW(speed)},
    {"peak_memory", "MiB", "peak resident memory so far of the rank that needs most", IN_ROW(memory)},
    {"distance", "1", "distance of generated samples to the data after the round, where it was measured", IN_ROW(distance)},
};

static const column of_policy[] = {
    {"surrogate_before", "1", "mean of advantage times log-density over the round's transitions, before its policy steps",
     IN_ROW(report.policy.surrogate_before)},
    {"surrogate_after", "1", "the same after the policy steps", IN_ROW(report.policy.surrogate_after)},
    {"ratio_surrogate_before", "1", "mean of the advantage over the round's transitions",
     IN_ROW(report.policy.ratio_before)},
    {"ratio_surrogate_after", "1", "mean of advantage times probability ratio of new and old policy",
     IN_ROW(report.policy.ratio_after)},
    {"kl", "1", "KL divergence in nats of the new policy from the old one, mean over the round's transitions",
     IN_ROW(report.policy.divergence)},
    {"kl_most", "1", "the same, mean of the step of the chain where it is largest", IN_ROW(report.policy.divergence_most)},
    {"parameter_change", "1", "norm of the change of the model's parameters in the round", IN_ROW(report.policy.change)},
};

static const column of_held_out[] = {
    {"ipm_held_out", "1",
     "critic's mean over generated minus over real samples that it does not learn from, before the "
     "policy steps",
     IN_ROW(held_out_before)},
    {"ipm_held_out_after", "1", "the same by the same critic after the policy steps", IN_ROW(held_out_after)},
};

static void add(bl_finetune_record *record, const column *columns, size_t count) {
  for (size_t i = 0; i < count; i++) {
    record->places[record->count] = columns[i].place;
    record->columns[record->count++] = (bl_record_column){columns[i].name, columns[i].units, columns[i].long_name};
  }
}

/* A column of a family: name_number. */
static void add_numbered(bl_finetune_record *record, const char *name, int number, const char *long_name, size_t place) {
  char(*text)[TEXT] = record->texts[record->count];
  snprintf(text[0], TEXT, "%s_%d", name, number);
  snprintf(text[1], TEXT, "%s %d", long_name, number);
  add(record, &(column){text[0], "1", text[1], place}, 1);
}

static void choose(bl_finetune_record *record, const bl_options_monitor *monitor, int layers, int steps) {
  /* "ipm" comes first and is a difference, not a place. */
  record->columns[record->count++] = (bl_record_column){
      "ipm", "1", "critic's mean over generated minus over real samples, mean over the round's critic steps"};
  add(record, always, sizeof always / sizeof *always);
  if (monitor->critic) {
    for (int i = 0; i < layers; i++)
      add_numbered(record, "critic_singular_value", i + 1, "largest singular value of the critic's layer",
                   IN_ROW(report.critic.norms) + (size_t)i * sizeof(double));
    add(record,
        &(column){"critic_lipschitz", "1",
                  "Lipschitz bound of the critic: product of the largest singular values of its layers",
                  IN_ROW(report.critic.lipschitz)},
        1);
  }
  if (monitor->policy) {
    add(record, of_policy, sizeof of_policy / sizeof *of_policy);
    for (int i = 0; i < steps && i < BL_POLICY_MONITOR_STEPS; i++)
      add_numbered(record, "kl_step", i + 1, "KL divergence in nats of new and old policy at step",
                   IN_ROW(report.policy.divergences) + (size_t)i * sizeof(double));
  }
  if (monitor->held_out > 0)
    add(record, of_held_out, sizeof of_held_out / sizeof *of_held_out);
}

void bl_finetune_row_print(char *line, size_t size, const bl_finetune_row *row, int64_t round, int64_t rounds) {
  size_t used = (size_t)snprintf(line, size, "round=%lld rounds=%lld ipm=%.6g", (long long)round + 1, (long long)rounds,
                                 bl_finetune_row_ipm(row));
  for (size_t i = 0; i < sizeof always / sizeof *always && used < size; i++) {
    double value;
    memcpy(&value, (const char *)row + always[i].place, sizeof value);
    if (!isnan(value))
      used += (size_t)snprintf(line + used, size - used, " %s=%.6g", always[i].name, value);
  }
}

double bl_finetune_row_ipm(const bl_finetune_row *row) {
  return row->report.critic.generated - row->report.critic.real;
}

bl_status bl_finetune_record_open(bl_finetune_record **record, const char *path, const bl_options *options, int layers,
                                  int steps, int64_t first_round, int64_t rounds, const bl_provenance *provenance) {
  BL_TRY(bl_allocate(record, 1, sizeof **record));
  choose(*record, &options->monitor, layers, steps);
  const bl_status status =
      bl_record_open(&(*record)->record, path, (*record)->columns, (*record)->count, first_round, rounds, provenance);
  if (status != BL_OK)
    bl_free(record);
  return status;
}

bl_status bl_finetune_record_append(bl_finetune_record *record, int64_t round, const bl_finetune_row *row) {
  double values[COLUMNS] = {bl_finetune_row_ipm(row)};
  for (int i = 1; i < record->count; i++)
    memcpy(&values[i], (const char *)row + record->places[i], sizeof values[i]);
  return bl_record_append(record->record, round, values);
}

bl_status bl_finetune_record_close(bl_finetune_record **record) {
  if (*record == NULL)
    return BL_OK;
  const bl_status status = bl_record_close(&(*record)->record);
  bl_free(record);
  return status;
}
