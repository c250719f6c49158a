#include "programs/step_record.h"

#include "base/clock.h"
#include "base/memory.h"
#include "parallel/agree.h"

#include <math.h>
#include <stdio.h>

enum { PATH_LENGTH = 4096 };

/* The first one only where there are students. */
enum { COLUMN_STEPS, COLUMN_LOSS, COLUMN_NORM, COLUMN_RATE, COLUMN_SECONDS, COLUMN_SPEED, COLUMNS };

static int first_column(const bl_step_record *record) {
  return record->plan.students ? COLUMN_STEPS : COLUMN_LOSS;
}

static bl_status open_file(bl_step_record *record) {
  const bl_run *run = record->run;
  const int first = first_column(record);
  const bl_record_column columns[COLUMNS] = {
      [COLUMN_STEPS] = {"steps", "1", "steps of the student"},
      [COLUMN_LOSS] = {"loss", "1", record->plan.loss},
      [COLUMN_NORM] = {"gradient_norm", "1", "mean norm of the gradient before clipping, since the row before"},
      [COLUMN_RATE] = {"rate", "1", "learning rate"},
      [COLUMN_SECONDS] = {"seconds", "s", "wall-clock time since the row before, or since the run went on"},
      [COLUMN_SPEED] = {"speed", "s-1", "samples per second since the row before"}};
  char path[PATH_LENGTH];
  if (run->world.rank != 0)
    return BL_OK;
  bl_run_path(path, sizeof path, run, "record.nc");
  return bl_record_open(&record->record, path, columns + first, COLUMNS - first, run->first_round, run->rounds,
                        &run->provenance);
}

bl_status bl_step_record_open(bl_step_record *record, bl_run *run, const bl_step_record_plan *plan) {
  *record = (bl_step_record){.plan = *plan, .run = run, .loss = NAN};
  BL_AGREE(open_file(record), run->world.comm);
  record->since = bl_clock_seconds();
  return bl_progress_start(&record->progress, plan->title, run->first_round, run->rounds);
}

void bl_step_record_add(bl_step_record *record, const bl_step_report *report) {
  bl_model_header *sums = &record->run->header;
  sums->row_sums[0] += report->figures[0];
  sums->row_sums[1] += report->norm;
  sums->row_steps++;
  record->timed++;
}

/* The line for logs, and the bar. */
static void show(const bl_step_record *record, const double row[COLUMNS], int64_t round, int steps) {
  const bl_run *run = record->run;
  char student[32] = "", rest[96];
  if (record->plan.students)
    snprintf(student, sizeof student, "steps=%d ", steps);
  bl_run_row(rest, sizeof rest, run, round);
  bl_progress_row(record->progress,
                  "program=%s round=%lld rounds=%lld %sloss=%.6g gradient_norm=%.6g rate=%.6g seconds=%.4g speed=%.6g "
                  "peak_memory=%.1f %s",
                  record->plan.program, (long long)round + 1, (long long)run->rounds, student, row[COLUMN_LOSS],
                  row[COLUMN_NORM], row[COLUMN_RATE], row[COLUMN_SECONDS], row[COLUMN_SPEED],
                  (double)bl_memory_peak() / 1048576, rest);
  if (record->plan.students)
    snprintf(student, sizeof student, "%d steps  ", steps);
  bl_progress_update(record->progress, round + 1, "%sloss %.4g  norm %.3g  %.0f samples/s", student, row[COLUMN_LOSS],
                     row[COLUMN_NORM], row[COLUMN_SPEED]);
}

/* On rank 0, as long as it can be written. */
static bl_status append(bl_step_record *record, int64_t round, const double *row) {
  if (!record->record || !bl_run_has_record(record->run))
    return BL_OK;
  return bl_run_appended(record->run, bl_record_append(record->record, round, row), round);
}

bl_status bl_step_record_row(bl_step_record *record, int64_t round, double rate, int steps) {
  bl_model_header *sums = &record->run->header;
  const double now = bl_clock_seconds(), count = (double)sums->row_steps, seconds = now - record->since;
  const double samples = (double)(record->timed * record->run->options->learner.batch);
  const double row[COLUMNS] = {[COLUMN_STEPS] = steps,
                               [COLUMN_LOSS] = sums->row_sums[0] / count,
                               [COLUMN_NORM] = sums->row_sums[1] / count,
                               [COLUMN_RATE] = rate,
                               [COLUMN_SECONDS] = seconds,
                               [COLUMN_SPEED] = samples / fmax(seconds, 1e-9)};
  show(record, row, round, steps);
  record->loss = row[COLUMN_LOSS];
  record->since = now;
  record->timed = sums->row_steps = 0;
  sums->row_sums[0] = sums->row_sums[1] = 0;
  return bl_agree(append(record, round, row + first_column(record)), record->run->world.comm);
}

void bl_step_record_close(bl_step_record *record) {
  bl_progress_finish(&record->progress);
  (void)bl_record_close(&record->record);
}
