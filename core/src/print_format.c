// SPDX-License-Identifier: Apache-2.0
//
// print_format: the numbers of a tensor as PyTorch lays them out.
//
// One format is chosen for all numbers shown, from the nonzero finite ones among them: whole
// numbers
// ("1."), fixed point, or scientific where the largest is more than 1000 times the smallest, above
// 1e8, or (with fractions) the smallest is below 1e-4. Everything is padded to the widest. Complex
// numbers have one such format for the real and one for the imaginary parts. Invariant: the width
// depends on what is shown alone, never on what was left out.

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "print_impl.h"

// Which number of an element: a complex one has two.
typedef enum part { WHOLE, REAL, IMAGINARY } part;

typedef struct number_format {
  bool floating;
  bool whole;  // every finite number is an integer
  bool scientific;
  int precision;
  int64_t width;
} number_format;

static double part_of(tn_scalar element, part which) {
  if (which == WHOLE) return element.as.f;
  return which == REAL ? element.as.c.real : element.as.c.imag;
}

// ---- choosing the format -----------------------------------------------------------------------

static int64_t widest_exact(const tn__shown *shown) {
  int64_t widest = 1;
  for (int64_t i = 0; i < shown->count; i++) {
    const tn_scalar element = shown->elements[i];
    int length;
    if (element.kind == TN_SCALAR_BOOL) {
      length = element.as.i != 0 ? 4 : 5;
    } else if (element.kind == TN_SCALAR_UINT) {
      length = snprintf(NULL, 0, "%" PRIu64, element.as.u);
    } else {
      length = snprintf(NULL, 0, "%" PRId64, element.as.i);
    }
    if (length > widest) widest = length;
  }
  return widest;
}

// The width of a nonzero finite number.
static int64_t width_of(double value, const number_format *format) {
  if (format->scientific) return snprintf(NULL, 0, "%.*e", format->precision, value);
  if (format->whole) return snprintf(NULL, 0, "%.0f", value) + 1;  // and the point
  return snprintf(NULL, 0, "%.*f", format->precision, value);
}

static bool counts(double value) { return isfinite(value) && value != 0; }

static number_format choose_format(const tn__shown *shown, part which) {
  number_format format = {true, true, false, shown->options.precision, 1};
  double smallest = INFINITY, largest = 0;
  for (int64_t i = 0; i < shown->count; i++) {
    const double value = part_of(shown->elements[i], which);
    if (!counts(value)) continue;
    if (value != ceil(value)) format.whole = false;
    smallest = fmin(smallest, fabs(value));
    largest = fmax(largest, fabs(value));
  }
  if (largest == 0) return format;
  format.scientific = largest / smallest > 1000.0 || largest > 1.0e8;
  if (!format.whole && smallest < 1.0e-4) format.scientific = true;
  for (int64_t i = 0; i < shown->count; i++) {
    const double value = part_of(shown->elements[i], which);
    if (!counts(value)) continue;
    const int64_t width = width_of(value, &format);
    if (width > format.width) format.width = width;
  }
  return format;
}

// ---- single elements ---------------------------------------------------------------------------

// |value| without padding. A NaN has no sign in Python, and a whole number ends in a point.
static void append_floating(tn__text *text, double value, const number_format *format) {
  if (isnan(value)) {
    tn__text_append(text, "nan");
  } else if (isinf(value)) {
    tn__text_append(text, value < 0 ? "-inf" : "inf");
  } else if (format->scientific) {
    tn__text_append(text, "%.*e", format->precision, value);
  } else if (format->whole) {
    tn__text_append(text, "%.0f.", value);
  } else {
    tn__text_append(text, "%.*f", format->precision, value);
  }
}

// Moves what was appended since |start| to the right end of a field of |width|.
static void pad_left(tn__text *text, size_t start, int64_t width) {
  const int64_t length = (int64_t)(text->length - start);
  if (text->data == NULL || length >= width) return;
  const int64_t padding = width - length;
  tn__text_repeat(text, ' ', padding);
  if (text->data == NULL) return;
  memmove(text->data + start + padding, text->data + start, (size_t)length);
  memset(text->data + start, ' ', (size_t)padding);
}

typedef struct number_layout {
  const tn__shown *shown;
  number_format format;     // of real numbers, and of real parts
  number_format imaginary;  // of imaginary parts
} number_layout;

static void append_element(tn__text *text, tn_scalar element, const number_layout *layout) {
  const size_t start = text->length;
  switch (element.kind) {
    case TN_SCALAR_BOOL:
      tn__text_append(text, element.as.i != 0 ? "True" : "False");
      break;
    case TN_SCALAR_INT:
      tn__text_append(text, "%" PRId64, element.as.i);
      break;
    case TN_SCALAR_UINT:
      tn__text_append(text, "%" PRIu64, element.as.u);
      break;
    case TN_SCALAR_FLOAT:
      append_floating(text, element.as.f, &layout->format);
      break;
    default:
      append_floating(text, element.as.c.real, &layout->format);
  }
  pad_left(text, start, layout->format.width);
  if (element.kind != TN_SCALAR_COMPLEX) return;
  const double imaginary = element.as.c.imag;
  if (isnan(imaginary) || !signbit(imaginary)) tn__text_append(text, "+");
  append_floating(text, imaginary, &layout->imaginary);
  tn__text_append(text, "j");
}

// ---- brackets ----------------------------------------------------------------------------------

// What stands in front of item |item| of a row; elements and the gap are items alike.
static void start_item(tn__text *text, int64_t item, int64_t per_line, int64_t indent) {
  if (item == 0) return;
  if (item % per_line != 0) {
    tn__text_append(text, ", ");
    return;
  }
  tn__text_append(text, ",\n");
  tn__text_repeat(text, ' ', indent + 1);
}

// The last dim: the elements from |elements| on, wrapped to the line.
static void append_row(tn__text *text, const number_layout *layout, const tn_scalar *elements,
                       int64_t indent) {
  const tn__shown *shown = layout->shown;
  const int64_t count = shown->kept[shown->rank - 1];
  const int64_t gap_at = shown->has_gap[shown->rank - 1] ? count / 2 : -1;
  int64_t item_width = layout->format.width + 2;
  if (tn_dtype_is_complex(shown->dtype)) item_width += layout->imaginary.width + 1;
  int64_t per_line = (shown->options.line_width - indent) / item_width;
  if (per_line < 1) per_line = 1;
  int64_t item = 0;
  tn__text_append(text, "[");
  for (int64_t i = 0; i < count; i++) {
    if (i == gap_at) {
      start_item(text, item++, per_line, indent);
      tn__text_append(text, " ...");
    }
    start_item(text, item++, per_line, indent);
    append_element(text, elements[i], layout);
  }
  tn__text_append(text, "]");
}

// What stands between two blocks of rank |rank_below|.
static void append_separator(tn__text *text, int32_t rank_below, int64_t indent) {
  tn__text_append(text, ",");
  tn__text_repeat(text, '\n', rank_below);
  tn__text_repeat(text, ' ', indent + 1);
}

// Dims from |dim| on, of which |elements| has |count_below| elements.
static void append_block(tn__text *text, const number_layout *layout, int32_t dim,
                         const tn_scalar *elements, int64_t count_below, int64_t indent) {
  const tn__shown *shown = layout->shown;
  if (dim == shown->rank - 1) {
    append_row(text, layout, elements, indent);
    return;
  }
  const int64_t count = shown->kept[dim];
  const int32_t rank_below = shown->rank - 1 - dim;
  const int64_t step = count_below / count;
  tn__text_append(text, "[");
  for (int64_t i = 0; i < count && text->data != NULL; i++) {
    if (i > 0) append_separator(text, rank_below, indent);
    if (shown->has_gap[dim] && i == count / 2) {
      tn__text_append(text, "...");
      append_separator(text, rank_below, indent);
    }
    append_block(text, layout, dim + 1, elements + i * step, step, indent + 1);
  }
  tn__text_append(text, "]");
}

void tn__format_elements(tn__text *text, const tn__shown *shown, int64_t indent) {
  number_layout layout = {shown, {false, false, false, 0, 1}, {false, false, false, 0, 1}};
  if (tn_dtype_is_complex(shown->dtype)) {
    layout.format = choose_format(shown, REAL);
    layout.imaginary = choose_format(shown, IMAGINARY);
  } else if (tn_dtype_is_floating(shown->dtype)) {
    layout.format = choose_format(shown, WHOLE);
  } else {
    layout.format.width = widest_exact(shown);
  }
  if (shown->rank == 0) {
    append_element(text, shown->elements[0], &layout);
  } else {
    append_block(text, &layout, 0, shown->elements, shown->count, indent);
  }
}
