#include "network/primitive.h"

#include "base/clock.h"
#include "base/memory.h"

#include <string.h>

enum { ALIGNMENT = 16 /* floats */ };

static dnnl_status_t describe(dnnl_primitive_desc_t *description, const bl_graph *graph, const void *descriptor,
                              const_dnnl_primitive_desc_t hint) {
  dnnl_primitive_attr_t attributes = NULL;
  *description = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status != dnnl_success)
    return status;
  status = dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(description, descriptor, attributes, graph->engine, hint);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

bl_status bl_primitive_describe(dnnl_primitive_desc_t *description, const bl_graph *graph, const void *descriptor,
                                const_dnnl_primitive_desc_t hint) {
  return bl_dnnl_check(describe(description, graph, descriptor, hint), "dnnl_primitive_desc_create");
}

bl_status bl_primitive_try(dnnl_primitive_desc_t *description, const bl_graph *graph, const void *descriptor,
                           const_dnnl_primitive_desc_t hint) {
  const dnnl_status_t status = describe(description, graph, descriptor, hint);
  if (status == dnnl_unimplemented) {
    *description = NULL;
    return BL_OK;
  }
  return bl_dnnl_check(status, "dnnl_primitive_desc_create");
}

bl_speed bl_primitive_speed(const_dnnl_primitive_desc_t description) {
  const char *name = NULL;
  if (description == NULL)
    return BL_SPEED_NONE;
  if (dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name) != dnnl_success)
    return BL_SPEED_FAST;
  return strstr(name, "ref") != NULL     ? BL_SPEED_REFERENCE
         : strstr(name, "gemm:") != NULL ? BL_SPEED_PRODUCT
                                         : BL_SPEED_FAST;
}

const dnnl_memory_desc_t *bl_primitive_layout(const_dnnl_primitive_desc_t description, int argument) {
  return dnnl_primitive_desc_query_md(description, dnnl_query_exec_arg_md, argument);
}

/** Reserve scratch for \a bytes. \return its offset in floats. */
static size_t reserve(bl_primitive *primitive, size_t bytes) {
  const size_t offset = primitive->scratch, floats = (bytes + sizeof(float) - 1) / sizeof(float);
  primitive->scratch += (floats + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  return offset;
}

static bl_status create_reorder(dnnl_primitive_t *reorder, const bl_graph *graph, const dnnl_memory_desc_t *from,
                                const dnnl_memory_desc_t *to) {
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_reorder_primitive_desc_create(&description, from, graph->engine, to, graph->engine, NULL));
  const dnnl_status_t status = dnnl_primitive_create(reorder, description);
  dnnl_primitive_desc_destroy(description);
  return bl_dnnl_check(status, "dnnl_primitive_create (reorder)");
}

static bl_status add_operand(bl_primitive *primitive, const bl_graph *graph, const dnnl_memory_desc_t *wanted,
                             const bl_operand *operand) {
  const int i = primitive->operands++;
  primitive->operand[i].argument = operand->argument;
  primitive->operand[i].written = operand->written;
  BL_DNNL(dnnl_memory_create(&primitive->operand[i].memory, wanted, graph->engine, DNNL_MEMORY_NONE));
  if (dnnl_memory_desc_equal(wanted, &operand->layout))
    return BL_OK;
  primitive->operand[i].offset = reserve(primitive, dnnl_memory_desc_get_size(wanted));
  BL_DNNL(dnnl_memory_create(&primitive->operand[i].ours, &operand->layout, graph->engine, DNNL_MEMORY_NONE));
  return create_reorder(&primitive->operand[i].reorder, graph, operand->written ? wanted : &operand->layout,
                        operand->written ? &operand->layout : wanted);
}

bl_status bl_primitive_create(bl_primitive *primitive, const bl_graph *graph, const_dnnl_primitive_desc_t description,
                              const bl_operand *operands, int count) {
  BL_DNNL(dnnl_primitive_create(&primitive->primitive, description));
  for (int i = 0; i < count; i++)
    BL_TRY(add_operand(primitive, graph, bl_primitive_layout(description, operands[i].argument), &operands[i]));
  const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  const size_t bytes = scratchpad == NULL ? 0 : dnnl_memory_desc_get_size(scratchpad);
  if (bytes > 0) {
    primitive->scratchpad_offset = reserve(primitive, bytes);
    BL_DNNL(dnnl_memory_create(&primitive->scratchpad, scratchpad, graph->engine, DNNL_MEMORY_NONE));
  }
  return BL_OK;
}

static void destroy_memory(dnnl_memory_t *memory) {
  if (*memory != NULL)
    dnnl_memory_destroy(*memory);
  *memory = NULL;
}

static void destroy_primitive(dnnl_primitive_t *primitive) {
  if (*primitive != NULL)
    dnnl_primitive_destroy(*primitive);
  *primitive = NULL;
}

void bl_primitive_destroy(bl_primitive *primitive) {
  for (int i = 0; i < primitive->operands; i++) {
    destroy_memory(&primitive->operand[i].memory);
    destroy_memory(&primitive->operand[i].ours);
    destroy_primitive(&primitive->operand[i].reorder);
  }
  destroy_memory(&primitive->scratchpad);
  destroy_primitive(&primitive->primitive);
  *primitive = (bl_primitive){0};
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

static bl_status run_reorder(const bl_graph *graph, dnnl_primitive_t reorder, dnnl_memory_t from, dnnl_memory_t to) {
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
  BL_DNNL(dnnl_primitive_execute(reorder, graph->stream, 2, arguments));
  return BL_OK;
}

bl_status bl_primitive_run(bl_primitive *primitive, const bl_graph *graph, float *const *pointers, float *scratch) {
  dnnl_exec_arg_t arguments[BL_PRIMITIVE_OPERANDS + 1];
  int count = 0;
  BL_TRY(set_pointers(primitive, pointers, scratch));
  for (int i = 0; i < primitive->operands; i++) {
    if (primitive->operand[i].ours != NULL && !primitive->operand[i].written)
      BL_TRY(run_reorder(graph, primitive->operand[i].reorder, primitive->operand[i].ours, primitive->operand[i].memory));
    arguments[count++] = (dnnl_exec_arg_t){primitive->operand[i].argument, primitive->operand[i].memory};
  }
  if (primitive->scratchpad != NULL)
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, primitive->scratchpad};
  BL_DNNL(dnnl_primitive_execute(primitive->primitive, graph->stream, count, arguments));
  for (int i = 0; i < primitive->operands; i++)
    if (primitive->operand[i].ours != NULL && primitive->operand[i].written)
      BL_TRY(run_reorder(graph, primitive->operand[i].reorder, primitive->operand[i].memory, primitive->operand[i].ours));
  return BL_OK;
}

bl_status bl_primitive_measure(double *seconds, const bl_graph *graph, const_dnnl_primitive_desc_t description,
                               const bl_operand *operands, int count) {
  enum { RUNS = 5 };
  bl_primitive primitive = {0};
  float *pointers[BL_PRIMITIVE_OPERANDS] = {NULL}, *scratch = NULL;
  bl_status status = BL_OK;
  BL_GOTO(bl_primitive_create(&primitive, graph, description, operands, count));
  for (int i = 0; i < count; i++)
    BL_GOTO(bl_allocate(&pointers[i], dnnl_memory_desc_get_size(&operands[i].layout), 1));
  if (primitive.scratch > 0)
    BL_GOTO(bl_allocate(&scratch, primitive.scratch, sizeof *scratch));
  *seconds = 0;
  for (int run = 0; run <= RUNS; run++) {
    const double start = bl_clock_seconds();
    BL_GOTO(bl_primitive_run(&primitive, graph, pointers, scratch));
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

bl_status bl_primitive_create_reorder(bl_primitive *primitive, const bl_graph *graph, const dnnl_memory_desc_t *from,
                                      const dnnl_memory_desc_t *to) {
  const bl_operand operands[] = {{DNNL_ARG_FROM, *from, false}, {DNNL_ARG_TO, *to, true}};
  dnnl_primitive_desc_t description = NULL;
  BL_DNNL(dnnl_reorder_primitive_desc_create(&description, from, graph->engine, to, graph->engine, NULL));
  const bl_status status = bl_primitive_create(primitive, graph, description, operands, 2);
  dnnl_primitive_desc_destroy(description);
  return status;
}

bl_status bl_weights_create(bl_weights *weights, const bl_graph *graph, const dnnl_memory_desc_t *wanted,
                            const dnnl_memory_desc_t *plain, size_t parameter, size_t variant) {
  weights->layout = *wanted;
  weights->parameter = parameter;
  weights->variant = variant;
  weights->shared = graph->network != NULL;
  return bl_primitive_create_reorder(&weights->reorder, graph, plain, wanted);
}

bl_status bl_weights_load(bl_weights *weights, const bl_graph *graph, const float *plain) {
  if (weights->shared) /* asked each time: the pool may have given its memory back meanwhile */
    BL_TRY(bl_pool_weights(&weights->data, graph->network, weights->parameter, weights->variant, &weights->layout));
  else if (weights->data == NULL)
    BL_TRY(bl_allocate(&weights->data, dnnl_memory_desc_get_size(&weights->layout), 1));
  return bl_primitive_run(&weights->reorder, graph, (float *[]){(float *)plain, weights->data}, NULL);
}

void bl_weights_destroy(bl_weights *weights) {
  bl_primitive_destroy(&weights->reorder);
  if (!weights->shared)
    bl_free(&weights->data);
}
