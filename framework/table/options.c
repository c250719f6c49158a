#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/wait.h"
#include "store/container.h"
#include "table/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TEXT = 64, MOST = 3 * BL_TABLE_SETTINGS + 256 };

/* Settings one after the other, and room for those that are made here. */
typedef struct pile {
  int count;
  bl_options_setting settings[MOST];
  char steps[TEXT], seed[TEXT], samples[TEXT];
  char output[BL_TABLE_PATH + TEXT], model[BL_TABLE_PATH + TEXT];
} pile;

static void add(pile *p, const char *text, const char *place) {
  p->settings[p->count++] = (bl_options_setting){.text = text, .place = place};
}

static void add_all(pile *p, const bl_table_settings *settings) {
  for (int i = 0; i < settings->count; i++)
    p->settings[p->count++] = settings->values[i];
}

/* Those of the command line come last and count most. */
static bl_status add_arguments(pile *p, const bl_invocation *invocation) {
  if (invocation->set_count > 256)
    return bl_fail(BL_ERROR_USAGE, "more than 256 overrides");
  for (int i = 0; i < invocation->set_count; i++)
    add(p, invocation->sets[i], NULL);
  return BL_OK;
}

static bl_status parse(bl_options **options, const bl_table_configuration *file, const pile *p) {
  return bl_options_parse_settings(options, file->path, file->text, file->size, p->count, p->settings);
}

static void add_seed(pile *p, const bl_table_list *seeds, int64_t seed) {
  snprintf(p->seed, sizeof p->seed, "seed=%" PRId64, seed);
  add(p, p->seed, seeds->place);
}

bl_status bl_table_options(bl_options **options, const bl_table *table) {
  const bl_table_list *seeds = &table->file->rows[0].seeds;
  pile *p;
  *options = NULL;
  BL_TRY(bl_allocate(&p, 1, sizeof *p));
  add_all(p, &table->file->settings);
  add_seed(p, seeds, seeds->values[0]);
  bl_status status = add_arguments(p, table->invocation);
  if (status == BL_OK)
    status = parse(options, &table->file->base, p);
  bl_free(&p);
  return status;
}

/* What the table's columns and seeds say stands; the command line may not change it. */
static bl_status check_said(const bl_options *options, const bl_table_cell *cell) {
  if (options->seed != cell->seed)
    return bl_options_reject(options, "seed", "the table's seeds, which its file lists");
  if (options->sampler.steps != cell->column)
    return bl_options_reject(options, "sampler.steps", "the table's columns, which its file lists");
  return BL_OK;
}

static bl_status fill(pile *p, const bl_table *table, const bl_table_cell *cell, bl_table_purpose purpose) {
  const bl_table_file *file = table->file;
  if (cell->row->finetune.path == NULL)
    add_all(p, &file->settings);
  add_all(p, &cell->row->settings);
  snprintf(p->steps, sizeof p->steps, "sampler.steps=%" PRId64, cell->column);
  add(p, p->steps, cell->row->columns.place);
  add_seed(p, &cell->row->seeds, cell->seed);
  snprintf(p->samples, sizeof p->samples, "sampler.count=%" PRId64, file->samples);
  add(p, p->samples, file->samples_place);
  BL_TRY(add_arguments(p, table->invocation));
  if (purpose == BL_TABLE_TUNE) {
    snprintf(p->output, sizeof p->output, "output=%s", cell->folder);
    add(p, "sampler.count=1", NULL); /* more samples in the table do not ask for another fine-tuning */
    add(p, p->output, NULL);
  } else if (purpose == BL_TABLE_DRAW && cell->row->finetune.path != NULL) {
    snprintf(p->model, sizeof p->model, "model.file=%s/model.nc", cell->folder);
    add(p, p->model, NULL);
  }
  return BL_OK;
}

bl_status bl_table_cell_options(bl_options **options, const bl_table *table, const bl_table_cell *cell,
                                bl_table_purpose purpose) {
  pile *p;
  *options = NULL;
  BL_TRY(bl_allocate(&p, 1, sizeof *p));
  bl_status status = fill(p, table, cell, purpose);
  if (status == BL_OK)
    status = parse(options, cell->row->finetune.path != NULL ? &cell->row->finetune : &table->file->base, p);
  bl_free(&p);
  if (status == BL_OK)
    status = check_said(*options, cell);
  if (status != BL_OK)
    bl_options_destroy(options);
  return status;
}

/* ---- What a cell depends on -------------------------------------------------------------------------------------------
 */

/* Files whose checksum is known. */
typedef struct checksums {
  int count;
  struct {
    char path[BL_TABLE_PATH];
    uint32_t crc;
  } files[64];
} checksums;

static bl_status checksum(uint32_t *crc, checksums *known, const char *path) {
  for (int i = 0; i < known->count; i++)
    if (strcmp(known->files[i].path, path) == 0) {
      *crc = known->files[i].crc;
      return BL_OK;
    }
  BL_TRY(bl_container_checksum(crc, path));
  if (known->count < (int)(sizeof known->files / sizeof known->files[0])) {
    snprintf(known->files[known->count].path, BL_TABLE_PATH, "%s", path);
    known->files[known->count++].crc = *crc;
  }
  return BL_OK;
}

/* "data.file 1a2b3c4d, " for every input of \a options that a key of \a wanted names, by its beginning. */
static bl_status describe(char *text, size_t size, checksums *known, const bl_options *options, const char *const *wanted) {
  char path[BL_TABLE_PATH];
  const char *key;
  for (int i = 0; bl_options_input(&key, path, sizeof path, options, i); i++) {
    int k = 0;
    while (wanted[k] != NULL && strncmp(key, wanted[k], strlen(wanted[k])) != 0)
      k++;
    if (wanted[k] == NULL || path[0] == '\0')
      continue;
    uint32_t crc;
    BL_TRY(bl_options_blame(options, key, checksum(&crc, known, path)));
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "%s %08" PRIx32 ", ", key, crc);
  }
  return BL_OK;
}

/* The folder of a fine-tuning. Another configuration or another model to start from is another fine-tuning. */
static void name_folder(bl_table_cell *cell, const bl_table *table, const char *digest, const char *files) {
  uint32_t name = 2166136261U;
  for (int pass = 0; pass < 2; pass++)
    for (const char *at = pass == 0 ? digest : files; *at != '\0'; at++)
      name = (name ^ (unsigned char)*at) * 16777619U; /* FNV-1a */
  snprintf(cell->folder, sizeof cell->folder, "%s/finetune/%s-nfe%" PRId64 "-seed%" PRId64 "-%08" PRIx32, table->output,
           cell->row->slug, cell->column, cell->seed, name);
}

/* That of an earlier version where there is one. */
static bl_status choose_folder(bl_table_cell *cell, const bl_table *table, checksums *known) {
  static const char *const learned[] = {"model.", "sampler.", "data.file", NULL};
  char files[512] = "", digest[BL_OPTIONS_DIGEST];
  bl_options *options;
  BL_TRY(bl_table_cell_options(&options, table, cell, BL_TABLE_TUNE));
  const bl_status status = describe(files, sizeof files, known, options, learned);
  int rule = BL_OPTIONS_RULES;
  do {
    bl_options_digest_by(digest, options, "", --rule);
    name_folder(cell, table, digest, files);
  } while (rule > 0 && access(cell->folder, F_OK) != 0);
  bl_options_destroy(&options);
  return status;
}

/* On rank 0: digests, checksums and the folder of the fine-tuning. */
static bl_status identify(bl_table_cell *cell, const bl_table *table, checksums *known) {
  static const char *const drawn[] = {"model.", "sampler.", NULL};
  static const char *const measured[] = {"data.file", "metrics.classifier", NULL};
  char metrics[BL_OPTIONS_DIGEST], files[sizeof *cell->inputs] = "";
  bl_options *options;
  BL_TRY(bl_table_cell_options(&options, table, cell, BL_TABLE_CELL));
  bl_status status = describe(files, sizeof files, known, options, drawn);
  if (status == BL_OK)
    status = describe(files, sizeof files, known, table->options, measured);
  for (int rule = 0; rule < BL_OPTIONS_RULES; rule++) {
    bl_options_digest_by(cell->digests[rule], options, "", rule);
    bl_options_digest_by(metrics, table->options, "metrics", rule);
    snprintf(cell->inputs[rule], sizeof *cell->inputs, "%.480smetrics %s", files, metrics);
  }
  bl_options_destroy(&options);
  BL_TRY(status);
  return cell->row->finetune.path == NULL ? BL_OK : choose_folder(cell, table, known);
}

static int most_seeds(const bl_table_file *file) {
  int most = 0;
  for (int i = 0; i < file->row_count; i++)
    most = file->rows[i].seeds.count > most ? file->rows[i].seeds.count : most;
  return most;
}

static bl_status identify_all(bl_table *table) {
  checksums *known;
  BL_TRY(bl_allocate(&known, 1, sizeof *known));
  bl_status status = BL_OK;
  for (int i = 0; i < table->count && status == BL_OK; i++)
    status = identify(&table->cells[i], table, known);
  bl_free(&known);
  return status;
}

bl_status bl_table_list_cells(bl_table *table) {
  const MPI_Comm comm = table->invocation->comm;
  const bl_table_file *file = table->file;
  size_t count = 0;
  for (int i = 0; i < file->row_count; i++)
    count += (size_t)file->rows[i].columns.count * (size_t)file->rows[i].seeds.count;
  BL_AGREE(bl_allocate(&table->cells, count, sizeof *table->cells), comm);
  /* Seed by seed, so that a table of one seed is complete early. */
  for (int s = 0; s < most_seeds(file); s++)
    for (int i = 0; i < file->row_count; i++)
      for (int c = 0; c < file->rows[i].columns.count && s < file->rows[i].seeds.count; c++)
        table->cells[table->count++] = (bl_table_cell){
            .row = &file->rows[i], .column = file->rows[i].columns.values[c], .seed = file->rows[i].seeds.values[s]};
  BL_AGREE(table->rank == 0 ? identify_all(table) : BL_OK, comm);
  for (int i = 0; i < table->count; i++)
    BL_TRY(BL_MPI_SYNCHRONISED(MPI_Bcast(table->cells[i].folder, BL_TABLE_PATH, MPI_CHAR, 0, comm), comm));
  return BL_OK;
}
