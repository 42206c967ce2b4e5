// SPDX-License-Identifier: Apache-2.0
//
// tn_at against NumPy and against plain loops. Element k of the input is k, so what is read says
// where it came from. Hundreds of texts have NumPy's answers beside them (index_cases.def); random
// texts are compared with a reference that lists the indices of each dimension; random bytes must
// be an error with a column, or mean something.

#include <stdio.h>

#include "tensor_test.h"

enum { A = 4, B = 3, C = 5, ALL = A * B * C };

static tn_tensor *counted(void) {
  double cells[ALL];
  for (int i = 0; i < ALL; i++) cells[i] = i;
  return tn_from_data(cells, TN_SHAPE(A, B, C), TN_F64);
}

static tn_tensor *mask_of(tn_ints shape, const bool *values) {
  return tn_from_data(values, shape, TN_BOOL);
}

// The tensors that letters in index_cases.def stand for.
static tn_tensor *named(char letter) {
  switch (letter) {
    case 'a':
      return tn_from_data((int64_t[]){2, 0, -1, 2}, TN_SHAPE(4), TN_I64);
    case 'b':
      return tn_from_data((int32_t[]){0, -1, 1, 1}, TN_SHAPE(2, 2), TN_I32);
    case 'c':
      return tn_from_data((int8_t[]){-2}, TN_SHAPE_SCALAR, TN_I8);
    case 'd':
      return tn_from_data(NULL, TN_SHAPE(0), TN_I64);
    case 'm':
      return mask_of(TN_SHAPE(3), (bool[]){true, false, true});
    case 'n': {
      bool values[12];
      for (int i = 0; i < 12; i++) values[i] = i % 5 == 1;
      return mask_of(TN_SHAPE(4, 3), values);
    }
    case 'o':
      return mask_of(TN_SHAPE(5), (bool[]){false, true, true, false, true});
    default:
      return tn_from_data((uint16_t[]){1, 0}, TN_SHAPE(2), TN_U16);
  }
}

typedef struct at_case {
  const char *text, *letters;
  int32_t rank;
  int64_t sizes[8];
  double sum;
} at_case;

#define SIZES(...) \
  { __VA_ARGS__ }
#define CASE(text, letters, rank, sizes, sum) {text, letters, rank, sizes, sum},
static const at_case cases[] = {
#include "index_cases.def"
};
enum { CASE_COUNT = sizeof cases / sizeof cases[0] };

static const char *message(void) { return tn_ok() ? "no error" : tn_error_peek()->message; }

static void read_values(tn_tensor *tensor, double *values) {
  size_t size_bytes = sizeof(double) * (size_t)tn_tensor_numel(tensor);
  if (size_bytes == 0) return;
  cr_assert_eq(tn_copy_to_host(tensor, values, size_bytes, TN_F64), TN_OK, "%s", message());
}

static double weighted_sum(tn_tensor *tensor) {
  static double values[4096];
  int64_t count = tn_tensor_numel(tensor);
  cr_assert(count <= 4096);
  read_values(tensor, values);
  double sum = 0;
  for (int64_t k = 0; k < count; k++) sum += (double)(k + 1) * values[k];
  return sum;
}

TN_TEST(at, texts_read_what_numpy_reads) {
  for (int i = 0; i < CASE_COUNT; i++) {
    tn_scope *scope = tn_scope_open();
    const at_case *c = &cases[i];
    tn_tensor *list[8];
    int64_t count = (int64_t)strlen(c->letters);
    for (int64_t k = 0; k < count; k++) list[k] = named(c->letters[k]);
    tn_tensor *y = tn_at_with(counted(), c->text, (tn_tensors){list, count});
    cr_assert_not_null(y, "[%s] %s: %s", c->text, c->letters, message());
    cr_assert_eq(tn_tensor_ndim(y), c->rank, "[%s] %s: rank", c->text, c->letters);
    for (int32_t d = 0; d < c->rank; d++) {
      cr_assert_eq(tn_tensor_size(y, d), c->sizes[d], "[%s] %s: size", c->text, c->letters);
    }
    cr_assert_eq(weighted_sum(y), c->sum, "[%s] %s: elements", c->text, c->letters);
    tn_scope_close(scope);
  }
}

// What was read says which places are meant; a loop writes them in order.
TN_TEST(at, texts_write_where_they_read) {
  for (int i = 0; i < CASE_COUNT; i++) {
    tn_scope *scope = tn_scope_open();
    const at_case *c = &cases[i];
    static double places[4096], values[4096], expected[ALL], got[ALL];
    tn_tensor *list[8], *x = counted();
    int64_t count = (int64_t)strlen(c->letters);
    for (int64_t k = 0; k < count; k++) list[k] = named(c->letters[k]);
    tn_tensor *y = tn_at_with(x, c->text, (tn_tensors){list, count});
    int64_t numel = tn_tensor_numel(y);
    read_values(y, places);
    for (int k = 0; k < ALL; k++) expected[k] = k;
    for (int64_t k = 0; k < numel; k++) {
      values[k] = -1 - (double)k;
      expected[(int)places[k]] = values[k];
    }
    tn_tensor *value = tn_from_data(values, tn_tensor_shape(y), TN_F64);
    cr_assert_eq(tn_at_put_with(x, c->text, value, (tn_tensors){list, count}), TN_OK, "[%s] %s: %s",
                 c->text, c->letters, message());
    read_values(x, got);
    for (int k = 0; k < ALL; k++) {
      cr_assert_eq(got[k], expected[k], "[%s] %s: element %d", c->text, c->letters, k);
    }
    tn_scope_close(scope);
  }
}

// ---- random texts ------------------------------------------------------------------------------

typedef struct listed {
  int32_t count;  // of elements picked along a dimension
  int64_t at[C + 1];
  bool goes;  // a number
} listed;

static uint32_t random_state = 12345;
static int any(int low, int high) {
  random_state = random_state * 1664525u + 1013904223u;
  return low + (int)((random_state >> 8) % (uint32_t)(high - low + 1));
}

// Appends a slice or number for a dimension of |size| and lists what it picks, as Python says.
static void random_item(char *text, int size, listed *item) {
  char piece[64];
  *item = (listed){0};
  if (any(0, 4) == 0) {
    int number = any(-size, size - 1);
    snprintf(piece, sizeof piece, " %d", number);
    *item = (listed){1, {number < 0 ? number + size : number}, true};
    strcat(text, piece);
    return;
  }
  int step = any(1, 3) * (any(0, 1) ? 1 : -1), start = any(-8, 8), stop = any(-8, 8);
  bool has_start = any(0, 1), has_stop = any(0, 1);
  piece[0] = '\0';
  if (has_start) snprintf(piece, sizeof piece, "%d", start);
  strcat(text, piece);
  strcat(text, ":");
  snprintf(piece, sizeof piece, "%d", stop);
  if (has_stop) strcat(text, piece);
  snprintf(piece, sizeof piece, ":%d", step);
  strcat(text, piece);
  int low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  if (start < 0) start += size;
  if (stop < 0) stop += size;
  start = !has_start ? (step > 0 ? low : high) : start < low ? low : start > high ? high : start;
  stop = !has_stop ? (step > 0 ? high : low) : stop < low ? low : stop > high ? high : stop;
  for (int i = start; step > 0 ? i < stop : i > stop; i += step) item->at[item->count++] = i;
}

TN_TEST(at, random_slices_pick_what_a_loop_picks) {
  for (int round = 0; round < 2000; round++) {
    tn_scope *scope = tn_scope_open();
    char text[256] = "";
    listed items[3];
    const int sizes[3] = {A, B, C};
    double expected[ALL];
    int64_t count = 0;
    int32_t rank = 0;
    for (int d = 0; d < 3; d++) {
      if (d > 0) strcat(text, ",");
      if (any(0, 6) == 0) {
        strcat(text, "None, ");
        rank++;
      }
      random_item(text, sizes[d], &items[d]);
      rank += !items[d].goes;
    }
    for (int i = 0; i < items[0].count; i++) {
      for (int j = 0; j < items[1].count; j++) {
        for (int k = 0; k < items[2].count; k++) {
          expected[count++] =
              (double)(items[0].at[i] * B * C + items[1].at[j] * C + items[2].at[k]);
        }
      }
    }
    tn_tensor *x = counted(), *y = tn_at(x, text);
    cr_assert_not_null(y, "[%s]: %s", text, message());
    cr_assert_eq(tn_tensor_ndim(y), rank, "[%s]", text);
    cr_assert(tn_tensor_shares_storage(x, y), "[%s]", text);
    expect_values(y, expected, count, 0);
    tn_scope_close(scope);
  }
}

TN_TEST(at, random_bytes_are_an_error_at_a_column_or_mean_something) {
  static const char bytes[] = "0123-+:,.? Nonewaxis\t(;9";
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = counted();
  for (int round = 0; round < 20000; round++) {
    char text[16];
    int length = any(0, 14);
    for (int i = 0; i < length; i++) text[i] = bytes[any(0, (int)sizeof bytes - 2)];
    text[length] = '\0';
    tn_scope *inner = tn_scope_open();
    if (tn_at(x, text) == NULL) {
      cr_assert_not_null(strstr(message(), "column "), "[%s]: %s", text, message());
    }
    tn_error_clear();
    tn_scope_close(inner);
  }
  tn_scope_close(scope);
}

// ---- errors ------------------------------------------------------------------------------------

static void expect_refusal(tn_tensor *result, tn_status status, const char *words) {
  cr_assert_null(result);
  cr_assert_not(tn_ok());
  cr_assert_eq(tn_error_peek()->status, status, "%s", message());
  cr_assert_not_null(strstr(message(), words), "%s", message());
  tn_error_clear();
}

TN_TEST(at, errors_name_the_column) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = counted(), *rows = named('a');
  expect_refusal(tn_at(x, "1, x"), TN_INVALID_ARGUMENT, "column 4");
  expect_refusal(tn_at(x, "1 2"), TN_INVALID_ARGUMENT, "column 3");
  expect_refusal(tn_at(x, "::0"), TN_INVALID_ARGUMENT, "column 3");
  expect_refusal(tn_at(x, "..., 1, ..."), TN_INVALID_ARGUMENT, "column 9");
  expect_refusal(tn_at(x, "0, 0, 0, 0"), TN_INVALID_ARGUMENT, "column 10");
  expect_refusal(tn_at(x, ":, 3"), TN_OUT_OF_RANGE, "index 3 is out of range for dimension 1");
  expect_refusal(tn_at(x, "1.5"), TN_INVALID_ARGUMENT, "column 2");
  expect_refusal(tn_at(x, "9223372036854775808"), TN_INVALID_ARGUMENT, "too large");
  expect_refusal(tn_at(x, "0, ?"), TN_INVALID_ARGUMENT, "column 4");
  expect_refusal(tn_at(x, "0", rows), TN_INVALID_ARGUMENT, "1 tensors were given for 0");
  expect_refusal(tn_at(x, ":, ?", mask_of(TN_SHAPE_SCALAR, (bool[]){true})), TN_INVALID_ARGUMENT,
                 "column 4");
  expect_refusal(tn_at(x, NULL), TN_INVALID_ARGUMENT, "text is NULL");
  tn_scope_close(scope);
}

// ---- assignment and gradients ------------------------------------------------------------------

TN_TEST(at, values_are_broadcast_and_cast) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_zeros(TN_SHAPE(2, 3), .dtype = TN_F32);
  cr_assert_eq(tn_at_fill(x, "0, ::2", 5), TN_OK);
  expect_exactly(x, 5, 0, 5, 0, 0, 0);
  tn_tensor *columns = tn_from_data((int64_t[]){2, 0}, TN_SHAPE(2), TN_I64);
  tn_tensor *value = tn_from_data((int64_t[]){7, 8}, TN_SHAPE(2, 1), TN_I64);
  cr_assert_eq(tn_at_put(x, ":, ?", value, columns), TN_OK);
  expect_exactly(x, 7, 0, 7, 8, 0, 8);
  cr_assert_eq(tn_at_put(x, ":, ::-1", x), TN_OK);
  expect_exactly(x, 7, 0, 7, 8, 0, 8);
  tn_scope_close(scope);
}

TN_TEST(at, assignment_records_what_was_written) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *weight = doubles(TN_SHAPE(2), (double[]){1, 2});
  cr_assert_eq(tn_requires_grad_(weight, true), TN_OK);
  tn_tensor *x = tn_mul_scalar(weight, 3);
  cr_assert_eq(tn_at_put(x, "-1", tn_mul(tn_at(weight, "0"), tn_at(weight, "0"))), TN_OK);
  cr_assert_eq(tn_backward(tn_sum(x)), TN_OK);
  expect_exactly(tn_tensor_grad(weight), 5, 0);
  tn_scope_close(scope);
}
