/* Operations of oneDNN made ready to run: operands in the caller's formats, all scratch planned by the caller. */
#include "base/clock.h"
#include "base/memory.h"
#include "engine/onednn.h"

enum { ALIGNMENT = 16 /* floats */ };

struct bl_primitive {
  bl_backend *backend; /* borrowed */
  dnnl_primitive_t primitive;
  int operands;
  struct {
    bl_argument argument;
    dnnl_memory_t memory;     /* as the primitive wants it */
    dnnl_memory_t ours;       /* or NULL when that is the caller's format */
    dnnl_primitive_t reorder; /* between the two */
    size_t offset;            /* of `memory` in scratch, floats */
    const float *pointer;     /* the caller's memory of the latest run */
  } operand[BL_PRIMITIVE_OPERANDS];
  dnnl_memory_t scratchpad;
  size_t scratchpad_offset;
  const float *scratch_pointer;
  size_t scratch; /* floats needed in all */
};

/** Reserve scratch for \a bytes. \return its offset in floats. */
static size_t reserve(bl_primitive *primitive, size_t bytes) {
  const size_t offset = primitive->scratch, floats = (bytes + sizeof(float) - 1) / sizeof(float);
  primitive->scratch += (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return offset;
}

static bl_status create_reorder(dnnl_primitive_t *reorder, bl_backend *backend, const bl_format *x, const bl_format *y) {
  bl_operation *operation = NULL;
  BL_TRY(bl_operation_reorder(&operation, backend, x, y));
  const dnnl_status_t status = dnnl_primitive_create(reorder, operation->description);
  bl_operation_destroy(&operation);
  return bl_dnnl_check(status, "dnnl_primitive_create (reorder)");
}

static bl_status add_operand(bl_primitive *primitive, const bl_format *wanted, const bl_operand *operand) {
  bl_backend *backend = primitive->backend;
  const bool writes = bl_onednn_writes(operand->argument);
  const int i = primitive->operands++;
  primitive->operand[i].argument = operand->argument;
  BL_DNNL(dnnl_memory_create(&primitive->operand[i].memory, wanted->memory, backend->engine, DNNL_MEMORY_NONE));
  if (operand->format == NULL || bl_format_equal(wanted, operand->format))
    return BL_OK;
  primitive->operand[i].offset = reserve(primitive, bl_format_bytes(wanted));
  BL_DNNL(dnnl_memory_create(&primitive->operand[i].ours, operand->format->memory, backend->engine, DNNL_MEMORY_NONE));
  return create_reorder(&primitive->operand[i].reorder, backend, writes ? wanted : operand->format,
                        writes ? operand->format : wanted);
}

static bl_status add_scratchpad(bl_primitive *primitive, const bl_operation *operation) {
  const bl_onednn_memory memory = dnnl_primitive_desc_query_md(operation->description, dnnl_query_scratchpad_md, 0);
  const size_t bytes = memory == NULL ? 0 : dnnl_memory_desc_get_size(memory);
  if (bytes == 0)
    return BL_OK;
  primitive->scratchpad_offset = reserve(primitive, bytes);
  BL_DNNL(dnnl_memory_create(&primitive->scratchpad, memory, primitive->backend->engine, DNNL_MEMORY_NONE));
  return BL_OK;
}

bl_status bl_primitive_create(bl_primitive **primitive, const bl_operation *operation, const bl_operand *operands,
                              int count) {
  bl_status status = BL_OK;
  BL_TRY(bl_allocate(primitive, 1, sizeof **primitive));
  (*primitive)->backend = operation->backend;
  BL_GOTO(bl_dnnl_check(dnnl_primitive_create(&(*primitive)->primitive, operation->description), "dnnl_primitive_create"));
  for (int i = 0; i < count; i++) {
    const bl_format *wanted = NULL;
    BL_GOTO(bl_operation_format(&wanted, operation, operands[i].argument));
    BL_GOTO(add_operand(*primitive, wanted, &operands[i]));
  }
  BL_GOTO(add_scratchpad(*primitive, operation));
  return BL_OK;
done:
  bl_primitive_destroy(primitive);
  return status;
}

bl_status bl_primitive_create_reorder(bl_primitive **primitive, bl_backend *backend, const bl_format *x,
                                      const bl_format *y) {
  const bl_operand operands[] = {{BL_ARGUMENT_X, x}, {BL_ARGUMENT_Y, y}};
  bl_operation *operation = NULL;
  BL_TRY(bl_operation_reorder(&operation, backend, x, y));
  const bl_status status = bl_primitive_create(primitive, operation, operands, 2);
  bl_operation_destroy(&operation);
  return status;
}

static void destroy_memory(dnnl_memory_t memory) {
  if (memory != NULL)
    dnnl_memory_destroy(memory);
}

static void destroy_primitive(dnnl_primitive_t primitive) {
  if (primitive != NULL)
    dnnl_primitive_destroy(primitive);
}

void bl_primitive_destroy(bl_primitive **primitive) {
  bl_primitive *p = *primitive;
  if (p == NULL)
    return;
  for (int i = 0; i < p->operands; i++) {
    destroy_memory(p->operand[i].memory);
    destroy_memory(p->operand[i].ours);
    destroy_primitive(p->operand[i].reorder);
  }
  destroy_memory(p->scratchpad);
  destroy_primitive(p->primitive);
  bl_free(primitive);
}

size_t bl_primitive_scratch(const bl_primitive *primitive) {
  return primitive == NULL ? 0 : primitive->scratch;
}

/** Handles change rarely (memory is planned once), and setting one is not free. */
static bl_status set_pointers(bl_primitive *primitive, float *const *pointers, float *scratch) {
  const bool moved = primitive->scratch_pointer != scratch;
  for (int i = 0; i < primitive->operands; i++) {
    const bool through_scratch = primitive->operand[i].ours != NULL;
    if (through_scratch && moved)
      BL_DNNL(dnnl_memory_set_data_handle(primitive->operand[i].memory, scratch + primitive->operand[i].offset));
    if (primitive->operand[i].pointer != pointers[i])
      BL_DNNL(dnnl_memory_set_data_handle(through_scratch ? primitive->operand[i].ours : primitive->operand[i].memory,
                                          pointers[i]));
    primitive->operand[i].pointer = pointers[i];
  }
  if (primitive->scratchpad != NULL && moved)
    BL_DNNL(dnnl_memory_set_data_handle(primitive->scratchpad, scratch + primitive->scratchpad_offset));
  primitive->scratch_pointer = scratch;
  return BL_OK;
}

/** Re-order the operands that the primitive reads, before it runs, or those that it writes, after. */
static bl_status run_reorders(bl_primitive *primitive, bool written) {
  for (int i = 0; i < primitive->operands; i++) {
    const dnnl_memory_t ours = primitive->operand[i].ours, wanted = primitive->operand[i].memory;
    if (ours == NULL || bl_onednn_writes(primitive->operand[i].argument) != written)
      continue;
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, written ? wanted : ours}, {DNNL_ARG_TO, written ? ours : wanted}};
    BL_DNNL(dnnl_primitive_execute(primitive->operand[i].reorder, primitive->backend->stream, 2, arguments));
  }
  return BL_OK;
}

bl_status bl_primitive_run(bl_primitive *primitive, float *const *pointers, float *scratch) {
  dnnl_exec_arg_t arguments[BL_PRIMITIVE_OPERANDS + 1];
  int count = 0;
  BL_TRY(set_pointers(primitive, pointers, scratch));
  BL_TRY(run_reorders(primitive, false));
  for (; count < primitive->operands; count++)
    arguments[count] =
        (dnnl_exec_arg_t){bl_onednn_argument(primitive->operand[count].argument), primitive->operand[count].memory};
  if (primitive->scratchpad != NULL)
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, primitive->scratchpad};
  BL_DNNL(dnnl_primitive_execute(primitive->primitive, primitive->backend->stream, count, arguments));
  return run_reorders(primitive, true);
}

/** Memory of its own for each operand. */
static bl_status allocate_operands(float **pointers, const bl_operation *operation, const bl_operand *operands, int count) {
  for (int i = 0; i < count; i++) {
    const bl_format *format = operands[i].format;
    if (format == NULL)
      BL_TRY(bl_operation_format(&format, operation, operands[i].argument));
    BL_TRY(bl_allocate(&pointers[i], bl_format_bytes(format), 1));
  }
  return BL_OK;
}

bl_status bl_primitive_measure(double *seconds, const bl_operation *operation, const bl_operand *operands, int count) {
  enum { RUNS = 5 };
  bl_primitive *primitive = NULL;
  float *pointers[BL_PRIMITIVE_OPERANDS] = {NULL}, *scratch = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_primitive_create(&primitive, operation, operands, count));
  BL_GOTO(allocate_operands(pointers, operation, operands, count));
  if (primitive->scratch > 0)
    BL_GOTO(bl_allocate(&scratch, primitive->scratch, sizeof *scratch));
  *seconds = 0;
  for (int run = 0; run <= RUNS; run++) {
    const double start = bl_clock_seconds();
    BL_GOTO(bl_primitive_run(primitive, pointers, scratch));
    const double time = bl_clock_seconds() - start;
    if (run == 1 || (run > 1 && time < *seconds))
      *seconds = time;
  }
done:
  for (int i = 0; i < count; i++)
    bl_free(&pointers[i]);
  bl_free(&scratch);
  bl_primitive_destroy(&primitive);
  return status;
}
