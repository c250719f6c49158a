#include "engine/machine.h"

#include "base/clock.h"
#include "base/kernel.h"
#include "base/memory.h"
#include "engine/backend.h"

enum { BATCH = 8 };

/** Operations per second of a convolution in whatever formats it likes best. */
static bl_status measure_convolution(double *flops, bl_backend *backend, int channels, int side) {
  const int64_t image[] = {BATCH, channels, side, side}, kernels[] = {channels, channels, 3, 3};
  const bl_conv_geometry geometry = {{1, 1}, {1, 1}, {1, 1}};
  const bl_operand operands[] = {{.argument = BL_ARGUMENT_X},
                                 {.argument = BL_ARGUMENT_WEIGHTS},
                                 {.argument = BL_ARGUMENT_BIAS},
                                 {.argument = BL_ARGUMENT_Y}};
  bl_operation *operation = NULL;
  bl_linear f = {0};
  double seconds = 0;
  BL_TRY(bl_format_create(&f.x, backend, BL_ORDER_PLAIN, 1, 4, image));
  BL_TRY(bl_format_any(&f.x, backend, f.x, BL_ELEMENT_F32));
  BL_TRY(bl_format_create(&f.weights, backend, BL_ORDER_PLAIN, 1, 4, kernels));
  BL_TRY(bl_format_any(&f.weights, backend, f.weights, BL_ELEMENT_F32));
  BL_TRY(bl_format_create(&f.bias, backend, BL_ORDER_PLAIN, 1, 1, kernels));
  f.y = f.x;
  BL_TRY(bl_operation_conv(&operation, backend, BL_PASS_FORWARD, &f, &geometry));
  const bl_status status = operation == NULL ? bl_fail(BL_ERROR_LIBRARY, "the back end has no 3 x 3 convolution")
                                             : bl_primitive_measure(&seconds, operation, operands, 4);
  bl_operation_destroy(&operation);
  *flops = 2.0 * BATCH * side * side * channels * channels * 9 / seconds;
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
  enum { SHAPES = sizeof shapes / sizeof shapes[0] };
  bl_backend *backend = NULL;
  bl_status status = BL_OK;
  *machine = (bl_machine){0};
  BL_TRY(bl_backend_create(&backend));
  for (int i = 0; i < SHAPES; i++) {
    double flops = 0;
    BL_GOTO(measure_convolution(&flops, backend, shapes[i][0], shapes[i][1]));
    machine->flops = flops > machine->flops ? flops : machine->flops;
  }
  BL_GOTO(measure_memory(&machine->bytes));
done:
  bl_backend_destroy(&backend);
  return status;
}
