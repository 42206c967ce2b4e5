// SPDX-License-Identifier: Apache-2.0
//
// injector: makes calls of operators fail on purpose, by TENON_INJECT. Rules are separated by
// semicolons; each is a glob of operators, a colon, and when:
//
//   mul.Tensor:3            the third call fails (INTERNAL)
//   mul.Tensor:3=IO_ERROR   with that status
//   conv*:every=10          every tenth
//   sum:after=2             the second runs, and fails when it has
//
// Calls are counted for each rule, over all threads, those that are parts of others included.

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/plugin.h>

typedef enum when { NTH, EVERY, AFTER } when;

typedef struct rule {
  char glob[64];
  when when;
  uint64_t number;
  tn_status status;
  _Atomic uint64_t calls;
} rule;

enum { MAX_RULES = 16 };

static rule rules[MAX_RULES];

static bool strikes(rule *r) {
  uint64_t call = atomic_fetch_add_explicit(&r->calls, 1, memory_order_relaxed) + 1;
  return r->when == EVERY ? call % r->number == 0 : call == r->number;
}

static tn_status inject(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  rule *r = self;
  if (!strikes(r)) return api->next(call);
  if (r->when == AFTER) {
    tn_status status = api->next(call);
    if (status != TN_OK) return status;
  }
  return api->error(call, r->status, "a fault injected by '%s', call %llu", r->glob,
                    (unsigned long long)atomic_load_explicit(&r->calls, memory_order_relaxed));
}

// ---- the setting -------------------------------------------------------------------------------

static tn_status status_named(const char *name) {
  static const struct {
    const char *name;
    tn_status status;
  } known[] = {
#define X(status_name, value, text) {#status_name, TN_##status_name},
      TN_STATUS_TABLE(X)
#undef X
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (strcmp(known[i].name, name) == 0) return known[i].status;
  }
  return TN_OK;
}

// "3", "3=IO_ERROR", "every=10", "after=2"; false where it is none of these.
static bool parse_when(rule *r, const char *text) {
  r->when = NTH;
  r->status = TN_INTERNAL;
  if (strncmp(text, "every=", 6) == 0) {
    r->when = EVERY;
    text += 6;
  } else if (strncmp(text, "after=", 6) == 0) {
    r->when = AFTER;
    text += 6;
  }
  if (*text < '1' || *text > '9') return false;
  char *end;
  r->number = strtoull(text, &end, 10);
  if (*end == '=') {
    r->status = status_named(end + 1);
    return r->status != TN_OK;
  }
  return *end == '\0';
}

static tn_status add_rule(const tn_host_api *host, tn_registrar *registrar, rule *r,
                          const char *text, size_t length) {
  char one[128];
  snprintf(one, sizeof one, "%.*s", (int)length, text);
  char *colon = strchr(one, ':');
  bool fits = length < sizeof one && colon != NULL && colon - one < (long)sizeof r->glob;
  if (!fits || !parse_when(r, colon + 1)) {
    return host->error(NULL, TN_INVALID_ARGUMENT,
                       "TENON_INJECT: '%s' is no rule; write mul.Tensor:3, mul.Tensor:3=IO_ERROR "
                       "or conv*:every=10",
                       one);
  }
  *colon = '\0';
  memcpy(r->glob, one, strlen(one) + 1);
  tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                        .name = "inject",
                        .operators = r->glob,
                        .self = r,
                        .call = inject};
  return registrar->add_wrapper(registrar, &wrapper);
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  const char *text = host->option("TENON_INJECT");
  tn_status status = TN_OK;
  for (int count = 0; status == TN_OK && text != NULL && *text != '\0'; count++) {
    size_t length = strcspn(text, ";");
    if (count == MAX_RULES) {
      return host->error(NULL, TN_INVALID_ARGUMENT, "TENON_INJECT: more than %d rules", MAX_RULES);
    }
    status = add_rule(host, registrar, &rules[count], text, length);
    text += length + (text[length] == ';');
  }
  return status;
}

TN_PLUGIN(init, .name = "injector", .version = "1", .wraps = "*",
          .options = "TENON_INJECT=which calls fail: mul.Tensor:3=IO_ERROR;conv*:every=10");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
