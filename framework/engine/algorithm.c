#include "engine/algorithm.h"

#include "base/memory.h"
#include "parallel/agree.h"
#include "parallel/mpi_check.h"

#include <stdio.h>
#include <string.h>

/* The fixed rule, measured with oneDNN 2.6 on AVX-512 with bfloat16 at micro-batches of 1 to 64. */

enum { TILE = 4 /* Winograd's, pixels; at the lower and right edges it may hang over */ };

static int tiles_along(int pixels) {
  return (pixels + TILE - 1) / TILE;
}

bool bl_algorithm_winograd_fits(const bl_algorithm_case *problem) {
  return problem->blocked && problem->kernel == 3 && problem->stride == 1 && problem->pad_before == 1;
}

bl_algorithm bl_algorithm_fixed(const bl_algorithm_case *problem) {
  const int tiles = tiles_along(problem->height) * tiles_along(problem->width);
  const double full = (double)problem->height * problem->width / (TILE * TILE * tiles); /* share of tiles that is used */
  const bool winograd = bl_algorithm_winograd_fits(problem);
  /* Winograd's weights are transformed in every call, which many tiles must pay for. Backward data by Winograd is as fast
   * as direct from 16 tiles on (AVX2), and does with the forward pass's copy of the weights. */
  const int least = problem->pass == BL_PASS_FORWARD ? 32 : 16;
  /* On whole tiles of images that are not small it beats even bfloat16, which is twice as fast as the direct sum. */
  const bool large = full == 1 && problem->height * problem->width >= 64 && problem->in >= 64 && problem->out >= 64;
  if (problem->bf16 && !(winograd && large))
    return BL_ALGORITHM_BF16;
  return winograd && full > 0.6 && problem->batch * tiles >= least ? BL_ALGORITHM_WINOGRAD : BL_ALGORITHM_DIRECT;
}

/* The table */

static const char *const pass_names[BL_PASS_COUNT] = {"forward", "backward_data", "backward_weights"};
static const char *const algorithm_names[BL_ALGORITHM_COUNT] = {"direct", "winograd", "bf16"};

enum { LINE = 160 };

/* A case is known by its line of text, up to the chosen algorithm. */
struct bl_algorithms {
  char *text; /* (capacity), ended by 0 */
  size_t length, capacity;
  bool learns;
};

bl_status bl_algorithms_create(bl_algorithms **table) {
  *table = NULL;
  BL_TRY(bl_allocate(table, 1, sizeof **table));
  (*table)->learns = true;
  (*table)->capacity = LINE;
  const bl_status status = bl_allocate(&(*table)->text, (*table)->capacity, 1);
  if (status != BL_OK)
    bl_algorithms_destroy(table);
  return status;
}

void bl_algorithms_destroy(bl_algorithms **table) {
  if (*table == NULL)
    return;
  bl_free(&(*table)->text);
  bl_free(table);
}

static void print_case(char *line, const bl_algorithm_case *p) {
  snprintf(line, LINE, "%s batch %d channels %d %d pixels %d %d kernel %d stride %d padding %d %s%s: ", pass_names[p->pass],
           p->batch, p->in, p->out, p->height, p->width, p->kernel, p->stride, p->pad_before,
           p->blocked ? "blocked" : "plain", p->bf16 ? " or bf16" : "");
}

/** The line of \a problem from its algorithm on, or NULL. */
static const char *find_line(const bl_algorithms *table, const bl_algorithm_case *problem) {
  char line[LINE];
  print_case(line, problem);
  const size_t length = strlen(line);
  for (const char *at = table->text; *at != '\0'; at = strchr(at, '\n') + 1)
    if (strncmp(at, line, length) == 0)
      return at + length;
  return NULL;
}

/** The algorithm whose name and line end stand at \a text, or BL_ALGORITHM_COUNT. */
static bl_algorithm read_algorithm(const char *text) {
  int i = 0;
  for (; i < BL_ALGORITHM_COUNT; i++) {
    const size_t length = strlen(algorithm_names[i]);
    if (strncmp(text, algorithm_names[i], length) == 0 && text[length] == '\n')
      break;
  }
  return (bl_algorithm)i;
}

bool bl_algorithms_find(bl_algorithm *found, const bl_algorithms *table, const bl_algorithm_case *problem) {
  const char *line = find_line(table, problem);
  if (line == NULL)
    return false;
  *found = read_algorithm(line);
  return true;
}

bool bl_algorithms_learns(const bl_algorithms *table) {
  return table->learns;
}

static bl_status append(bl_algorithms *table, const char *text, size_t length) {
  if (table->length + length >= table->capacity) {
    char *grown = NULL;
    const size_t capacity = 2 * (table->capacity + length);
    BL_TRY(bl_allocate(&grown, capacity, 1));
    memcpy(grown, table->text, table->length);
    bl_free(&table->text);
    table->text = grown;
    table->capacity = capacity;
  }
  memcpy(table->text + table->length, text, length);
  table->length += length;
  table->text[table->length] = '\0';
  return BL_OK;
}

bl_status bl_algorithms_add(bl_algorithms *table, const bl_algorithm_case *problem, bl_algorithm chosen) {
  char line[LINE + 32];
  print_case(line, problem);
  strcat(strcat(line, algorithm_names[chosen]), "\n");
  return append(table, line, strlen(line));
}

const char *bl_algorithms_text(const bl_algorithms *table) {
  return table->text;
}

bl_status bl_algorithms_parse(bl_algorithms *table, const char *text) {
  for (const char *end; *text != '\0'; text = end + 1) {
    end = strchr(text, '\n');
    const char *colon = strchr(text, ':');
    if (end == NULL || colon == NULL || colon > end || end - text >= LINE + 16 ||
        read_algorithm(colon + 2) == BL_ALGORITHM_COUNT)
      return bl_fail(BL_ERROR_INPUT, "algorithms of convolutions: found '%.*s', expected a line such as '... : winograd'",
                     (int)(end == NULL ? strlen(text) : (size_t)(end - text)), text);
    BL_TRY(append(table, text, (size_t)(end - text) + 1));
  }
  return BL_OK;
}

bl_status bl_algorithms_share(bl_algorithms *table, MPI_Comm comm) {
  int rank = 0;
  unsigned long long length = table->length;
  char *text = NULL;
  BL_TRY(BL_MPI(MPI_Comm_rank(comm, &rank)));
  BL_TRY(BL_MPI(MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG_LONG, 0, comm)));
  BL_AGREE(bl_allocate(&text, (size_t)length + 1, 1), comm);
  if (rank == 0)
    memcpy(text, table->text, (size_t)length);
  const bl_status status = BL_MPI(MPI_Bcast(text, (int)length, MPI_CHAR, 0, comm));
  if (status == BL_OK) {
    bl_free(&table->text);
    table->text = text;
    table->length = (size_t)length;
    table->capacity = (size_t)length + 1;
    table->learns = false;
  } else {
    bl_free(&text);
  }
  return status;
}
