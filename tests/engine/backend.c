/* The back end: formats put elements where the header says, and operations agree with plain sums, in every pass. */
#include "engine/backend.h"

#include "base/memory.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 2, IN = 16, OUT = 32, SIDE = 5, PIXELS = SIDE * SIDE, KERNEL = 3 };

static bl_backend *new_backend(void) {
  bl_backend *backend = NULL;
  assert_int_equal(bl_backend_create(&backend), BL_OK);
  return backend;
}

static const bl_format *format(bl_backend *backend, bl_order order, int block, int dimensions, const int64_t *sizes) {
  const bl_format *made = NULL;
  assert_int_equal(bl_format_create(&made, backend, order, block, dimensions, sizes), BL_OK);
  return made;
}

/* Numbers of no particular kind, all different, of a size that keeps sums exact enough. */
static float *numbers(size_t count, unsigned seed) {
  float *x = NULL;
  assert_int_equal(bl_allocate(&x, count, sizeof *x), BL_OK);
  for (size_t i = 0; i < count; i++)
    x[i] = (float)(((unsigned)i * 2654435761u + seed * 40503u) >> 16 & 1023u) / 512.0f - 1.0f;
  return x;
}

static void assert_close(const float *found, const float *expected, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (fabsf(found[i] - expected[i]) > 1e-4f * (1.0f + fabsf(expected[i])))
      fail_msg("element %zu is %g, expected %g", i, (double)found[i], (double)expected[i]);
}

/* ---- Formats ---- */

static void equal_formats_are_one_and_copies_outlive_the_back_end(void **state) {
  (void)state;
  bl_backend *backend = new_backend(), *other = new_backend();
  const int64_t sizes[] = {BATCH, IN, SIDE, SIDE};
  const bl_format *a = format(backend, BL_ORDER_CHANNELS, 8, 4, sizes),
                  *b = format(backend, BL_ORDER_CHANNELS, 8, 4, sizes);
  const bl_format *plain = format(backend, BL_ORDER_CHANNELS, 1, 4, sizes);
  assert_ptr_equal(a, b);
  assert_ptr_equal(plain, format(backend, BL_ORDER_PLAIN, 1, 4, sizes));
  assert_false(bl_format_equal(a, plain));
  assert_true(bl_format_is_blocked(a));
  assert_false(bl_format_is_blocked(plain));
  assert_int_equal(bl_format_bytes(a), sizeof(float) * BATCH * IN * PIXELS);
  bl_format *copy = NULL;
  assert_int_equal(bl_format_copy(&copy, a), BL_OK);
  bl_backend_destroy(&backend);
  assert_true(bl_format_equal(copy, format(other, BL_ORDER_CHANNELS, 8, 4, sizes)));
  bl_format_destroy(&copy);
  assert_null(copy);
  bl_backend_destroy(&other);
}

/* Where element (n, c, pixel) of an image, or (out, in, pixel) of weights, is in blocks. */
static size_t place(bl_order order, size_t block, size_t n, size_t c, size_t pixel, size_t channels, size_t pixels) {
  if (order == BL_ORDER_CHANNELS)
    return ((n * (channels / block) + c / block) * pixels + pixel) * block + c % block;
  return (((n / block * (channels / block) + c / block) * pixels + pixel) * block + c % block) * block + n % block;
}

static void check_order(bl_order order, int block, int first, int channels, int height, int width) {
  bl_backend *backend = new_backend();
  const int64_t sizes[] = {first, channels, height, width};
  const size_t pixels = (size_t)(height * width), count = (size_t)(first * channels) * pixels;
  bl_primitive *there = NULL, *back = NULL;
  float *plain = numbers(count, 1), *blocked = numbers(count, 2), *again = numbers(count, 3);
  const bl_format *from = format(backend, BL_ORDER_PLAIN, 1, 4, sizes), *to = format(backend, order, block, 4, sizes);
  assert_int_equal(bl_primitive_create_reorder(&there, backend, from, to), BL_OK);
  assert_int_equal(bl_primitive_create_reorder(&back, backend, to, from), BL_OK);
  assert_int_equal(bl_primitive_run(there, (float *[]){plain, blocked}, NULL), BL_OK);
  for (size_t i = 0; i < count; i++) {
    const size_t n = i / ((size_t)channels * pixels), c = i / pixels % (size_t)channels;
    const float found = blocked[place(order, (size_t)block, n, c, i % pixels, (size_t)channels, pixels)];
    assert_memory_equal(&found, &plain[i], sizeof found);
  }
  assert_int_equal(bl_primitive_run(back, (float *[]){blocked, again}, NULL), BL_OK);
  assert_memory_equal(again, plain, count * sizeof *plain);
  bl_primitive_destroy(&there);
  bl_primitive_destroy(&back);
  bl_free(&plain);
  bl_free(&blocked);
  bl_free(&again);
  bl_backend_destroy(&backend);
}

static void blocks_lie_where_the_header_says(void **state) {
  (void)state;
  for (int block = 8; block <= 16; block *= 2) {
    check_order(BL_ORDER_CHANNELS, block, BATCH, 2 * block, SIDE, 3);
    check_order(BL_ORDER_WEIGHTS, block, 2 * block, 3 * block, KERNEL, KERNEL);
  }
}

/* ---- Operations ---- */

/* One operation on operands of our own, and what it made. */
static void run(bl_operation *operation, const bl_operand *operands, int count, float *const *pointers) {
  bl_primitive *primitive = NULL;
  float *scratch = NULL;
  assert_int_equal(bl_primitive_create(&primitive, operation, operands, count), BL_OK);
  assert_int_equal(bl_allocate(&scratch, bl_primitive_scratch(primitive) + 1, sizeof *scratch), BL_OK);
  assert_int_equal(bl_primitive_run(primitive, pointers, scratch), BL_OK);
  bl_free(&scratch);
  bl_primitive_destroy(&primitive);
  bl_operation_destroy(&operation);
}

typedef struct conv_case {
  bl_linear formats, chosen; /* ours, all plain; with weights as the operation likes */
  bl_conv_geometry geometry;
  int stride, before, side; /* side of y */
} conv_case;

static conv_case new_conv(bl_backend *backend, int stride, int before, int after) {
  conv_case c = {.stride = stride,
                 .before = before,
                 .side = (SIDE + before + after - KERNEL) / stride + 1,
                 .geometry = {{stride, stride}, {before, before}, {after, after}}};
  c.formats.x = format(backend, BL_ORDER_PLAIN, 1, 4, (const int64_t[]){BATCH, IN, SIDE, SIDE});
  c.formats.weights = format(backend, BL_ORDER_PLAIN, 1, 4, (const int64_t[]){OUT, IN, KERNEL, KERNEL});
  c.formats.bias = format(backend, BL_ORDER_PLAIN, 1, 1, (const int64_t[]){OUT});
  c.formats.y = format(backend, BL_ORDER_PLAIN, 1, 4, (const int64_t[]){BATCH, OUT, c.side, c.side});
  c.chosen = c.formats;
  assert_int_equal(bl_format_any(&c.chosen.weights, backend, c.formats.weights, BL_ELEMENT_F32), BL_OK);
  assert_int_equal(bl_format_any(&c.chosen.x, backend, c.formats.x, BL_ELEMENT_F32), BL_OK);
  assert_int_equal(bl_format_any(&c.chosen.y, backend, c.formats.y, BL_ELEMENT_F32), BL_OK);
  return c;
}

/* All three passes at once, by definition: each product x w goes to y, its factors times d_y to d_x and d_w. */
static void convolve(const conv_case *c, const float *x, const float *w, const float *b, const float *d_y, float *y,
                     float *d_x, float *d_w, float *d_b) {
  const int side = c->side;
  memset(d_x, 0, sizeof(float) * BATCH * IN * PIXELS);
  memset(d_w, 0, sizeof(float) * OUT * IN * KERNEL * KERNEL);
  memset(d_b, 0, sizeof(float) * OUT);
  for (int at = 0; at < BATCH * OUT * side * side; at++) {
    const int n = at / (OUT * side * side), o = at / (side * side) % OUT, i = at / side % side, j = at % side;
    y[at] = b[o];
    d_b[o] += d_y[at];
    for (int tap = 0; tap < IN * KERNEL * KERNEL; tap++) {
      const int row = i * c->stride - c->before + tap / KERNEL % KERNEL, column = j * c->stride - c->before + tap % KERNEL;
      if (row < 0 || row >= SIDE || column < 0 || column >= SIDE)
        continue;
      const int from = ((n * IN + tap / (KERNEL * KERNEL)) * SIDE + row) * SIDE + column,
                by = o * IN * KERNEL * KERNEL + tap;
      y[at] += x[from] * w[by];
      d_x[from] += d_y[at] * w[by];
      d_w[by] += d_y[at] * x[from];
    }
  }
}

static bl_operation *find_conv(bl_backend *backend, const conv_case *c, bl_pass pass) {
  bl_operation *operation = NULL;
  assert_int_equal(bl_operation_conv(&operation, backend, pass, &c->chosen, &c->geometry), BL_OK);
  assert_non_null(operation);
  assert_true(bl_operation_speed(operation) > BL_SPEED_NONE);
  return operation;
}

static void check_conv(int stride, int before, int after) {
  enum { X = BATCH * IN * PIXELS, W = OUT * IN * KERNEL * KERNEL };
  bl_backend *backend = new_backend();
  const conv_case c = new_conv(backend, stride, before, after);
  const size_t count = (size_t)(BATCH * OUT * c.side * c.side);
  float *x = numbers(X, 1), *w = numbers(W, 2), *b = numbers(OUT, 3), *d_y = numbers(count, 4);
  float *y = numbers(count, 5), *d_x = numbers(X, 6), *d_w = numbers(W, 7), *d_b = numbers(OUT, 8);
  float *found_y = numbers(count, 9), *found_x = numbers(X, 9), *found_w = numbers(W, 9), *found_b = numbers(OUT, 9);
  const bl_linear *f = &c.formats;
  convolve(&c, x, w, b, d_y, y, d_x, d_w, d_b);
  run(find_conv(backend, &c, BL_PASS_FORWARD),
      (const bl_operand[]){
          {BL_ARGUMENT_X, f->x}, {BL_ARGUMENT_WEIGHTS, f->weights}, {BL_ARGUMENT_BIAS, f->bias}, {BL_ARGUMENT_Y, f->y}},
      4, (float *[]){x, w, b, found_y});
  assert_close(found_y, y, count);
  run(find_conv(backend, &c, BL_PASS_BACKWARD_DATA),
      (const bl_operand[]){{BL_ARGUMENT_D_Y, f->y}, {BL_ARGUMENT_WEIGHTS, f->weights}, {BL_ARGUMENT_D_X, f->x}}, 3,
      (float *[]){d_y, w, found_x});
  assert_close(found_x, d_x, X);
  run(find_conv(backend, &c, BL_PASS_BACKWARD_WEIGHTS),
      (const bl_operand[]){{BL_ARGUMENT_X, f->x},
                           {BL_ARGUMENT_D_Y, f->y},
                           {BL_ARGUMENT_D_WEIGHTS, f->weights},
                           {BL_ARGUMENT_D_BIAS, f->bias}},
      4, (float *[]){x, d_y, found_w, found_b});
  assert_close(found_w, d_w, W);
  assert_close(found_b, d_b, OUT);
  float **all[] = {&x, &w, &b, &d_y, &y, &d_x, &d_w, &d_b, &found_y, &found_x, &found_w, &found_b};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    bl_free(all[i]);
  bl_backend_destroy(&backend);
}

static void convolutions_are_sums_of_products(void **state) {
  (void)state;
  check_conv(1, 1, 1);
  check_conv(2, 0, 1);
  check_conv(1, 0, 0);
}

/* Both factors plain or transposed: the product of matrices, and the layer x Wᵀ + b. */
static void products_are_sums_of_products(void **state) {
  (void)state;
  enum { ROWS = 3, INNER = 20, COLUMNS = 7 };
  bl_backend *backend = new_backend();
  const int64_t left[] = {ROWS, INNER}, right[] = {INNER, COLUMNS}, turned[] = {COLUMNS, INNER}, result[] = {ROWS, COLUMNS};
  float *x = numbers(ROWS * INNER, 1), *w = numbers(COLUMNS * INNER, 2), *b = numbers(COLUMNS, 3);
  float expected[ROWS * COLUMNS], found[ROWS * COLUMNS];
  for (int at = 0; at < ROWS * COLUMNS; at++) {
    expected[at] = 0;
    for (int k = 0; k < INNER; k++)
      expected[at] += x[at / COLUMNS * INNER + k] * w[at % COLUMNS * INNER + k];
  }
  bl_operation *operation = NULL;
  bl_linear f = {.x = format(backend, BL_ORDER_PLAIN, 1, 2, left),
                 .weights = format(backend, BL_ORDER_TRANSPOSED, 1, 2, right),
                 .y = format(backend, BL_ORDER_PLAIN, 1, 2, result)};
  assert_int_equal(bl_operation_product(&operation, backend, &f), BL_OK);
  const bl_operand product[] = {{BL_ARGUMENT_X, f.x}, {BL_ARGUMENT_WEIGHTS, f.weights}, {BL_ARGUMENT_Y, f.y}};
  run(operation, product, 3, (float *[]){x, w, found});
  assert_close(found, expected, ROWS * COLUMNS);

  f.weights = format(backend, BL_ORDER_PLAIN, 1, 2, turned);
  f.bias = format(backend, BL_ORDER_PLAIN, 1, 1, turned);
  assert_int_equal(bl_operation_dense(&operation, backend, BL_PASS_FORWARD, &f), BL_OK);
  const bl_operand dense[] = {
      {BL_ARGUMENT_X, f.x}, {BL_ARGUMENT_WEIGHTS, f.weights}, {BL_ARGUMENT_BIAS, f.bias}, {BL_ARGUMENT_Y, f.y}};
  run(operation, dense, 4, (float *[]){x, w, b, found});
  for (int at = 0; at < ROWS * COLUMNS; at++)
    expected[at] += b[at % COLUMNS];
  assert_close(found, expected, ROWS * COLUMNS);
  bl_free(&x);
  bl_free(&w);
  bl_free(&b);
  bl_backend_destroy(&backend);
}

/* ---- Processor ---- */

static void the_block_has_a_fast_convolution(void **state) {
  (void)state;
  bl_backend *backend = new_backend();
  int block = 0;
  assert_int_equal(bl_backend_block(&block, backend), BL_OK);
  assert_true(block == 1 || block == 8 || block == 16);
#ifdef __x86_64__
  assert_true(block > 1); /* every processor with SSE 4.1 has one */
#endif
  bl_backend_destroy(&backend);
}

static void the_library_has_a_version_and_instructions(void **state) {
  (void)state;
  char text[64];
  int major = 0, minor = 0;
  assert_int_equal(sscanf(bl_backend_describe(text, sizeof text), "oneDNN %d.%d.", &major, &minor), 2);
  assert_true(major == 3 || (major == 2 && minor >= 6));
  assert_true(strlen(bl_backend_instructions()) > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(equal_formats_are_one_and_copies_outlive_the_back_end),
      cmocka_unit_test(blocks_lie_where_the_header_says),
      cmocka_unit_test(convolutions_are_sums_of_products),
      cmocka_unit_test(products_are_sums_of_products),
      cmocka_unit_test(the_block_has_a_fast_convolution),
      cmocka_unit_test(the_library_has_a_version_and_instructions),
  };
  const int failures = cmocka_run_group_tests(tests, NULL, NULL);
  return failures > 0 || bl_memory_balance() != 0;
}
