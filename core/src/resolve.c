// SPDX-License-Identifier: Apache-2.0
//
// resolve: answers about chains: who could serve an operator, in which order, and why in that one;
// and why a call got the kernel that it got. Asking opens what claims the operator, as a call
// would.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/op.h>

#include "dispatch.h"
#include "fallback.h"
#include "need.h"
#include "op_glob.h"
#include "provider_rules.h"
#include "text.h"
#include "wrap.h"

static const char *rank_name(int32_t rank) {
  if (rank >= TN_RANK_TUNED) return "tuned";
  if (rank >= TN_RANK_VENDOR) return "vendor";
  return rank >= TN_RANK_GENERIC ? "generic" : "reference";
}

// ---- reasons -----------------------------------------------------------------------------------

typedef enum placing { ONLY, BY_RULE, BY_LIST, BY_RANK, BY_NAME } placing;

// What puts kernel |i| of |chain| before the next one.
static placing placing_of(const tn__chain *chain, int32_t i) {
  const tn__kernel *kernel = chain->kernels[i];
  bool last = i + 1 == chain->count;
  const tn__kernel *next = last ? NULL : chain->kernels[i + 1];
  if (chain->rule != 0) {
    const tn__backend *ruled = tn__provider_rule_at(chain->rule)->backend;
    if (kernel->backend == ruled) return BY_RULE;
  }
  if (last) return ONLY;
  if (kernel->order != next->order) return BY_LIST;
  return kernel->row.rank != next->row.rank ? BY_RANK : BY_NAME;
}

static const char *placing_text(const tn__chain *chain, placing how, char *buffer, size_t size) {
  switch (how) {
    case BY_RULE:
      snprintf(buffer, size, "TENON_PROVIDER rule '%s'", tn__provider_rule_at(chain->rule)->text);
      return buffer;
    case BY_LIST:
      return "order of TENON_BACKENDS";
    case BY_RANK:
      return "rank";
    case BY_NAME:
      return "name";
    default:
      return "";
  }
}

static const char *first_text(const tn__chain *chain, char *buffer, size_t size) {
  placing how = placing_of(chain, 0);
  if (how == ONLY) return "the only kernel";
  return how == BY_LIST ? "first of TENON_BACKENDS" : placing_text(chain, how, buffer, size);
}

const char *tn__wrapped_reason(const tn__call *call, char *text, size_t size) {
  const tn__kernel *kernel = call->kernel;
  if (call->fell_back) return "TENON_FALLBACK=cpu: no kernel of its device takes it";
  if (kernel == NULL) {
    return call->op->def->flags & TN_OP_VIEW ? "a view of its first operand"
                                             : "composed of other operators";
  }
  const tn__chain *chain = tn__chain_of(call->device.type, call->op->run_id, call->key);
  if (chain != NULL && chain->count == 0) chain = chain->behind;
  bool first = chain != NULL && chain->kernels[0] == kernel;
  int32_t rule = call->thread->provider_rule;
  bool ruled = !first && rule != 0 && tn__provider_rule_at(rule)->backend == kernel->backend;
  if (!first && !ruled && call->declined == NULL) return "the table has changed since";
  if (first) return first_text(chain, text, size);
  if (ruled) {
    snprintf(text, size, "TENON_PROVIDER rule '%s', of which this is a part",
             tn__provider_rule_at(rule)->text);
  } else {
    snprintf(text, size, "%s declined: %s", call->declined->backend->facts.name, call->decline);
  }
  return text;
}

// ---- questions ---------------------------------------------------------------------------------

static tn_status find_op(const char *name, const tn_op **op) {
  *op = tn_op_find(name);
  if (*op != NULL) return TN_OK;
  char near[64] = "", hint[128];
  if (name != NULL) tn__op_near_match(name, near, sizeof near);
  snprintf(hint, sizeof hint, near[0] ? "did you mean '%s'?" : "`tenon ops` lists the operators%s",
           near);
  return tn__error(TN_NOT_FOUND, &(tn__error_details){name, NULL, NULL, hint},
                   "there is no operator '%.64s'", name == NULL ? "(NULL)" : name);
}

static tn_status find_chain(const char *name, tn_dtype dtype, tn_device device, const tn_op **op,
                            const tn__chain **chain) {
  tn_status status = find_op(name, op);
  if (status == TN_OK && (dtype <= TN_DTYPE_NONE || dtype >= TN_DTYPE_COUNT)) {
    status = tn__error(TN_INVALID_DTYPE, NULL, "%d is no dtype", dtype);
  }
  if (status == TN_OK) status = tn__device_resolve(&device);
  if (status != TN_OK) return status;
  return tn__registry_chain(device.type, (*op)->run_id, dtype, chain);
}

int32_t tn_op_kernels(const char *name, tn_dtype dtype, tn_device device, tn_kernel_info *kernels,
                      int32_t capacity) {
  const tn_op *op;
  const tn__chain *chain;
  if (find_chain(name, dtype, device, &op, &chain) != TN_OK) return -1;
  int32_t count = chain == NULL ? 0 : chain->count;
  for (int32_t i = 0; i < count && i < capacity; i++) {
    const tn_kernel_row *row = &chain->kernels[i]->row;
    tn_kernel_info *info = &kernels[i];
    memset(info, 0, sizeof *info);
    info->backend = chain->kernels[i]->backend->facts.name;
    info->rank = rank_name(row->rank);
    info->deterministic = (row->flags & TN_ROW_DETERMINISTIC) != 0;
    info->capturable = (row->flags & TN_ROW_CAPTURABLE) != 0;
    info->casts = (row->flags & TN_ROW_CASTS) != 0;
    info->asks = row->supports != NULL;
    char buffer[sizeof info->why];
    const char *why = placing_text(chain, placing_of(chain, i), buffer, sizeof buffer);
    snprintf(info->why, sizeof info->why, "%s", why);
  }
  return count;
}

// Backends that claim the operator and offer nothing for it here, and why.
static void append_absent(tn__text *text, const tn_op *op, const tn__chain *chain,
                          const char *device) {
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    bool there = backend->order < 0 || !tn__backend_serves(backend, device) ||
                 !tn__backend_claims(backend, op->name);
    for (int32_t i = 0; !there && chain != NULL && i < chain->count; i++) {
      there = chain->kernels[i]->backend == backend;
    }
    if (there || (op->def->compose != NULL && !backend->failed)) continue;
    tn__text_append(text, backend->failed ? "(%s cannot be used: %s)\n" : "(%s has no kernel%s)\n",
                    backend->facts.name, backend->failed ? backend->reason : "");
  }
}

static void append_kernel(tn__text *text, const tn__chain *chain, int32_t i) {
  const tn__kernel *kernel = chain->kernels[i];
  uint32_t flags = kernel->row.flags;
  char buffer[200];
  const char *why = placing_text(chain, placing_of(chain, i), buffer, sizeof buffer);
  tn__text_append(
      text, "%s  %s%s%s%s  %s%s%s\n", kernel->backend->facts.name, rank_name(kernel->row.rank),
      flags & TN_ROW_DETERMINISTIC ? "  deterministic" : "",
      flags & TN_ROW_CAPTURABLE ? "  capturable" : "", flags & TN_ROW_CASTS ? "  casts" : "",
      kernel->row.supports == NULL ? "takes anything" : "is asked", why[0] ? "  by: " : "", why);
}

// Rules about composed operators that would put another kernel first while this is a part of them.
static void append_rules_of_wholes(tn__text *text, const tn__chain *chain) {
  for (int32_t rule = 1; rule <= tn__provider_rule_count(); rule++) {
    const tn__provider_rule *of = tn__provider_rule_at(rule);
    if (!of->composite || (chain->rule != 0 && chain->rule <= rule) ||
        chain->kernels[0]->backend == of->backend) {
      continue;
    }
    bool has = false;
    for (int32_t i = 0; i < chain->count; i++) {
      has = has || chain->kernels[i]->backend == of->backend;
    }
    if (!has) continue;
    tn__text_append(text, "(as a part under TENON_PROVIDER rule '%s': %s first)\n", of->text,
                    of->provider);
  }
}

char *tn_op_resolve(const char *name, tn_dtype dtype, tn_device device) {
  const tn_op *op;
  const tn__chain *chain;
  if (tn__device_resolve(&device) != TN_OK ||
      find_chain(name, dtype, device, &op, &chain) != TN_OK) {
    return NULL;
  }
  const tn_op *base = &tn__op_table[op->run_id];
  tn__text text = {NULL, 0, 0};
  for (int32_t i = 0; chain != NULL && i < chain->count; i++) append_kernel(&text, chain, i);
  if (base->def->compose != NULL) tn__text_append(&text, "(composed of other operators)\n");
  if (base->def->flags & TN_OP_VIEW) tn__text_append(&text, "(a view; needs no kernel)\n");
  if (text.data == NULL) tn__text_append(&text, "(nobody)\n");
  bool elsewhere = device.type != TN__DEVICE_TYPE_CPU && tn_op_traits_of(base).needs_kernel;
  if (elsewhere && tn__fallback_is_allowed()) {
    tn__text_append(&text, "(else TENON_FALLBACK=cpu: on the cpu, copied there and back)\n");
  }
  int32_t rule = tn__provider_rule_of(base, dtype);
  if (rule != 0 && (chain == NULL || chain->rule != rule)) {
    const tn__provider_rule *of = tn__provider_rule_at(rule);
    tn__text_append(&text, "(TENON_PROVIDER rule '%s': %s)\n", of->text,
                    base->def->compose != NULL ? "its parts are served by it first"
                                               : "it has no kernel for this");
  }
  if (chain != NULL) append_rules_of_wholes(&text, chain);
  if (!(base->def->flags & TN_OP_VIEW)) {
    tn__registry_lock();
    append_absent(&text, base, chain, tn__device_type_at(device.type)->name);
    tn__registry_unlock();
  }
  if (text.data == NULL) tn__out_of_memory("the list of kernels", 0);
  return text.data;
}

bool tn_op_has_kernel(const char *name, tn_dtype dtype, tn_device device) {
  if (tn_op_find(name) == NULL) return false;
  tn__held_error held = tn__error_hold();
  const tn_op *op;
  const tn__chain *chain = NULL;
  bool found = find_chain(name, dtype, device, &op, &chain) == TN_OK && chain != NULL;
  tn_error_clear();
  tn__error_restore(held);
  return found;
}
