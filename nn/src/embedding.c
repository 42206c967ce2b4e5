// SPDX-License-Identifier: Apache-2.0
//
// embedding: rows of a table, picked by indices.

#include "call.h"
#include "layer.h"

#include <tenon/nn/init.h>
#include <tenon/nn/layers.h>

typedef struct embedding {
  tn_tensor *weight;
  int64_t count, width;
  tn_opt_int padding_index;
} embedding;

static tn_tensor *embedding_forward(tn_module *self, tn_tensor *input) {
  const embedding *e = tn_module_state(self);
  return tn_embedding(e->weight, input, .padding_idx = e->padding_index);
}

static int embedding_describe(const tn_module *self, char *text, size_t size) {
  const embedding *e = tn_module_state(self);
  return snprintf(text, size, "%lld, %lld", (long long)e->count, (long long)e->width);
}

static const tn_module_type embedding_type = {.name = "embedding",
                                              .forward = embedding_forward,
                                              .describe = embedding_describe,
                                              .state_size = sizeof(embedding)};

static tn_status clear_padding(const embedding *e) {
  if (!e->padding_index.present) return TN_OK;
  tn__unrecorded section;
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) {
    status = tn_init_constant_(tn_select(e->weight, 0, e->padding_index.value), 0);
  }
  tn__unrecorded_close(&section);
  return status;
}

static tn_status embedding_build(tn_module *self, const tn_nn_embedding_options *o) {
  embedding *e = tn_module_state(self);
  TN_TRY(tn__expect_positive("tn_nn_embedding", "count", e->count));
  TN_TRY(tn__expect_positive("tn_nn_embedding", "width", e->width));
  int64_t padding = o->padding_index.value;
  if (o->padding_index.present) {
    if (padding < -e->count || padding >= e->count) {
      return tn_error_set(TN_INVALID_ARGUMENT,
                          "tn_nn_embedding: padding_index %lld is not a row of %lld",
                          (long long)padding, (long long)e->count);
    }
    e->padding_index = TN_INT(padding < 0 ? padding + e->count : padding);
  }
  tn_ints shape = TN_SHAPE(e->count, e->width);
  TN_TRY(tn__add_new_tensor(self, true, "weight", &e->weight, shape, o->dtype, o->device));
  TN_TRY(tn_init_normal_(e->weight, 0, 1));
  return clear_padding(e);
}

tn_module *tn_nn_embedding_with(int64_t count, int64_t width,
                                const tn_nn_embedding_options *options) {
  tn_nn_embedding_options o;
  tn__read_options(&o, sizeof o, options);
  tn_module *self = tn_module_create(&embedding_type);
  if (self == NULL) return NULL;
  embedding *e = tn_module_state(self);
  e->count = count;
  e->width = width;
  return tn__layer_finish(self, embedding_build(self, &o));
}
