// SPDX-License-Identifier: Apache-2.0
//
// print: PyTorch's text for a tensor.
//
// What is shown is decided first and only that is read: where host memory allows it straight from
// the tensor by its strides, else through one view of exactly the elements that are shown, copied
// from the device in one go. A tensor of a billion elements prints as fast as one of a thousand.
// Invariant: numbers are written in the C locale, whatever the program's own.

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/autograd.h>
#include <tenon/device.h>
#include <tenon/error.h>

#include "copy.h"
#include "dtype.h"
#include "print_impl.h"
#include "scalar.h"
#include "tensor_impl.h"

static tn_print_options resolve(const tn_print_options *options) {
  tn_print_options resolved = {4, 80, 3, 1000};
  if (options == NULL) return resolved;
  if (options->precision > 0) resolved.precision = options->precision;
  if (options->line_width > 0) resolved.line_width = options->line_width;
  if (options->edge_items > 0) resolved.edge_items = options->edge_items;
  if (options->threshold > 0) resolved.threshold = options->threshold;
  return resolved;
}

// ---- choosing and reading what is shown --------------------------------------------------------

static tn_status no_room(const tn_tensor *tensor) {
  return tn_error_set(TN_OUT_OF_MEMORY, "out of memory: printing %lld elements",
                      (long long)tensor->numel);
}

static tn_status choose_shown(const tn_tensor *tensor, tn__shown *shown) {
  const bool shorten = tensor->numel > shown->options.threshold;
  const int64_t both_edges = 2 * (int64_t)shown->options.edge_items;
  shown->dtype = tensor->dtype;
  shown->rank = tensor->rank;
  shown->count = 1;
  for (int32_t dim = 0; dim < tensor->rank; dim++) {
    shown->has_gap[dim] = shorten && tensor->sizes[dim] > both_edges;
    shown->kept[dim] = shown->has_gap[dim] ? both_edges : tensor->sizes[dim];
  }
  shown->count = tn__numel(shown->rank, shown->kept, (int64_t)sizeof(tn_scalar));
  if (shown->count >= 0) {
    shown->elements = tn__malloc((size_t)shown->count * sizeof(tn_scalar) + 1);
  }
  return shown->elements == NULL ? no_room(tensor) : TN_OK;
}

// Elements between [0, ..., 0] and element |index| along |dim| of what is kept.
static int64_t distance(const tn_tensor *tensor, const tn__shown *shown, int32_t dim,
                        int64_t index) {
  const bool behind_gap = shown->has_gap[dim] && index >= shown->kept[dim] / 2;
  const int64_t skipped = behind_gap ? tensor->sizes[dim] - shown->kept[dim] : 0;
  return (index + skipped) * tensor->strides[dim];
}

static void read_host(const tn_tensor *tensor, tn__shown *shown) {
  int64_t index[TN_MAX_DIMS] = {0};
  const char *data = tensor->data;
  for (int64_t i = 0; i < shown->count; i++) {
    int64_t offset = 0;
    for (int32_t dim = 0; dim < shown->rank; dim++) {
      offset += distance(tensor, shown, dim, index[dim]);
    }
    shown->elements[i] = tn__scalar_load(data + offset * tensor->item_bytes, shown->dtype);
    for (int32_t dim = shown->rank - 1; dim >= 0 && ++index[dim] == shown->kept[dim]; dim--) {
      index[dim] = 0;
    }
  }
}

// The kept elements, in row-major order, as a window on the tensor's storage: a dim with a gap
// becomes two, the edge that an element belongs to and its place there. NULL on failure.
static tn_tensor *shown_window(const tn_tensor *tensor, const tn__shown *shown) {
  int64_t sizes[2 * TN_MAX_DIMS], strides[2 * TN_MAX_DIMS];
  int32_t rank = 0;
  for (int32_t dim = 0; dim < shown->rank; dim++) {
    if (shown->kept[dim] == 1) continue;
    const int64_t edge = shown->kept[dim] / 2;
    if (shown->has_gap[dim]) {
      sizes[rank] = 2;
      strides[rank++] = (tensor->sizes[dim] - edge) * tensor->strides[dim];
    }
    sizes[rank] = shown->has_gap[dim] ? edge : shown->kept[dim];
    strides[rank++] = tensor->strides[dim];
  }
  if (rank > TN_MAX_DIMS) {  // more than 2^32 elements are shown
    no_room(tensor);
    return NULL;
  }
  return tn__tensor_on(tensor->storage, rank, sizes, strides, tensor->offset, tensor->dtype);
}

static tn_status read_device(const tn_tensor *tensor, tn__shown *shown) {
  const size_t size_bytes = (size_t)shown->count * tensor->item_bytes;
  char *bytes = tn__malloc(size_bytes + 1);
  if (bytes == NULL) return tn__out_of_memory("a copy of a printed tensor", size_bytes);
  tn_tensor *window = shown_window(tensor, shown);
  tn_status status = window == NULL ? tn_error_peek()->status
                                    : tn_copy_to_host(window, bytes, size_bytes, shown->dtype);
  if (window != NULL) tn__release_raw(window);
  for (int64_t i = 0; status == TN_OK && i < shown->count; i++) {
    shown->elements[i] = tn__scalar_load(bytes + i * tensor->item_bytes, shown->dtype);
  }
  free(bytes);
  return status;
}

// Appends the numbers; "[]" where there are none.
static tn_status append_elements(tn__text *text, const tn_tensor *tensor,
                                 const tn_print_options *options, int64_t indent) {
  if (tensor->numel == 0) {
    tn__text_append(text, "[]");
    return TN_OK;
  }
  tn__shown shown = {.options = *options};
  tn_status status = choose_shown(tensor, &shown);
  if (status == TN_OK) status = tn__tensor_wait(tensor);
  if (status == TN_OK && tn__device_is_host(tensor->device)) {
    read_host(tensor, &shown);
  } else if (status == TN_OK) {
    status = read_device(tensor, &shown);
  }
  if (status == TN_OK) tn__format_elements(text, &shown, indent);
  free(shown.elements);
  return status;
}

// ---- what stands behind the numbers ------------------------------------------------------------

// A text with suffixes, each of which goes to a new line where it would not fit.
typedef struct suffixed {
  tn__text *text;
  int64_t line_width;
  int64_t indent;
  int64_t column;  // that the last line has reached; PyTorch counts two more than stand there
} suffixed;

static int64_t last_line_length(const tn__text *text) {
  size_t start = text->length;
  while (start > 0 && text->data[start - 1] != '\n') start--;
  return (int64_t)(text->length - start);
}

static void append_suffix(suffixed *out, const char *suffix) {
  const int64_t length = (int64_t)strlen(suffix);
  if (out->column + length + 2 > out->line_width) {
    tn__text_append(out->text, ",\n");
    tn__text_repeat(out->text, ' ', out->indent);
    out->column = out->indent + length;
  } else {
    tn__text_append(out->text, ", ");
    out->column += length + 2;
  }
  tn__text_append(out->text, "%s", suffix);
}

// Appends |suffix|'s text and frees it. One that ran out of memory takes the whole text with it.
static void append_built_suffix(suffixed *out, tn__text *suffix) {
  if (suffix->data == NULL) {
    free(out->text->data);
    *out->text = *suffix;
    return;
  }
  append_suffix(out, suffix->data);
  free(suffix->data);
}

static void append_size(suffixed *out, const tn_tensor *tensor) {
  tn__text suffix = {NULL, 0, 0};
  tn__text_append(&suffix, "size=(");
  for (int32_t dim = 0; dim < tensor->rank; dim++) {
    tn__text_append(&suffix, "%s%lld", dim > 0 ? ", " : "", (long long)tensor->sizes[dim]);
  }
  tn__text_append(&suffix, ")");
  append_built_suffix(out, &suffix);
}

static void append_quoted(suffixed *out, const char *before, const char *word, const char *after) {
  tn__text suffix = {NULL, 0, 0};
  tn__text_append(&suffix, "%s%s%s", before, word, after);
  append_built_suffix(out, &suffix);
}

// Whether the numbers alone say which dtype they have.
static bool dtype_is_plain(const tn_tensor *tensor) {
  const tn_dtype standard = tn_default_dtype();
  if (tensor->dtype == standard) return true;
  if (tensor->numel == 0) return false;
  return tensor->dtype == TN_BOOL || tensor->dtype == TN_I64 ||
         tensor->dtype == tn__dtype_to_complex(standard);
}

static void append_gradient(suffixed *out, const tn_tensor *tensor) {
  const char *op = tn_grad_fn(tensor);
  if (op == NULL || op[0] == '\0') {
    if (tn_requires_grad(tensor)) append_suffix(out, "requires_grad=True");
    return;
  }
  tn__text suffix = {NULL, 0, 0};
  tn__text_append(&suffix, "grad_fn=<");
  tn__format_grad_fn(&suffix, op, tensor->rank);
  tn__text_append(&suffix, ">");
  append_built_suffix(out, &suffix);
}

static void append_suffixes(tn__text *text, const tn_tensor *tensor, int64_t line_width,
                            int64_t indent) {
  suffixed out = {text, line_width, indent, last_line_length(text) + 2};
  if (!tn_device_equal(tensor->device, TN_DEVICE_CPU)) {
    char name[64];
    append_quoted(&out, "device='", tn_device_name(tensor->device, name, sizeof name), "'");
  }
  if (tensor->numel == 0 && tensor->rank != 1) append_size(&out, tensor);
  if (!dtype_is_plain(tensor))
    append_quoted(&out, "dtype=torch.", tn_dtype_name(tensor->dtype), "");
  append_gradient(&out, tensor);
}

// ---- the public calls --------------------------------------------------------------------------

static char *take(tn__text *text) {
  if (text->data == NULL) tn_error_set(TN_OUT_OF_MEMORY, "out of memory: a tensor's text");
  return text->data;
}

static char *describe(const tn_tensor *tensor, const tn_print_options *options) {
  static const char prefix[] = "tensor(";
  const int64_t indent = (int64_t)sizeof prefix - 1;
  const tn_print_options resolved = resolve(options);
  tn__text text = {NULL, 0, 0};
  tn__text_append(&text, "%s", prefix);
  if (append_elements(&text, tensor, &resolved, indent) != TN_OK) {
    free(text.data);
    return NULL;
  }
  append_suffixes(&text, tensor, resolved.line_width, indent);
  tn__text_append(&text, ")");
  return take(&text);
}

char *tn_to_string(const tn_tensor *tensor, const tn_print_options *options) {
  if (tensor == NULL) {
    tn__null_operand("to_string", "tensor");
    return NULL;
  }
  if (tn__is_none(tensor)) {
    tn__text text = {NULL, 0, 0};
    tn__text_append(&text, "None");
    return take(&text);
  }
  // The decimal point of the program's locale has no place in the text.
  const locale_t c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
  if (c_locale == (locale_t)0) {
    tn_error_set(TN_OUT_OF_MEMORY, "out of memory: the C locale cannot be had");
    return NULL;
  }
  const locale_t before = uselocale(c_locale);
  char *text = describe(tensor, options);
  uselocale(before);
  freelocale(c_locale);
  return text;
}

tn_status tn_print(const tn_tensor *tensor, FILE *file) {
  if (file == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "print: the file is NULL");
  char *text = NULL;
  if (tensor != NULL) {
    text = tn_to_string(tensor, NULL);
    if (text == NULL) return tn_error_peek()->status;
  }
  const bool written = fprintf(file, "%s\n", text == NULL ? "NULL" : text) >= 0;
  free(text);
  if (!written) return tn_error_set(TN_IO_ERROR, "print: the file takes no more text");
  return TN_OK;
}
