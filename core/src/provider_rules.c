// SPDX-License-Identifier: Apache-2.0
//
// provider_rules: see provider_rules.h.

#include "provider_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "op_glob.h"
#include "registry.h"
#include "settings.h"
#include "thread.h"

static tn__provider_rule *rules;
static int32_t rule_count;
_Atomic int32_t tn__composite_rules;

int32_t tn__provider_rule_count(void) { return rule_count; }
tn__provider_rule *tn__provider_rule_at(int32_t rule) { return &rules[rule - 1]; }

// ---- reading -----------------------------------------------------------------------------------

static tn_status bad_rule(tn_status status, const char *text, const char *hint, const char *why) {
  static const char usual[] = "write operator=backend;..., as in matmul.f32=mine;conv*=mine";
  return tn__error(status, &(tn__error_details){NULL, "TENON_PROVIDER", NULL, hint ? hint : usual},
                   "%s: rule '%.150s' %s", tn__setting_label("TENON_PROVIDER"), text, why);
}

// Copies [from, to) without the spaces around it; false where it is empty or too long.
static bool take(char *room, size_t size, const char *from, const char *to) {
  while (from < to && (*from == ' ' || *from == '\t')) from++;
  while (to > from && (to[-1] == ' ' || to[-1] == '\t')) to--;
  if (to == from || (size_t)(to - from) >= size) return false;
  memcpy(room, from, (size_t)(to - from));
  room[to - from] = '\0';
  return true;
}

// What stands behind the last dot is a dtype where it is the name of one.
static void split_dtype(tn__provider_rule *rule) {
  char *dot = strrchr(rule->glob, '.');
  rule->dtype = dot == NULL ? TN_DTYPE_NONE : tn_dtype_parse(dot + 1);
  if (rule->dtype != TN_DTYPE_NONE) *dot = '\0';
}

static tn_status parse_rule(tn__provider_rule *rule, const char *from, const char *to) {
  if (!take(rule->text, sizeof rule->text, from, to)) {
    return bad_rule(TN_INVALID_ARGUMENT, from, NULL, "is too long");
  }
  const char *equals = strchr(rule->text, '='), *end = rule->text + strlen(rule->text);
  if (equals == NULL) return bad_rule(TN_INVALID_ARGUMENT, rule->text, NULL, "has no '='");
  if (!take(rule->glob, sizeof rule->glob, rule->text, equals)) {
    return bad_rule(TN_INVALID_ARGUMENT, rule->text, NULL, "names no operator");
  }
  if (!take(rule->provider, sizeof rule->provider, equals + 1, end)) {
    return bad_rule(TN_INVALID_ARGUMENT, rule->text, NULL, "names no backend");
  }
  split_dtype(rule);
  return TN_OK;
}

// ---- checking ----------------------------------------------------------------------------------

bool tn__provider_rule_is_about(const tn__provider_rule *rule, const tn_op *op) {
  return tn__op_glob_matches(rule->glob, strlen(rule->glob), op->name);
}

// Rules are about operators that have chains of kernels: not about in-place and scalar forms, which
// run as another.
static tn_status check_operators(tn__provider_rule *rule) {
  bool found = false;
  const tn_op *form = NULL;
  for (int32_t i = 0; i < tn__op_table_count; i++) {
    const tn_op *op = &tn__op_table[i];
    if (!tn__provider_rule_is_about(rule, op)) continue;
    if (op->form != TN__FORM_BASE) {
      form = op;
      continue;
    }
    found = true;
    rule->composite = rule->composite || op->def->compose != NULL;
  }
  if (found) return TN_OK;
  char hint[160], why[160], near[64];
  if (form != NULL) {
    const char *base = tn__op_table[form->run_id].name;
    snprintf(hint, sizeof hint, "write '%s'", base);
    snprintf(why, sizeof why, "is about '%s', which runs as '%s'", form->name, base);
    return bad_rule(TN_INVALID_ARGUMENT, rule->text, hint, why);
  }
  tn__op_near_match(rule->glob, near, sizeof near);
  snprintf(hint, sizeof hint, near[0] ? "did you mean '%s'?" : "`tenon ops` lists the operators%s",
           near);
  return bad_rule(TN_NOT_FOUND, rule->text, hint, "matches no operator");
}

static tn_status unknown_backend(const tn__provider_rule *rule) {
  const char *near = tn__loader_near_match(rule->provider);
  char hint[128];
  snprintf(hint, sizeof hint, near[0] ? "did you mean '%s'?" : "`tenon info` lists the backends%s",
           near);
  return tn__loader_error(TN_NOT_FOUND, hint,
                          "%s: rule '%s' names '%s', and no such backend was found",
                          tn__setting_label("TENON_PROVIDER"), rule->text, rule->provider);
}

static tn_status check_backend(tn__provider_rule *rule) {
  tn__backend *known = NULL;
  for (tn__backend *backend = tn__loader_first(); backend != NULL; backend = backend->next) {
    if (strcmp(backend->facts.name, rule->provider) == 0) known = backend;
    if (known != NULL && !known->failed) break;
  }
  if (known == NULL && tn__loader_is_optional(rule->provider)) {
    tn__log(TN__LOG_WARNING, "dispatch", "TENON_PROVIDER: rule '%s': there is no '%s' here",
            rule->text, rule->provider);
    return TN_OK;
  }
  if (known == NULL) return unknown_backend(rule);
  if (known->order < 0) {
    return bad_rule(TN_INVALID_ARGUMENT, rule->text, "add it to TENON_BACKENDS",
                    "names a backend that TENON_BACKENDS does not allow");
  }
  if (known->failed) {
    return tn__loader_error(TN_UNAVAILABLE, tn__backend_advice(known),
                            "%s: rule '%s' names '%s', which cannot be used: %s",
                            tn__setting_label("TENON_PROVIDER"), rule->text, rule->provider,
                            known->reason);
  }
  rule->backend = known;
  if (!tn__loader_is_optional(rule->provider)) known->ruled = true;
  return TN_OK;
}

static int32_t count_rules(const char *text) {
  int32_t count = 1;
  for (; *text != '\0'; text++) count += *text == ';';
  return count;
}

tn_status tn__provider_rules_load(void) {
  const char *text = tn__environment("TENON_PROVIDER", false);
  tn_status status = TN_OK;
  bool composite = false;
  if (text != NULL) {
    rules = tn__calloc((size_t)count_rules(text), sizeof *rules);
    if (rules == NULL) return tn__out_of_memory("TENON_PROVIDER", strlen(text));
  }
  while (text != NULL && *text != '\0' && status == TN_OK) {
    size_t length = strcspn(text, ";");
    if (strspn(text, " \t") < length) {
      tn__provider_rule *rule = &rules[rule_count];
      status = parse_rule(rule, text, text + length);
      if (status == TN_OK) status = check_operators(rule);
      if (status == TN_OK) status = check_backend(rule);
      rule_count += status == TN_OK;
      composite = composite || rule->composite;
    }
    text += length + (text[length] == ';');
  }
  atomic_store_explicit(&tn__composite_rules,
                        composite ? TN__COMPOSITE_RULES : TN__COMPOSITE_RULES_NONE,
                        memory_order_release);
  return status;
}

// ---- asking ------------------------------------------------------------------------------------

int32_t tn__provider_rule_of(const tn_op *op, tn_dtype dtype) {
  for (int32_t i = 0; i < rule_count; i++) {
    const tn__provider_rule *rule = &rules[i];
    if (rule->backend == NULL || (rule->dtype != TN_DTYPE_NONE && rule->dtype != dtype)) continue;
    if (tn__provider_rule_is_about(rule, op)) return i + 1;
  }
  return 0;
}

int32_t tn__composite_rule_of(const tn_op *op, tn_dtype dtype, int32_t outer) {
  if (atomic_load_explicit(&tn__composite_rules, memory_order_acquire) ==
      TN__COMPOSITE_RULES_MAYBE) {
    // The first call of all: its parts report what the search finds wrong.
    tn__held_error held = tn__error_hold();
    tn__registry_lock();
    tn__loader_scan();
    tn__registry_unlock();
    tn__error_restore(held);
  }
  int32_t rule = tn__provider_rule_of(op, dtype);
  if (rule == 0 || outer == 0) return rule + outer;
  return rule < outer ? rule : outer;
}

void tn__provider_rules_report(tn__text *text) {
  for (int32_t i = 0; i < rule_count; i++) {
    const tn__provider_rule *rule = &rules[i];
    const char *story = rule->backend == NULL   ? ": not found, and optional"
                        : rule->backend->failed ? ": the backend cannot be used"
                        : rule->warned          ? ": the backend has no kernel for it"
                                                : "";
    tn__text_append(text, "TENON_PROVIDER: %s%s\n", rule->text, story);
  }
}
