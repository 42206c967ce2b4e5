// SPDX-License-Identifier: Apache-2.0
//
// verify_save: a call whose result another kernel does not confirm, written down so that it can be
// run again: a text with operator, attributes and the largest difference, and a .npy file for each
// operand and each result of either side. NumPy has no bfloat16: such tensors are saved as float32,
// which holds them exactly.

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/io.h>
#include <unistd.h>

#include "scalar.h"
#include "text.h"
#include "verify.h"

// ---- the story ---------------------------------------------------------------------------------

// The index of |element| in row-major order, "[1, 2]".
static void append_index(tn__text *text, const tn_tensor *tensor, int64_t at) {
  int64_t index[TN_MAX_DIMS];
  for (int32_t d = tensor->rank - 1; d >= 0; d--) {
    index[d] = at % tensor->sizes[d];
    at /= tensor->sizes[d];
  }
  tn__text_append_ints(text, index, tensor->rank);
}

void tn__divergence_story(const tn__divergence *divergence, char *text, size_t size) {
  const tn__difference *difference = &divergence->difference;
  const tn_tensor *ours = divergence->ours[difference->result];
  char a[64], b[64];
  tn__text index = {NULL, 0, 0};
  if (difference->form != NULL) {
    const tn_tensor *theirs = divergence->theirs[difference->result];
    tn__text_append_ints(&index, ours->sizes, ours->rank);
    tn__text_append(&index, ", and ");
    tn__text_append_ints(&index, theirs->sizes, theirs->rank);
    snprintf(text, size, "result %d: %s: %s with %s", difference->result, difference->form,
             index.data == NULL ? "?" : index.data, divergence->other);
  } else {
    append_index(&index, ours, difference->element);
    snprintf(text, size,
             "result %d at %s: %s, and %s with %s (allowed difference: %.3g); %lld of "
             "%lld elements differ",
             difference->result, index.data == NULL ? "?" : index.data,
             tn__scalar_text(difference->ours, a, sizeof a),
             tn__scalar_text(difference->theirs, b, sizeof b), divergence->other,
             difference->allowed, (long long)difference->count, (long long)ours->numel);
  }
  free(index.data);
}

// ---- attributes --------------------------------------------------------------------------------

static void append_attr(tn__text *text, const tn__arg *arg, const void *field) {
  char buffer[96];
  switch (arg->kind) {
    case TN__ARG_BOOL:
      tn__text_append(text, *(const bool *)field ? "true" : "false");
      return;
    case TN__ARG_INT:
      tn__text_append(text, "%lld", (long long)*(const int64_t *)field);
      return;
    case TN__ARG_FLOAT:
      tn__text_append(text, "%.17g", *(const double *)field);
      return;
    case TN__ARG_OPT_INT: {
      const tn_opt_int *value = field;
      tn__text_append(text, value->present ? "%lld" : "none", (long long)value->value);
      return;
    }
    case TN__ARG_OPT_FLOAT: {
      const tn_opt_float *value = field;
      tn__text_append(text, value->present ? "%.17g" : "none", value->value);
      return;
    }
    case TN__ARG_SCALAR: {
      const tn_scalar *value = field;
      tn__text_append(
          text, "%s",
          value->kind == TN_SCALAR_NONE ? "none" : tn__scalar_text(*value, buffer, sizeof buffer));
      return;
    }
    case TN__ARG_INTS: {
      const tn_ints *value = field;
      if (value->count >= 0) tn__text_append_ints(text, value->data, value->count);
      if (value->count < 0) tn__text_append(text, "none");
      return;
    }
    case TN__ARG_FLOATS: {
      const tn_floats *value = field;
      for (int64_t i = 0; i < value->count; i++) {
        tn__text_append(text, "%s%.17g", i == 0 ? "[" : ", ", value->data[i]);
      }
      tn__text_append(text, "%s", value->count < 0 ? "none" : value->count == 0 ? "[]" : "]");
      return;
    }
    case TN__ARG_DTYPE:
      tn__text_append(text, "%s", tn_dtype_name(*(const tn_dtype *)field));
      return;
    case TN__ARG_DEVICE:
      tn__text_append(text, "%s", tn_device_name(*(const tn_device *)field, buffer, sizeof buffer));
      return;
    case TN__ARG_STRING: {
      const char *value = *(const char *const *)field;
      tn__text_append(text, "%s", value == NULL ? "none" : value);
      return;
    }
    default: {
      const tn_philox_state *value = field;
      tn__text_append(text, "seed %llu, offset %llu", (unsigned long long)value->seed,
                      (unsigned long long)value->offset);
    }
  }
}

static void append_attrs(tn__text *text, const tn_op *op, const void *attrs) {
  op = &tn__op_table[op->run_id];  // an overload may name fewer attributes than there are
  for (int32_t i = 0; i < op->arg_count; i++) {
    const tn__arg *arg = &op->args[i];
    if (arg->kind <= TN__ARG_OPTIONAL_IMMEDIATE) continue;
    tn__text_append(text, "  %s: ", arg->name);
    append_attr(text, arg, (const char *)attrs + arg->attr_offset);
    tn__text_append(text, "\n");
  }
}

// ---- files -------------------------------------------------------------------------------------

static void append_tensor(tn__text *text, const char *name, const tn_tensor *tensor) {
  if (tn__is_none(tensor)) {
    tn__text_append(text, "  %s: none\n", name);
    return;
  }
  tn__text_append(text, "  %s.npy: %s", name, tn_dtype_name((tn_dtype)tensor->dtype));
  tn__text_append_ints(text, tensor->sizes, tensor->rank);
  tn__text_append(text, tensor->dtype == TN_BF16 ? ", saved as float32\n" : "\n");
}

static bool save_tensor(const char *start, const char *name, tn_tensor *tensor) {
  if (tn__is_none(tensor)) return true;
  tn__text path = {NULL, 0, 0};
  tn__text_append(&path, "%s-%s.npy", start, name);
  tn_tensor *whole = tn__materialize_immediate(tensor), *saved = whole;
  if (whole != NULL && whole->dtype == TN_BF16) saved = tn__cast_raw(whole, TN_F32);
  bool done = path.data != NULL && saved != NULL && tn_npy_save(saved, path.data) == TN_OK;
  if (saved != NULL && saved != whole) tn__release_raw(saved);
  if (whole != NULL) tn__release_raw(whole);
  free(path.data);
  return done;
}

typedef struct side {
  const char *name;
  tn_tensor *const *tensors;
  int32_t count;
} side;

static bool save_sides(const side *sides, int32_t count, const char *start, tn__text *text) {
  bool done = true;
  for (int32_t s = 0; s < count; s++) {
    for (int32_t i = 0; i < sides[s].count; i++) {
      char name[64];
      snprintf(name, sizeof name, "%s%d", sides[s].name, i);
      append_tensor(text, name, sides[s].tensors[i]);
      done = save_tensor(start, name, sides[s].tensors[i]) && done;
    }
  }
  return done;
}

static bool save_text(const char *start, const tn__text *text) {
  tn__text path = {NULL, 0, 0};
  tn__text_append(&path, "%s.txt", start);
  int file = path.data == NULL || text->data == NULL
                 ? -1
                 : open(path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  free(path.data);
  if (file < 0) return false;
  bool done = write(file, text->data, text->length) == (ssize_t)text->length;
  return close(file) == 0 && done;
}

bool tn__divergence_save(const tn__divergence *divergence, const char *folder, int number,
                         const char *story) {
  const tn__call *call = divergence->call;
  if (mkdir(folder, 0777) != 0 && errno != EEXIST) return false;
  char device[48];
  const side sides[] = {{"operand", divergence->operands, call->input_count},
                        {"result", divergence->ours, divergence->result_count},
                        {"other", divergence->theirs, divergence->result_count}};
  tn__text start = {NULL, 0, 0}, text = {NULL, 0, 0};
  tn__text_append(&start, "%s/%03d-%s", folder, number, call->op->name);
  tn__text_append(&text, "%s\n%s\n\noperator: %s\nattributes:\n", call->op->name, story,
                  call->op->schema);
  append_attrs(&text, call->op, divergence->attrs);
  tn__text_append(&text, "result: by %s on %s\nother: by %s on cpu\ntensors:\n",
                  tn__call_provider(call), tn_device_name(call->device, device, sizeof device),
                  divergence->other);
  bool done = start.data != NULL && save_sides(sides, 3, start.data, &text);
  done = start.data != NULL && save_text(start.data, &text) && done;
  free(start.data);
  free(text.data);
  return done;
}
