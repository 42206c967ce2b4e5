// SPDX-License-Identifier: Apache-2.0
//
// wrapping: wrappers that do each thing a wrapper may do, and each that none should. Which of them
// stand around which operators, the tests say: TENON_WRAPPING="twice@mul*;tell@sum". Without it
// there is none.

#include <stdio.h>
#include <string.h>
#include <tenon/plugin.h>

enum { NO_STATUS = 12345 };

// ---- what a wrapper may do ---------------------------------------------------------------------

static tn_status pass(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->next(call);
}

static tn_status twice(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  tn_status status = api->next(call);
  return status == TN_OK ? api->next(call) : status;
}

// Autocast in miniature: operands of float32 become bfloat16.
static tn_status half(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  const tn_args *args = api->args(call);
  if (args == NULL) return TN_OUT_OF_MEMORY;
  uint32_t count = args->view_count - args->output_count, first = args->output_count;
  for (uint32_t i = 0; i < count; i++) {
    const tn_view *view = &api->args(call)->views[first + i];
    if (view->dtype != TN_F32 || (view->flags & TN_VIEW_ABSENT)) continue;
    tn_status status = api->cast(call, i, TN_BF16);
    if (status != TN_OK) return status;
  }
  return api->next(call);
}

static tn_status retry(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->next(call) == TN_OK ? TN_OK : api->next(call);
}

static size_t tell_view(char *text, size_t size, const tn_view *view) {
  if (view->flags & TN_VIEW_ABSENT) return (size_t)snprintf(text, size, " -");
  int length = snprintf(text, size, " %d[", view->dtype);
  for (int32_t d = 0; d < view->rank; d++) {
    length += snprintf(text + length, size - (size_t)length, "%s%lld", d ? "," : "",
                       (long long)view->sizes[d]);
  }
  return (size_t)(length + snprintf(text + length, size - (size_t)length, "]%s",
                                    view->flags & TN_VIEW_IMMEDIATE ? "!" : ""));
}

static void tell_args(char *text, size_t size, const tn_args *args) {
  size_t length = 0;
  text[0] = '\0';
  for (uint32_t i = 0; args != NULL && i < args->view_count && length + 64 < size; i++) {
    if (i == args->output_count) length += (size_t)snprintf(text + length, size - length, " <-");
    length += tell_view(text + length, size - length, &args->views[i]);
  }
}

// Fails the call with all that can be asked about it, before and after it has run.
static tn_status tell(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  char before[256], after[256];
  tell_args(before, sizeof before, api->args(call));
  tn_status status = api->next(call);
  if (status != TN_OK) return status;
  tell_args(after, sizeof after, api->args(call));
  const char *provider = api->provider(call);
  return api->error(call, TN_UNAVAILABLE, "op %s depth %d before%s after%s provider %s: %s",
                    api->op(call), api->depth(call), before, after,
                    provider == NULL ? "nobody" : provider, api->reason(call));
}

static tn_status outer(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->error(call, TN_UNAVAILABLE, "the outer one was first");
}

static tn_status inner(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->error(call, TN_UNAVAILABLE, "the inner one was first");
}

// ---- what none should --------------------------------------------------------------------------

static tn_status skip(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self, (void)api, (void)call;
  return TN_OK;
}

static tn_status garbage(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  tn_status status = api->next(call);
  return status == TN_OK ? (tn_status)NO_STATUS : status;
}

static tn_status silent(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  tn_status status = api->next(call);
  return status == TN_OK ? TN_INTERNAL : status;
}

// Says that all is well whatever happened inside.
static tn_status swallow(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  (void)api->next(call);
  return TN_OK;
}

static tn_status no_operand(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->cast(call, 99, TN_F64);
}

static tn_status no_dtype(void *self, const tn_wrap_api *api, tn_wrapped_call *call) {
  (void)self;
  return api->cast(call, 0, 99);
}

// ---- registration ------------------------------------------------------------------------------

typedef struct mode {
  const char *name;
  int32_t rank;
  tn_status (*call)(void *self, const tn_wrap_api *api, tn_wrapped_call *call);
} mode;

static const mode modes[] = {
    {"pass", 0, pass},        {"twice", 0, twice},     {"half", 0, half},
    {"retry", 0, retry},      {"tell", -10, tell},     {"outer", 20, outer},
    {"inner", 10, inner},     {"skip", 0, skip},       {"garbage", 0, garbage},
    {"silent", 0, silent},    {"swallow", 0, swallow}, {"no_operand", 0, no_operand},
    {"no_dtype", 0, no_dtype}};

static char settings[512];  // the globs that wrappers point to stay here

// One "name@globs"; |text| is cut up.
static tn_status add_one(const tn_host_api *host, tn_registrar *registrar, char *text) {
  char *globs = strchr(text, '@');
  if (globs == NULL) return host->error(NULL, TN_INVALID_ARGUMENT, "'%s' has no @", text);
  *globs++ = '\0';
  if (strcmp(text, "broken") == 0) return host->error(NULL, TN_UNAVAILABLE, "half-way, it broke");
  if (strcmp(text, "empty") == 0) {
    tn_wrapper empty = {.struct_size = sizeof empty, .name = "empty", .operators = globs};
    return registrar->add_wrapper(registrar, &empty);
  }
  if (strcmp(text, "short") == 0) {
    tn_wrapper cut = {.struct_size = 16, .name = "short", .operators = globs, .call = pass};
    return registrar->add_wrapper(registrar, &cut);
  }
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    if (strcmp(modes[i].name, text) != 0) continue;
    tn_wrapper wrapper = {.struct_size = sizeof wrapper,
                          .rank = modes[i].rank,
                          .name = modes[i].name,
                          .operators = globs,
                          .call = modes[i].call};
    return registrar->add_wrapper(registrar, &wrapper);
  }
  return host->error(NULL, TN_INVALID_ARGUMENT, "there is no wrapper '%s'", text);
}

static tn_status init(const tn_host_api *host, tn_registrar *registrar) {
  const char *wanted = host->option("TENON_WRAPPING");
  snprintf(settings, sizeof settings, "%s", wanted == NULL ? "" : wanted);
  tn_status status = TN_OK;
  char *next = settings;
  while (status == TN_OK && next != NULL && *next != '\0') {
    char *one = next;
    next = strchr(one, ';');
    if (next != NULL) *next++ = '\0';
    status = add_one(host, registrar, one);
  }
  return status;
}

TN_PLUGIN(init, .name = "wrapping", .version = "1", .wraps = "*",
          .options = "TENON_WRAPPING=name@globs of each wrapper, separated by semicolons");

TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
  return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
}
