// SPDX-License-Identifier: Apache-2.0
//
// args_clone: arguments that outlive the call they came with, for kernels that run later than they
// are called. A copy is one block: the args, the views, their sizes and strides, the attributes,
// then the lists and texts that the attributes point to. Where those pointers are is what the
// operator's schema says. Invariant: the copy points into itself and at elements, nowhere else.

#include <string.h>
#include <tenon/error.h>

#include "host.h"
#include "op_table.h"
#include "thread.h"

enum { ALIGNMENT = 16 };

static uint64_t aligned(uint64_t size_bytes) {
  return (size_bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

// Takes |size_bytes| off the front of what is left of the block.
static void *take(char **room, uint64_t size_bytes) {
  void *taken = *room;
  *room += aligned(size_bytes);
  return taken;
}

// ---- what the attributes point to --------------------------------------------------------------

static uint64_t list_bytes(tn_ints list) {
  return list.data == NULL || list.count <= 0 ? 0 : (uint64_t)list.count * sizeof(int64_t);
}

// Whether attribute |arg| lies within attributes of |attrs_size| bytes, which a caller that was
// built against an older operator may have cut short.
static bool is_within(const tn__arg *arg, uint64_t field_bytes, uint64_t attrs_size) {
  return arg->attr_offset + field_bytes <= attrs_size;
}

// The bytes behind one attribute's pointer; 0 where it has none.
static uint64_t pointed_bytes(const tn__arg *arg, const tn_args *args) {
  const char *field = (const char *)args->attrs + arg->attr_offset;
  if (TN__IS_LIST(arg->kind) && is_within(arg, sizeof(tn_ints), args->attrs_size)) {
    return list_bytes(tn__list_at(field));
  }
  if (arg->kind == TN__ARG_STRING && is_within(arg, sizeof(char *), args->attrs_size)) {
    const char *text = *(const char *const *)(const void *)field;
    return text == NULL ? 0 : strlen(text) + 1;
  }
  return 0;
}

// Moves the pointer of one attribute of the copy to a copy of what it points to.
static void clone_pointed(const tn__arg *arg, tn_args *copy, char *attrs, char **room) {
  const uint64_t bytes = pointed_bytes(arg, copy);
  if (bytes == 0) return;
  char *field = attrs + arg->attr_offset;
  if (TN__IS_LIST(arg->kind)) {
    tn_ints list = tn__list_at(field);
    list.data = memcpy(take(room, bytes), list.data, bytes);
    memcpy(field, &list, sizeof list);
  } else {
    const char **text = (const char **)(void *)field;
    *text = memcpy(take(room, bytes), *text, bytes);
  }
}

// ---- views -------------------------------------------------------------------------------------

static uint64_t dims_bytes(const tn_view *view) {
  return view->rank <= 0 ? 0 : (uint64_t)view->rank * sizeof(int64_t);
}

static const int64_t *clone_dims(const int64_t *dims, uint64_t size_bytes, char **room) {
  static const int64_t none[1] = {0};
  return size_bytes == 0 ? none : memcpy(take(room, size_bytes), dims, size_bytes);
}

static void clone_view(tn_view *copy, char **room) {
  copy->sizes = clone_dims(copy->sizes, dims_bytes(copy), room);
  copy->strides = clone_dims(copy->strides, dims_bytes(copy), room);
  if (copy->flags & TN_VIEW_IMMEDIATE) copy->data = &copy->immediate;
}

// ---- the copy ----------------------------------------------------------------------------------

static uint64_t clone_bytes(const tn_op *op, const tn_args *args) {
  uint64_t total = aligned(sizeof *args) + aligned(args->view_count * sizeof(tn_view)) +
                   aligned(args->attrs_size);
  for (uint32_t i = 0; i < args->view_count; i++) total += 2 * aligned(dims_bytes(&args->views[i]));
  for (int32_t i = 0; op != NULL && i < op->arg_count; i++) {
    total += aligned(pointed_bytes(&op->args[i], args));
  }
  return total;
}

tn_args *tn__args_clone(const char *op_name, const tn_args *args) {
  const tn_op *op = args->attrs_size == 0 ? NULL : tn_op_find(op_name);
  const uint64_t total = clone_bytes(op, args);
  char *room = tn__malloc(total);
  if (room == NULL) {
    tn__out_of_memory("a copy of an operator's arguments", total);
    return NULL;
  }
  tn_args *copy = take(&room, sizeof *copy);
  *copy = *args;
  copy->views = take(&room, args->view_count * sizeof(tn_view));
  memcpy(copy->views, args->views, args->view_count * sizeof(tn_view));
  for (uint32_t i = 0; i < args->view_count; i++) clone_view(&copy->views[i], &room);
  char *attrs = take(&room, args->attrs_size);
  if (args->attrs_size > 0) memcpy(attrs, args->attrs, args->attrs_size);
  copy->attrs = attrs;
  for (int32_t i = 0; op != NULL && i < op->arg_count; i++) {
    clone_pointed(&op->args[i], copy, attrs, &room);
  }
  return copy;
}
