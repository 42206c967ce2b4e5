// SPDX-License-Identifier: Apache-2.0
//
// at: indexing by text. Numbers, slices and new dimensions are applied first and give a view; what
// tensors pick is read from that view, or written through it, by tn_index and tn_index_put_. So
// reading without tensors copies nothing, and assignment is an in-place call on a view, with all
// that autograd knows of those.

#include <tenon/at.h>

#include <inttypes.h>
#include <stdio.h>
#include <tenon/ops.h>
#include <tenon/scope.h>

#include "at_text.h"
#include "tensor_impl.h"
#include "thread.h"

typedef struct at_plan {
  const char *call, *text;
  tn_tensor *self;
  tn_tensors given;  // one for each ?
  int32_t item_count;
  tn__at_item items[TN__AT_MOST_ITEMS];
  int32_t rest;     // dimensions that `...` stands for; also what is left at the end
  tn_tensor *view;  // with numbers, slices and new dimensions applied
  int32_t list_count;
  tn_tensor *list[TN_MAX_DIMS];  // indices into |view|
  int32_t spans[TN_MAX_DIMS];    // how many dimensions each stands for
} at_plan;

static tn_status refuse(const at_plan *plan, const tn__at_item *item, tn_status status,
                        const char *what) {
  return tn__at_error(plan->call, plan->text, item->column, status, what);
}

static int32_t span_of(const tn_tensor *index) {
  return index->dtype == TN_BOOL || index->dtype == TN_U8 ? index->rank : 1;
}

// How many dimensions the items stand for, and so how many are left for `...`.
static tn_status count_dimensions(at_plan *plan) {
  int32_t needed = 0;
  int64_t tensors = 0;
  for (int32_t i = 0; i < plan->item_count; i++) {
    const tn__at_item *item = &plan->items[i];
    if (item->kind == TN__AT_NUMBER || item->kind == TN__AT_SLICE) needed++;
    if (item->kind == TN__AT_TENSOR) {
      if (tensors == plan->given.count) {
        return refuse(plan, item, TN_INVALID_ARGUMENT, "there is no tensor left for this ?");
      }
      tn_tensor *index = plan->given.data[tensors++];
      if (index == NULL) {
        tn__null_operand(plan->call, "indices");
        return tn_error_peek()->status;
      }
      if (tn__is_none(index)) {
        return refuse(plan, item, TN_INVALID_ARGUMENT, "its tensor is TN_NONE");
      }
      if (span_of(index) == 0) {
        return refuse(plan, item, TN_INVALID_ARGUMENT, "a 0-dim mask stands for no dimension");
      }
      needed += span_of(index);
    }
    if (needed > plan->self->rank) {
      char what[96];
      snprintf(what, sizeof what, "there is no dimension left for this item; self has %d",
               (int)plan->self->rank);
      return refuse(plan, item, TN_INVALID_ARGUMENT, what);
    }
  }
  plan->rest = plan->self->rank - needed;
  if (tensors == plan->given.count) return TN_OK;
  return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){plan->call, "indices", NULL, NULL},
                   "%s: %lld tensors were given for %lld ? in \"%s\"", plan->call,
                   (long long)plan->given.count, (long long)tensors, plan->text);
}

static tn_status select_number(at_plan *plan, const tn__at_item *item, int32_t of_self,
                               int32_t dim) {
  const int64_t size = plan->self->sizes[of_self];
  if (item->number < -size || item->number >= size) {
    char what[128];
    snprintf(what, sizeof what,
             "index %" PRId64 " is out of range for dimension %d of size %" PRId64, item->number,
             (int)of_self, size);
    return refuse(plan, item, TN_OUT_OF_RANGE, what);
  }
  plan->view = tn_select(plan->view, dim, item->number);
  return TN_OK;
}

static void take_whole(at_plan *plan, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    plan->spans[plan->list_count] = 1;
    plan->list[plan->list_count++] = TN_NONE;
  }
}

// Applies one item at dimension |*dim| of the view, which stands for |*of_self|.
static tn_status apply(at_plan *plan, const tn__at_item *item, int32_t *of_self, int32_t *dim,
                       int64_t *tensors) {
  int32_t in_self = 1, in_view = 1;
  switch (item->kind) {
    case TN__AT_NUMBER: {
      tn_status status = select_number(plan, item, *of_self, *dim);
      if (status != TN_OK) return status;
      in_view = 0;
      break;
    }
    case TN__AT_SLICE:
      plan->view = tn_slice(plan->view, .dim = *dim, .start = item->start, .end = item->stop,
                            .step = TN_INT(item->step));
      break;
    case TN__AT_NEW_DIM:
      plan->view = tn_unsqueeze(plan->view, *dim);
      in_self = 0;
      break;
    case TN__AT_REST:
      in_self = in_view = plan->rest;
      break;
    case TN__AT_TENSOR: {
      tn_tensor *index = plan->given.data[(*tensors)++];
      in_self = in_view = span_of(index);
      plan->spans[plan->list_count] = in_view;
      plan->list[plan->list_count++] = index;
      break;
    }
  }
  if (plan->view == NULL) return tn_error_peek()->status;
  if (item->kind != TN__AT_TENSOR) take_whole(plan, in_view);
  *of_self += in_self;
  *dim += in_view;
  return TN_OK;
}

// Whether slices, new dimensions or `...` lie between indices; numbers count as indices.
static bool is_scattered(const at_plan *plan) {
  int32_t runs = 0;
  bool inside = false;
  for (int32_t i = 0; i < plan->item_count; i++) {
    const tn__at_kind kind = plan->items[i].kind;
    const bool index = kind == TN__AT_NUMBER || kind == TN__AT_TENSOR;
    if (index && !inside) runs++;
    inside = index;
  }
  return runs > 1;
}

// Moves the indexed dimensions of the view to the front.
static tn_status bring_forward(at_plan *plan) {
  int64_t order[TN_MAX_DIMS];
  int32_t indexed = 0, kept = 0, dim = 0, next = 0;
  const int32_t rank = plan->view->rank;
  for (int32_t i = 0; i < plan->list_count; i++) {
    if (!tn__is_none(plan->list[i])) indexed += plan->spans[i];
  }
  for (int32_t i = 0; i < plan->list_count; i++) {
    const bool whole = tn__is_none(plan->list[i]);
    for (int32_t k = 0; k < plan->spans[i]; k++) {
      order[whole ? indexed + kept++ : next++] = dim++;
    }
  }
  for (; dim < rank; dim++) order[indexed + kept++] = dim;
  int32_t count = 0;
  for (int32_t i = 0; i < plan->list_count; i++) {
    if (!tn__is_none(plan->list[i])) plan->list[count++] = plan->list[i];
  }
  plan->list_count = count;
  plan->view = tn_permute(plan->view, (tn_ints){order, rank});
  return plan->view == NULL ? tn_error_peek()->status : TN_OK;
}

static tn_status make_plan(at_plan *plan) {
  if (plan->self == NULL) {
    tn__null_operand(plan->call, "self");
    return tn_error_peek()->status;
  }
  if (plan->text == NULL || tn__is_none(plan->self) || plan->given.count < 0) {
    return tn__error(TN_INVALID_ARGUMENT, &(tn__error_details){plan->call, NULL, NULL, NULL},
                     "%s: self is TN_NONE, text is NULL or the list has no length", plan->call);
  }
  tn_status status = tn__at_parse(plan->call, plan->text, plan->items, &plan->item_count);
  if (status == TN_OK) status = count_dimensions(plan);
  plan->view = plan->self;
  int32_t of_self = 0, dim = 0;
  int64_t tensors = 0;
  for (int32_t i = 0; status == TN_OK && i < plan->item_count; i++) {
    if (plan->view->rank == TN_MAX_DIMS && plan->items[i].kind == TN__AT_NEW_DIM) {
      return refuse(plan, &plan->items[i], TN_INVALID_ARGUMENT, "there are too many dimensions");
    }
    status = apply(plan, &plan->items[i], &of_self, &dim, &tensors);
  }
  if (status == TN_OK && tensors > 0 && is_scattered(plan)) status = bring_forward(plan);
  return status;
}

static tn_tensors list_of(const at_plan *plan) {
  return (tn_tensors){plan->list, plan->list_count};
}

tn_tensor *tn_at_with(tn_tensor *self, const char *text, tn_tensors indices) {
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return NULL;
  at_plan plan = {.call = "tn_at", .text = text, .self = self, .given = indices};
  tn_tensor *result = NULL;
  if (make_plan(&plan) == TN_OK) {
    result = indices.count == 0 ? plan.view : tn_index(plan.view, list_of(&plan));
    result = tn_escape(result);
  }
  tn_scope_close(scope);
  return result;
}

static tn_status put(at_plan *plan, tn_tensor *value) {
  tn_status status = make_plan(plan);
  if (status != TN_OK) return status;
  if (plan->given.count == 0) return tn_copy_(plan->view, value);
  if (value != NULL && !tn__is_none(value)) {
    value = tn_to(value, plan->view->device, plan->view->dtype);
  }
  return tn_index_put_(plan->view, list_of(plan), value);
}

tn_status tn_at_put_with(tn_tensor *self, const char *text, tn_tensor *value, tn_tensors indices) {
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  at_plan plan = {.call = "tn_at_put", .text = text, .self = self, .given = indices};
  tn_status status = put(&plan, value);
  tn_scope_close(scope);
  return status;
}

tn_status tn_at_fill_with(tn_tensor *self, const char *text, tn_scalar value, tn_tensors indices) {
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  at_plan plan = {.call = "tn_at_fill", .text = text, .self = self, .given = indices};
  tn_tensor *number =
      self == NULL || tn__is_none(self)
          ? TN_NONE
          : tn_full(TN_SHAPE_SCALAR, value, .dtype = self->dtype, .device = self->device);
  tn_status status = number == NULL ? tn_error_peek()->status : put(&plan, number);
  tn_scope_close(scope);
  return status;
}
