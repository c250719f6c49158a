#include "base/memory.h"
#include "report/panel.h"
#include "table/cell.h"
#include "table/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CAPTION = 96, SIDE = 380, PANELS_A_LINE = 4 };

/* The panels of a picture, with a caption each. */
typedef struct panels {
  const bl_dataset *data;
  int count;
  bl_picture pictures[BL_TABLE_ROWS + 1];
  char captions[BL_TABLE_ROWS + 1][CAPTION];
} panels;

/* Captions are ASCII. */
static void write_caption(char *caption, const char *name, int64_t column) {
  snprintf(caption, CAPTION, "%.60s, %" PRId64 " steps", name, column);
  for (; *caption != '\0'; caption++)
    if ((unsigned char)*caption >= 0x7f)
      *caption = '?';
}

/* The cell of a row's first seed at \a column, or at its first column. NULL when it is not there. */
static const bl_table_cell *cell_of(const bl_table *table, const bl_table_row *row, int64_t column) {
  int64_t shown = row->columns.values[0];
  for (int i = 0; i < row->columns.count; i++)
    shown = row->columns.values[i] == column ? column : shown;
  for (int i = 0; i < table->count; i++) {
    const bl_table_cell *cell = &table->cells[i];
    if (cell->row == row && cell->column == shown && cell->seed == row->seeds.values[0] && cell->there)
      return cell;
  }
  return NULL;
}

static bl_status add_method(panels *p, const bl_table *table, const bl_table_cell *cell) {
  char path[BL_TABLE_PATH];
  bl_dataset samples;
  bl_table_cell_path(path, table, cell);
  BL_TRY(bl_dataset_read(&samples, path));
  bl_picture *picture = &p->pictures[p->count];
  const bl_status status = p->data->pixels
                               ? bl_panel_images(picture, p->data, samples.pixels, samples.count, BL_TABLE_IMAGES)
                               : bl_panel_points(picture, p->data, samples.points, samples.count, SIDE);
  bl_dataset_destroy(&samples);
  write_caption(p->captions[p->count++], cell->row->name, cell->column);
  return status;
}

static bl_status add_real(panels *p) {
  bl_picture *picture = &p->pictures[p->count];
  snprintf(p->captions[p->count++], CAPTION, "real");
  return p->data->pixels ? bl_panel_data(picture, p->data, BL_TABLE_IMAGES, BL_TABLE_IMAGES)
                         : bl_panel_points(picture, p->data, NULL, 0, SIDE);
}

/* Images below each other; points in lines of a few. */
static bl_status join(bl_picture *whole, const panels *p) {
  const char *captions[BL_TABLE_ROWS + 1], *none[BL_TABLE_ROWS + 1];
  bl_picture lines[BL_TABLE_ROWS + 1] = {0};
  int count = 0;
  bl_status status = BL_OK;
  for (int i = 0; i < p->count; i++) {
    captions[i] = p->captions[i];
    none[i] = "";
  }
  if (p->data->pixels)
    return bl_picture_stack(whole, p->pictures, captions, p->count);
  for (int i = 0; i < p->count && status == BL_OK; i += PANELS_A_LINE) {
    const int left = p->count - i;
    status = bl_picture_join(&lines[count++], p->pictures + i, captions + i, left < PANELS_A_LINE ? left : PANELS_A_LINE);
  }
  if (status == BL_OK)
    status = bl_picture_stack(whole, lines, none, count);
  for (int i = 0; i < count; i++)
    bl_picture_destroy(&lines[i]);
  return status;
}

static bl_status write_picture(const bl_table *table, int64_t column) {
  char path[BL_TABLE_PATH];
  bl_picture whole = {0};
  panels *p;
  bl_status status;
  BL_TRY(bl_allocate(&p, 1, sizeof *p));
  p->data = &table->meter.data;
  for (int i = 0; i < table->file->row_count; i++) {
    const bl_table_cell *cell = cell_of(table, &table->file->rows[i], column);
    if (cell)
      BL_GOTO(add_method(p, table, cell));
  }
  BL_GOTO(add_real(p));
  BL_GOTO(join(&whole, p));
  snprintf(path, sizeof path, "%s/grid-%" PRId64 ".png", table->output, column);
  status = bl_picture_write(&whole, path);
done:
  for (int i = 0; i < p->count; i++)
    bl_picture_destroy(&p->pictures[i]);
  bl_picture_destroy(&whole);
  bl_free(&p);
  return status;
}

bl_status bl_table_write_pictures(const bl_table *table) {
  const bl_dataset *data = &table->meter.data;
  const bl_table_list *columns = table->file->columns.count > 0 ? &table->file->columns : &table->file->rows[0].columns;
  if (data->pixels ? data->channels != 1 && data->channels != 3 : data->channels != 2)
    return BL_OK;
  for (int i = 0; i < columns->count; i++)
    BL_TRY(write_picture(table, columns->values[i]));
  return BL_OK;
}
