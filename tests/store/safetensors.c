#include "store/safetensors.h"

#include "base/memory.h"
#include "store/files.h"
#include "support/cmocka.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file with this header and so many bytes of numbers, each the low byte of its place. */
static const char *make(const char *header, size_t bytes) {
  static uint8_t content[1 << 16];
  const size_t length = strlen(header);
  assert_true(8 + length + bytes <= sizeof content);
  for (int i = 0; i < 8; i++)
    content[i] = (uint8_t)((uint64_t)length >> 8 * i);
  memcpy(content + 8, header, length);
  for (size_t i = 0; i < bytes; i++)
    content[8 + length + i] = (uint8_t)i;
  const char *path = scratch("made.safetensors");
  write_bytes(path, content, 8 + length + bytes);
  return path;
}

static void refuse(const char *header, size_t bytes, const char *reason) {
  bl_safetensors file;
  const long balance = bl_memory_balance();
  if (bl_safetensors_open(&file, make(header, bytes)) != BL_ERROR_INPUT)
    fail_msg("accepted: %s", header);
  assert_non_null(strstr(bl_status_message(), "made.safetensors: "));
  assert_null(strchr(bl_status_message(), '\n'));
  assert_true(message_has(reason));
  assert_int_equal(bl_memory_balance(), balance);
}

static void tensors_come_back_as_written(void **state) {
  (void)state;
  float matrix[6] = {1, -0.0F, 1e-42F, 3.4e38F, -5, 0.1F}, one = 7, back[6];
  const bl_safetensors_part parts[] = {{"a.weight", 2, {2, 3}, matrix}, {"b \"\xc3\xa9\"\n", 0, {0}, &one}};
  const bl_safetensors_text texts[] = {{"format", "pt"}, {"title", "bad \xff bytes"}};
  bl_safetensors file;
  char shape[64];
  uint8_t *bytes;
  for (size_t count = 0; count <= 2; count++) {
    assert_int_equal(bl_safetensors_write(scratch("a.safetensors"), parts, count, texts, 2), BL_OK);
    assert_int_equal(bl_safetensors_open(&file, scratch("a.safetensors")), BL_OK);
    assert_int_equal(file.tensor_count, count);
    assert_int_equal(file.start % 8, 0);
    assert_string_equal(bl_safetensors_text_of(&file, "format"), "pt");
    assert_string_equal(bl_safetensors_text_of(&file, "title"), "bad \\xff bytes");
    assert_null(bl_safetensors_text_of(&file, "forma"));
    assert_null(bl_safetensors_find(&file, "a"));
    if (count > 0) {
      const bl_safetensors_tensor *tensor = bl_safetensors_find(&file, "a.weight");
      assert_ptr_equal(tensor, &file.tensors[0]);
      assert_int_equal(bl_safetensors_read_finite(back, &file, tensor), BL_OK);
      assert_memory_equal(back, matrix, sizeof matrix);
      assert_string_equal(bl_safetensors_shape_text(shape, sizeof shape, tensor->shape, tensor->dimensions), "[2, 3]");
    }
    if (count > 1) {
      const bl_safetensors_tensor *tensor = bl_safetensors_find(&file, parts[1].name);
      assert_non_null(tensor);
      assert_int_equal(bl_safetensors_count(tensor), 1);
      assert_int_equal(bl_safetensors_read(back, &file, tensor), BL_OK);
      assert_true(back[0] == 7);
    }
    bl_safetensors_close(&file);
  }
  assert_int_equal(read_bytes(&bytes, scratch("a.safetensors")) % 4, 0);
  assert_memory_equal(bytes + 8, "{\"__metadata__\":{\"format\":\"pt\"", 29);
  free(bytes);
}

/* The float nearest to a half, by the definition of its format. */
static double half_value(unsigned bits) {
  const unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, (int)exponent - 25);
  return bits & 0x8000 ? -size : size;
}

static void all_halves_become_their_values(void **state) {
  (void)state;
  enum { ALL = 65536 };
  static const char *const names[] = {"F16", "BF16"};
  static uint8_t content[1 << 18];
  float *values;
  assert_int_equal(bl_allocate(&values, ALL, sizeof *values), BL_OK);
  for (int type = 0; type < 2; type++) {
    bl_safetensors file;
    char header[128];
    const size_t length = (size_t)snprintf(
        header, sizeof header, "{\"h\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", names[type]);
    memset(content, 0, 8);
    content[0] = (uint8_t)length;
    memcpy(content + 8, header, length);
    for (size_t i = 0; i < ALL; i++) {
      content[8 + length + 2 * i] = (uint8_t)i;
      content[8 + length + 2 * i + 1] = (uint8_t)(i >> 8);
    }
    write_bytes(scratch("halves"), content, 8 + length + 2 * ALL);
    assert_int_equal(bl_safetensors_open(&file, scratch("halves")), BL_OK);
    assert_int_equal(bl_safetensors_read(values, &file, &file.tensors[0]), BL_OK);
    for (unsigned i = 0; i < ALL; i++) {
      uint32_t bits;
      memcpy(&bits, &values[i], sizeof bits);
      if (type == 1) {
        assert_int_equal(bits, i << 16);
        continue;
      }
      const unsigned exponent = i >> 10 & 31, fraction = i & 1023;
      assert_int_equal(bits >> 31, i >> 15);
      if (exponent < 31)
        assert_true((double)values[i] == half_value(i));
      else
        assert_true(fraction == 0 ? isinf(values[i]) : isnan(values[i]));
    }
    assert_int_equal(bl_safetensors_read_finite(values, &file, &file.tensors[0]), BL_ERROR_INPUT);
    assert_true(message_has(type == 0 ? "tensor h: element 31744: found inf" : "tensor h: element 32640: found inf"));
    bl_safetensors_close(&file);
  }
  bl_free(&values);
}

static void doubles_are_rounded_to_the_nearest(void **state) {
  (void)state;
  const double numbers[] = {0.1, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-40, -0.0, 0x1p-126, 3.4e38, 1e300};
  enum { COUNT = sizeof numbers / sizeof numbers[0] };
  const float expected[] = {0.1F, 1, 1 + 0x1p-23F, -0.0F, 0x1p-126F, 3.4e38F};
  const char header[] = "{\"d\":{\"dtype\":\"F64\",\"shape\":[7],\"data_offsets\":[0,56]}}";
  uint8_t content[8 + sizeof header - 1 + sizeof numbers] = {sizeof header - 1};
  float values[COUNT];
  bl_safetensors file;
  memcpy(content + 8, header, sizeof header - 1);
  memcpy(content + 8 + sizeof header - 1, numbers, sizeof numbers);
  write_bytes(scratch("doubles"), content, sizeof content);
  assert_int_equal(bl_safetensors_open(&file, scratch("doubles")), BL_OK);
  assert_true(bl_safetensors_is_real(&file.tensors[0]));
  assert_int_equal(bl_safetensors_read(values, &file, &file.tensors[0]), BL_OK);
  assert_memory_equal(values, expected, sizeof expected);
  assert_int_equal(bl_safetensors_read_finite(values, &file, &file.tensors[0]), BL_ERROR_INPUT);
  assert_true(message_has("element 6: found inf in single precision"));
  bl_safetensors_close(&file);
}

#define TENSOR(name, type, shape, offsets) \
  "\"" name "\":{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void other_spellings_are_read(void **state) {
  (void)state;
  bl_safetensors file;
  float values[2];
  const char *path = make(" {} ", 0);
  assert_int_equal(bl_safetensors_open(&file, path), BL_ERROR_INPUT); /* '{' comes first */
  assert_true(message_has("at byte 8: the header: found byte 20, expected '{'"));
  path = make(
      "{\"b\" : { \"data_offsets\":[4, 12],\r\n \"shape\":[ 2 ], \"dtype\":\"F32\" } ,\t\"__metadata__\":{},"
      "\"\\u0061\\n\":{\"dtype\":\"I8\",\"shape\":[1,4,1],\"data_offsets\":[0,4]},"
      "\"none\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[12,12]}}   ",
      12);
  assert_int_equal(bl_safetensors_open(&file, path), BL_OK);
  assert_int_equal(file.tensor_count, 3);
  assert_string_equal(file.tensors[0].name, "a\n");
  assert_false(bl_safetensors_is_real(&file.tensors[0]));
  assert_int_equal(bl_safetensors_read(values, &file, &file.tensors[0]), BL_ERROR_INPUT);
  assert_true(message_has("tensor a\\n: found numbers of type I8, expected F32, F16, BF16 or F64"));
  assert_ptr_equal(bl_safetensors_find(&file, "b"), &file.tensors[1]);
  assert_int_equal(bl_safetensors_read(values, &file, &file.tensors[1]), BL_OK);
  assert_int_equal(bl_safetensors_count(bl_safetensors_find(&file, "none")), 0);
  bl_safetensors_close(&file);
}

static void lies_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t bytes;
    const char *reason;
  } cases[] = {
      {"x", 0, "found 1 for the bytes of the header, expected 2 to 1"},
      {"[]", 0, "found '[', expected '{'"},
      {"{", 3, "found 1 for the bytes"},
      {"{ ", 3, "at byte 10: the header: found its end, expected a name in quotes"},
      {"{} x", 0, "at byte 11: the header: found 'x', expected nothing but spaces"},
      {"{\"a\"}", 0, "expected ':'"},
      {"{\"a\":}", 0, "no JSON"},
      {"{\"a\":1}", 0, "tensor a: found no object of 0 members"},
      {"{\"a\":{}}", 0, "tensor a: found an object of 0 members, expected dtype, shape and data_offsets"},
      {"{\"a\\ud800\":{}}", 0, "no JSON"},
      {"{\"a\\u0000\":{}}", 0, "no JSON"},
      {"{\"a\":\"}", 0, "expected the end of a text"},
      {"{\"a\":{\"shape\":[[[1]]]}}", 0, "no deeper lists"},
      {"{\"a\":[[[[[[[[[[[[[[", 0, "no deeper lists"},
      {"{\"__metadata__\":{\"a\":{\"b\":{}}}}", 0, "no deeper lists"},
      {"{\"__metadata__\":{\"a\":1}}", 0, "expected a text in quotes"},
      {"{\"__metadata__\":[]}", 0, "expected '{'"},
      {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "found it twice"},
      {"{" TENSOR("a", "F31", "[1]", "[0,4]") "}", 4, "tensor a: dtype: found F31, expected F32"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("a", "F32", "[1]", "[4,8]") "}", 8,
       "tensor a: found its name twice"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("\\u0061", "F32", "[1]", "[4,8]") "}", 8, "its name twice"},
      {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "duplicate object key"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[3,7]") "}", 7, "tensors overlap"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[0,4]") "}", 4, "tensors overlap"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "," TENSOR("b", "F32", "[1]", "[5,9]") "}", 9, "belong to no tensor"},
      {"{" TENSOR("a", "F32", "[1]", "[1,5]") "}", 5, "found them to begin at 1, expected 0"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") "}", 7, "found 3 bytes after the last tensor"},
      {"{" TENSOR("a", "F32", "[2]", "[0,8]") "}", 7, "found [0, 8], expected them in order, from 0 to the 7 bytes"},
      {"{" TENSOR("a", "F32", "[1]", "[0,8]") "}", 7, "data_offsets: found [0, 8]"},
      {"{" TENSOR("a", "F32", "[1]", "[4,0]") "}", 8, "data_offsets: found [4, 0]"},
      {"{" TENSOR("a", "F32", "[1]", "[-4,0]") "}", 8, "data_offsets: found [-4, 0]"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4,8]") "}", 8, "found no two whole numbers"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4.0]") "}", 8, "found no two whole numbers"},
      {"{" TENSOR("a", "F32", "[1]", "{}") "}", 8, "found no two whole numbers"},
      {"{" TENSOR("a", "F32", "[3]", "[0,8]") "}", 8, "found 8 bytes, expected 12 of F32 and shape [3]"},
      {"{" TENSOR("a", "F32", "[2]", "[0,4]") "}", 8, "found 4 bytes, expected 8 of F32 and shape [2]"},
      {"{" TENSOR("a", "F32", "[-1]", "[0,4]") "}", 4, "found a negative size at place 0"},
      {"{" TENSOR("a", "F32", "[1.5]", "[0,4]") "}", 4, "found no whole number at place 0"},
      {"{" TENSOR("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "found more elements than fit"},
      {"{" TENSOR("a", "F32", "[9223372036854775807,2]", "[0,8]") "}", 8, "found more elements than fit"},
      {"{" TENSOR("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, "too big integer"},
      {"{" TENSOR("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "expected a list of at most 8 sizes"},
      {"{" TENSOR("a", "F32", "1", "[0,4]") "}", 4, "shape: found no list"},
      {"{" TENSOR("a", "F32", "[1]", "[0,4]") ",}", 4, "expected a name in quotes"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    refuse(cases[i].header, cases[i].bytes, cases[i].reason);
}

/* Names and entries that are too long; a header that is announced longer than the file. */
static void what_is_too_large_is_refused(void **state) {
  (void)state;
  static char header[20000];
  const char tail[] = "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
  memset(header, 'n', sizeof header);
  memcpy(header, "{\"", 2);
  snprintf(header + 600, sizeof header - 600, "%s", tail);
  refuse(header, 4, "found a name of 598 bytes, expected at most 510");
  memset(header, ' ', sizeof header - 1);
  memcpy(header, "{\"a\":{", 6);
  snprintf(header + 6000, sizeof header - 6000, "%s", tail + 3);
  refuse(header, 4, "tensor a is described in 6042 bytes, expected at most 4096");
  uint8_t bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0x80, '{', '}'};
  bl_safetensors file;
  write_bytes(scratch("long"), bytes, sizeof bytes);
  assert_int_equal(bl_safetensors_open(&file, scratch("long")), BL_ERROR_INPUT);
  assert_true(message_has("found 9223372036854775808 for the bytes of the header, expected 2 to 8 in a file of 16 bytes"));
  assert_int_equal(bl_safetensors_open(&file, scratch("")), BL_ERROR_INPUT);
  assert_true(message_has("is a folder, expected a file"));
  assert_int_equal(bl_safetensors_open(&file, scratch("missing")), BL_ERROR_INPUT);
  assert_true(message_has("No such file"));
  assert_true(bl_safetensors_meant(scratch("long")));
  assert_true(bl_safetensors_meant("missing.safetensors"));
  assert_false(bl_safetensors_meant(scratch("missing")));
  write_bytes(scratch("other"), "CDF\1abcdef", 10);
  assert_false(bl_safetensors_meant(scratch("other")));
}

/* At every byte; and every change of a byte of the header is refused or leaves a file that can be read. */
static void a_cut_file_is_refused(void **state) {
  (void)state;
  const float numbers[4] = {1, 2, 3, 4};
  const bl_safetensors_part parts[] = {{"a", 1, {3}, numbers}, {"b", 1, {1}, numbers + 3}};
  bl_safetensors file;
  uint8_t *bytes;
  float values[4];
  char path[512];
  snprintf(path, sizeof path, "%s", scratch("cut.safetensors"));
  assert_int_equal(bl_safetensors_write(path, parts, 2, &(bl_safetensors_text){"k", "v"}, 1), BL_OK);
  const size_t size = read_bytes(&bytes, path);
  for (size_t length = 0; length < size; length++) {
    write_bytes(path, bytes, length);
    if (bl_safetensors_open(&file, path) != BL_ERROR_INPUT)
      fail_msg("a cut at byte %zu of %zu was not noticed", length, size);
    assert_true(message_has(path));
  }
  for (size_t i = 0; i < size; i++)
    for (int bit = 0; bit < 8; bit++) {
      bytes[i] ^= (uint8_t)(1 << bit);
      write_bytes(path, bytes, size);
      bytes[i] ^= (uint8_t)(1 << bit);
      if (bl_safetensors_open(&file, path) != BL_OK) {
        assert_true(message_has(path));
        continue;
      }
      for (size_t t = 0; t < file.tensor_count; t++)
        if (bl_safetensors_read(values, &file, &file.tensors[t]) != BL_OK)
          bl_status_clear();
      bl_safetensors_close(&file);
    }
  free(bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(tensors_come_back_as_written),
      cmocka_unit_test(all_halves_become_their_values),
      cmocka_unit_test(doubles_are_rounded_to_the_nearest),
      cmocka_unit_test(other_spellings_are_read),
      cmocka_unit_test(lies_are_refused),
      cmocka_unit_test(what_is_too_large_is_refused),
      cmocka_unit_test(a_cut_file_is_refused),
  };
  return cmocka_run_group_tests(tests, scratch_create, scratch_remove);
}
