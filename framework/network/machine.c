#include "network/machine.h"

#include "base/clock.h"
#include "base/kernel.h"
#include "base/memory.h"
#include "network/primitive.h"

static bl_status layout(dnnl_memory_desc_t *descriptor, int dimensions, const dnnl_dims_t sizes) {
  BL_DNNL(dnnl_memory_desc_init_by_tag(descriptor, dimensions, sizes, dnnl_f32, dnnl_format_tag_any));
  return BL_OK;
}

/** Operations per second of a convolution in whatever layouts it likes best. */
static bl_status measure_convolution(double *flops, const bl_graph *graph, int channels, int side) {
  const dnnl_dims_t image = {graph->batch, channels, side, side}, kernels = {channels, channels, 3, 3}, bias = {channels};
  const dnnl_dims_t one = {1, 1};
  const int arguments[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_BIAS, DNNL_ARG_DST};
  dnnl_memory_desc_t x, w, b;
  dnnl_convolution_desc_t operation;
  dnnl_primitive_desc_t description = NULL;
  bl_operand operands[4];
  double seconds = 0;
  BL_TRY(layout(&x, 4, image));
  BL_TRY(layout(&w, 4, kernels));
  BL_TRY(layout(&b, 1, bias));
  BL_DNNL(dnnl_convolution_forward_desc_init(&operation, dnnl_forward_inference, dnnl_convolution_direct, &x, &w, &b, &x,
                                             one, one, one));
  BL_TRY(bl_primitive_describe(&description, graph, &operation, NULL));
  for (int i = 0; i < 4; i++)
    operands[i] = (bl_operand){arguments[i], *bl_primitive_layout(description, arguments[i]), i == 3};
  const bl_status status = bl_primitive_measure(&seconds, graph, description, operands, 4);
  dnnl_primitive_desc_destroy(description);
  *flops = 2.0 * graph->batch * side * side * channels * channels * 9 / seconds;
  return status;
}

BL_KERNEL static void add(float *restrict sum, const float *restrict a, const float *restrict b, size_t count) {
  for (size_t i = 0; i < count; i++)
    sum[i] = a[i] + 0.5f * b[i];
}

static bl_status measure_memory(double *bytes) {
  enum { TRIES = 6 };
  const size_t count = (size_t)1 << 24; /* 64 MiB */
  float *array[3] = {NULL};
  bl_status status = BL_OK;
  *bytes = 0;
  for (int i = 0; i < 3; i++)
    BL_GOTO(bl_allocate(&array[i], count, sizeof(float)));
  for (int i = 0; i < TRIES; i++) { /* the first try touches the pages */
    const double start = bl_clock_seconds();
    add(array[i % 3], array[(i + 1) % 3], array[(i + 2) % 3], count);
    const double speed = 3.0 * (double)(count * sizeof(float)) / (bl_clock_seconds() - start);
    *bytes = speed > *bytes ? speed : *bytes;
  }
done:
  for (int i = 0; i < 3; i++)
    bl_free(&array[i]);
  return status;
}

bl_status bl_machine_measure(bl_machine *machine) {
  /* Channels and pixels of the inner levels of the networks; which of them is fastest depends on the caches. */
  static const int shapes[][2] = {{64, 32}, {128, 16}, {128, 32}, {256, 16}};
  enum { SHAPES = sizeof shapes / sizeof shapes[0], BATCH = 8 };
  bl_graph *graph = NULL; /* for its engine */
  bl_status status = BL_OK;
  *machine = (bl_machine){0};
  BL_TRY(bl_graph_create(&graph, BATCH));
  for (int i = 0; i < SHAPES; i++) {
    double flops = 0;
    BL_GOTO(measure_convolution(&flops, graph, shapes[i][0], shapes[i][1]));
    machine->flops = flops > machine->flops ? flops : machine->flops;
  }
  BL_GOTO(measure_memory(&machine->bytes));
done:
  bl_graph_destroy(&graph);
  return status;
}
