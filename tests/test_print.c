// SPDX-License-Identifier: Apache-2.0
//
// test_print: a tensor's text. The oracle is PyTorch: tests/data/print_cases.txt holds tensors with
// the text that it prints for each, written by tools/print_cases.py, which describes the format.

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/half.h>
#include <tenon/tenon.h>

#include "tenon_test.h"

enum { LONGEST_LINE = 1 << 16, LONGEST_TEXT = 1 << 16 };

// ---- reading cases -----------------------------------------------------------------------------

typedef struct print_case {
  char name[96];
  tn_dtype dtype;
  int64_t shape[TN_MAX_DIMS], strides[TN_MAX_DIMS];
  int rank;
  bool has_strides, requires_grad;
  tn_print_options options;
  char values[LONGEST_LINE];
  char text[LONGEST_TEXT];
} print_case;

static void store(tn_dtype dtype, const char *spelling, char *out) {
  const double real = strtod(spelling, NULL);
  const char *comma = strchr(spelling, ',');
  const double imaginary = comma == NULL ? 0 : strtod(comma + 1, NULL);
  const int64_t whole = strtoll(spelling, NULL, 10);
  const uint16_t half = dtype == TN_F16 ? tn_f64_to_f16(real) : tn_f64_to_bf16(real);
  const size_t size = (size_t)tn_dtype_size(dtype);
  switch (dtype) {
    case TN_F16:
    case TN_BF16:
      memcpy(out, &half, size);
      break;
    case TN_F32:
      memcpy(out, &(float){(float)real}, size);
      break;
    case TN_F64:
      memcpy(out, &real, size);
      break;
    case TN_C64:
      memcpy(out, &(tn_complex64){(float)real, (float)imaginary}, size);
      break;
    case TN_C128:
      memcpy(out, &(tn_complex128){real, imaginary}, size);
      break;
    default:  // integers, of which a little-endian machine keeps the low bytes
      memcpy(out, &whole, size);
  }
}

static int read_integers(const char *line, int64_t *out) {
  int count = 0;
  char *end;
  for (;; line = end, count++) {
    const int64_t value = strtoll(line, &end, 10);
    if (end == line || count == TN_MAX_DIMS) return count;
    out[count] = value;
  }
}

static void read_option(print_case *c, const char *line) {
  long long value = 0;
  if (sscanf(line, "precision %lld", &value) == 1) {
    c->options.precision = (int32_t)value;
  } else if (sscanf(line, "line_width %lld", &value) == 1) {
    c->options.line_width = (int32_t)value;
  } else if (sscanf(line, "edge_items %lld", &value) == 1) {
    c->options.edge_items = (int32_t)value;
  } else if (sscanf(line, "threshold %lld", &value) == 1) {
    c->options.threshold = value;
  } else {
    cr_assert_fail("%s: what is the option '%s'?", c->name, line);
  }
}

// The rest of a line that starts with |key|; NULL where it does not.
static const char *after(const char *line, const char *key) {
  const size_t length = strlen(key);
  return strncmp(line, key, length) == 0 ? line + length : NULL;
}

static void read_text(print_case *c, FILE *file, long lines) {
  size_t length = 0;
  static char line[LONGEST_LINE];
  for (long i = 0; i < lines && fgets(line, sizeof line, file) != NULL; i++) {
    length += (size_t)snprintf(c->text + length, sizeof c->text - length, "%s", line);
  }
  cr_assert(length > 0 && length < sizeof c->text, "%s: no text", c->name);
  c->text[length - 1] = '\0';
}

// The next case; false at the end of the file.
static bool read_case(FILE *file, print_case *c) {
  static char line[LONGEST_LINE];
  memset(c, 0, sizeof *c);
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const char *rest;
    if ((rest = after(line, "case ")) != NULL) {
      snprintf(c->name, sizeof c->name, "%.*s", (int)sizeof c->name - 1, rest);
    } else if ((rest = after(line, "dtype ")) != NULL) {
      c->dtype = tn_dtype_parse(rest);
    } else if ((rest = after(line, "shape ")) != NULL) {
      c->rank = read_integers(rest, c->shape);
    } else if ((rest = after(line, "strides ")) != NULL) {
      c->has_strides = read_integers(rest, c->strides) == c->rank;
    } else if ((rest = after(line, "option ")) != NULL) {
      read_option(c, rest);
    } else if (strcmp(line, "requires_grad") == 0) {
      c->requires_grad = true;
    } else if ((rest = after(line, "values ")) != NULL) {
      snprintf(c->values, sizeof c->values, "%s", rest);
    } else if ((rest = after(line, "text ")) != NULL) {
      read_text(c, file, strtol(rest, NULL, 10));
      return true;
    }
  }
  return false;
}

// ---- building tensors --------------------------------------------------------------------------

static int64_t elements_reached(const print_case *c) {
  int64_t count = 1, reach = 1;
  for (int dim = 0; dim < c->rank; dim++) {
    count *= c->shape[dim];
    if (c->has_strides) reach += (c->shape[dim] - 1) * c->strides[dim];
  }
  return c->has_strides ? reach : count;
}

// Memory of the case's values, repeated. Freed by the caller.
static void *build_memory(print_case *c) {
  const int64_t count = elements_reached(c), size = tn_dtype_size(c->dtype);
  char *memory = malloc((size_t)(count * size) + 1);
  static char *spellings[LONGEST_LINE / 2];
  int64_t given = 0;
  for (char *word = strtok(c->values, " "); word != NULL; word = strtok(NULL, " ")) {
    spellings[given++] = word;
  }
  cr_assert(given > 0, "%s has no values", c->name);
  for (int64_t i = 0; i < count; i++) store(c->dtype, spellings[i % given], memory + i * size);
  return memory;
}

// Whether the tensor of the case prints as the case says; tells what is different.
static bool case_holds(print_case *c) {
  void *memory = build_memory(c);
  const tn_ints shape = {c->shape, c->rank};
  const tn_ints strides = c->has_strides ? (tn_ints){c->strides, c->rank} : TN_NO_DIMS;
  tn_tensor *tensor = tn_from_blob(memory, shape, strides, c->dtype, free, memory);
  cr_assert_not_null(tensor, "%s cannot be made: %s", c->name,
                     tn_ok() ? "" : tn_error_peek()->message);
  if (c->requires_grad) cr_assert_eq(tn_requires_grad_(tensor, true), TN_OK);
  char *text = tn_to_string(tensor, &c->options);
  cr_assert_not_null(text, "%s cannot be printed", c->name);
  const bool same = strcmp(text, c->text) == 0;
  if (!same) {
    cr_log_error("%s\n---- PyTorch\n%s\n---- Tenon\n%s\n", c->name, c->text, text);
  }
  free(text);
  tn_release(tensor);
  return same;
}

TN_TEST(print, equals_pytorch_in_every_stored_case) {
  FILE *file = fopen(TN_TEST_DATA_DIR "/print_cases.txt", "r");
  cr_assert_not_null(file, "print_cases.txt: %s", strerror(errno));
  static print_case c;
  int count = 0, wrong = 0;
  for (; read_case(file, &c); count++) wrong += case_holds(&c) ? 0 : 1;
  fclose(file);
  cr_assert_gt(count, 150, "only %d cases were read", count);
  cr_assert_eq(wrong, 0, "%d of %d cases differ", wrong, count);
}

// ---- what PyTorch 1.13 cannot show -------------------------------------------------------------

static void expect_text(tn_tensor *tensor, const char *expected) {
  cr_assert_not_null(tensor, "%s", tn_ok() ? "NULL" : tn_error_peek()->message);
  char *text = tn_to_string(tensor, NULL);
  cr_assert_not_null(text);
  cr_expect_str_eq(text, expected, "\n---- expected\n%s\n---- printed\n%s\n", expected, text);
  free(text);
  tn_release(tensor);
}

TN_TEST(print, unsigned_integers_show_their_dtype_and_whole_range) {
  const uint16_t small[] = {0, 65535};
  const uint32_t middle[] = {0, 4294967295u};
  const uint64_t large[] = {1, UINT64_MAX};
  expect_text(tn_from_data(small, TN_SHAPE(2), TN_U16),
              "tensor([    0, 65535], dtype=torch.uint16)");
  expect_text(tn_from_data(middle, TN_SHAPE(2), TN_U32),
              "tensor([         0, 4294967295], dtype=torch.uint32)");
  expect_text(tn_from_data(large, TN_SHAPE(2), TN_U64),
              "tensor([                   1, 18446744073709551615], dtype=torch.uint64)");
}

TN_TEST(print, a_nan_has_no_sign) {
  expect_text(tn_from_data(TN_F32S(-NAN, 1), TN_SHAPE(2), TN_F32), "tensor([nan, 1.])");
}

TN_TEST(print, negative_strides_show_the_view) {
  static const int64_t numbers[] = {1, 2, 3, 4};
  expect_text(tn_from_const_blob(numbers + 3, TN_SHAPE(4), TN_INTS(-1), TN_I64, NULL, NULL),
              "tensor([4, 3, 2, 1])");
}

TN_TEST(print, thirty_two_dims) {
  int64_t shape[TN_MAX_DIMS];
  for (int dim = 0; dim < TN_MAX_DIMS; dim++) shape[dim] = 1;
  tn_tensor *tensor = tn_from_data(TN_I64S(7), (tn_ints){shape, TN_MAX_DIMS}, TN_I64);
  expect_text(tensor, "tensor([[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[7]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]])");
}

// A billion elements over one: only a reader that summarises first ends in time.
TN_TEST(print, reads_only_what_it_shows, .timeout = 20) {
  static const int64_t one = 5;
  tn_tensor *tensor =
      tn_from_const_blob(&one, TN_SHAPE(1 << 20, 1 << 20), TN_INTS(0, 0), TN_I64, NULL, NULL);
  expect_text(tensor,
              "tensor([[5, 5, 5,  ..., 5, 5, 5],\n"
              "        [5, 5, 5,  ..., 5, 5, 5],\n"
              "        [5, 5, 5,  ..., 5, 5, 5],\n"
              "        ...,\n"
              "        [5, 5, 5,  ..., 5, 5, 5],\n"
              "        [5, 5, 5,  ..., 5, 5, 5],\n"
              "        [5, 5, 5,  ..., 5, 5, 5]])");
}

TN_TEST(print, follows_the_default_dtype) {
  cr_assert_eq(tn_set_default_dtype(TN_F64), TN_OK);
  expect_text(tn_from_data(TN_F64S(1.5), TN_SHAPE(1), TN_F64), "tensor([1.5000])");
  expect_text(tn_from_data(TN_F64S(1.5, 2), TN_SHAPE(1), TN_C128), "tensor([1.5000+2.j])");
  expect_text(tn_from_data(TN_F32S(1.5), TN_SHAPE(1), TN_F32),
              "tensor([1.5000], dtype=torch.float32)");
}

// ---- gradients: names from PyTorch 1.13 --------------------------------------------------------

static void expect_node(const char *name, tn_tensor *result) {
  cr_assert_not_null(result, "%s: %s", name, tn_ok() ? "NULL" : tn_error_peek()->message);
  char wanted[96];
  snprintf(wanted, sizeof wanted, "grad_fn=<%s>)", name);
  char *text = tn_to_string(result, NULL);
  cr_assert_not_null(text);
  cr_expect_not_null(strstr(text, wanted), "'%s' lacks '%s'", text, wanted);
  free(text);
}

TN_TEST(print, names_the_gradient_node_as_pytorch_does) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(2, 2));
  cr_assert_eq(tn_requires_grad_(x, true), TN_OK);
  expect_node("AddBackward0", tn_add(x, x));
  expect_node("MulBackward0", tn_mul_scalar(x, 2));
  expect_node("PowBackward0", tn_pow_scalar(x, 2));
  expect_node("PowBackward1", tn_pow(x, x));
  expect_node("Log1PBackward0", tn_log1p(x));
  expect_node("SumBackward0", tn_sum(x));
  expect_node("SumBackward1", tn_sum_dim(x, TN_DIMS(1)));
  expect_node("MeanBackward0", tn_mean(x));
  expect_node("MmBackward0", tn_matmul(x, x));
  expect_node("LogSoftmaxBackward0", tn_log_softmax(x, 1));
  expect_node("TransposeBackward0", tn_transpose(x, 0, 1));
  expect_node("SelectBackward0", tn_select(x, 0, 0));
  expect_node("ClampBackward1", tn_clamp(x, .min = TN_SCALAR(0)));
  tn_tensor *changed = tn_clone(x);
  cr_assert_eq(tn_mul_(changed, x), TN_OK);
  expect_node("MulBackward0", changed);
  cr_assert_eq(tn_clamp_(changed, .min = TN_SCALAR(0)), TN_OK);
  expect_node("ClampBackward1", changed);
  cr_assert_eq(tn_copy_(changed, x), TN_OK);
  expect_node("CopyBackwards", changed);
  tn_scope_close(scope);
}

TN_TEST(print, a_view_without_gradient_shows_none) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  cr_assert_eq(tn_requires_grad_(x, true), TN_OK);
  char *text = tn_to_string(tn_detach(tn_add(x, x)), NULL);
  cr_assert_str_eq(text, "tensor([2., 2.])");
  free(text);
  tn_scope_close(scope);
}

// ---- where text goes ---------------------------------------------------------------------------

TN_TEST(print, ignores_the_locale_of_the_program) {
  static const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
  const char *set = NULL;
  for (size_t i = 0; set == NULL && i < sizeof with_comma / sizeof with_comma[0]; i++) {
    set = setlocale(LC_ALL, with_comma[i]);
  }
  if (set == NULL) cr_skip_test("no locale with a decimal comma is installed");
  expect_text(tn_from_data(TN_F32S(1.5), TN_SHAPE(1), TN_F32), "tensor([1.5000])");
  cr_assert_str_eq(localeconv()->decimal_point, ",", "the program's own locale was changed");
}

TN_TEST(print, null_and_absent_tensors) {
  cr_assert_null(tn_to_string(NULL, NULL));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  char *none = tn_to_string(TN_NONE, NULL);
  cr_assert_str_eq(none, "None");
  free(none);
  char *written = NULL;
  size_t size = 0;
  FILE *file = open_memstream(&written, &size);
  cr_assert_eq(tn_print(NULL, file), TN_OK);
  fclose(file);
  cr_assert_str_eq(written, "NULL\n");
  free(written);
  cr_assert(tn_ok());
}

TN_TEST(print, reports_a_file_that_refuses) {
  tn_tensor *tensor = tn_from_data(TN_F32S(1), TN_SHAPE(1), TN_F32);
  cr_assert_eq(tn_print(tensor, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  FILE *full = fopen("/dev/full", "w");
  if (full != NULL) {
    setvbuf(full, NULL, _IONBF, 0);
    cr_assert_eq(tn_print(tensor, full), TN_IO_ERROR);
    fclose(full);
  }
  tn_error_clear();
  tn_release(tensor);
}
