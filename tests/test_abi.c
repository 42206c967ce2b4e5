// SPDX-License-Identifier: Apache-2.0
//
// What plugins were built against stays where it was, and lengths that differ between a plugin and
// its host work both ways: plugins of older and newer headers on today's host, and today's plugins
// on hosts whose tables are shorter, each cut placed at the end of a page that has none after it.

#define _GNU_SOURCE  // MAP_ANONYMOUS
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <tenon/conformance.h>
#include <tenon/half.h>
#include <tenon/op_args.h>
#include <tenon/philox.h>
#include <tenon/plugin.h>
#include <unistd.h>

#ifdef TN_TEST_ABI_FLOORS
#include "abi/floors.h"
#endif
#include "tensor_test.h"

// ---- the layout, held by the compiler ----------------------------------------------------------

#define MOVED " moved: `python3 tools/abi.py` says what, and what to do"
#define STRUCT(name, size, align) \
  _Static_assert(sizeof(name) == (size) && _Alignof(name) == (align), #name MOVED);
#define UNION(name, field, offset, size)                                                    \
  _Static_assert(offsetof(name, field) == (offset) && sizeof(((name *)0)->field) == (size), \
                 #name "." #field MOVED);
#define FIELD(name, field, offset, size, ...)                                               \
  UNION(name, field, offset, size)                                                          \
  _Static_assert(_Generic(&((name *)0)->field, __typeof__(__VA_ARGS__) * : 1, default : 0), \
                 #name "." #field MOVED);
#define ALIAS(name, ...) \
  _Static_assert(_Generic((name *)0, __typeof__(__VA_ARGS__) * : 1, default : 0), #name MOVED);
#define CONSTANT(name, value) _Static_assert((int64_t)(name) == (value), #name MOVED);
#define TEXT(name, value) _Static_assert(sizeof(name) == sizeof(value), #name MOVED);
#if __SIZEOF_POINTER__ == 8
#include TN_ABI_LAYOUT
#endif
#undef STRUCT
#undef UNION
#undef FIELD
#undef ALIAS
#undef CONSTANT
#undef TEXT

// ---- plugins of other headers on today's host --------------------------------------------------

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"

// Uses every kernel and every copy of the template backend, and parts of what the kit demands.
static void template_works(const char *path) {
  char list[512];
  snprintf(list, sizeof list, "mine=%s,cpu", path);
  setenv("TENON_BACKENDS", list, 1);
  tn_scope *scope = tn_scope_open();
  const tn_device mine = tn_device_parse("mine");
  cr_assert(tn_ok(), "%s", tn_error_peek()->message);
  tn_tensor *x = tn_full(TN_SHAPE(2, 3), tn_scalar_float(1.5), .dtype = TN_F32, .device = mine);
  tn_tensor *y = tn_mul(tn_add(x, x, .alpha = tn_scalar_int(2)), x);
  tn_tensor *here = tn_to(y, TN_DEVICE_CPU, TN_DTYPE_NONE);
  cr_assert(tn_ok(), "%s", tn_ok() ? "" : tn_error_peek()->message);
  for (int64_t i = 0; i < 6; i++)
    cr_assert_eq(((const float *)tn_tensor_const_data(here))[i], 6.75f);
  tn_conformance_options options = {.struct_size = sizeof options,
                                    .device = "mine",
                                    .ops = "add.*,mul.*,fill*",
                                    .dtypes = TN_DTYPE_BIT(TN_F32)};
  tn_conformance_report *report = NULL;
  cr_assert_eq(tn_conformance_run(&options, &report), TN_OK);
  cr_expect_gt(report->passed, 0, "nothing ran");
  for (int32_t i = 0; i < report->row_count; i++) {
    const tn_conformance_row *row = &report->rows[i];
    cr_expect_neq(row->verdict, TN_VERDICT_FAILED, "%s: %s", row->op,
                  row->reason_count > 0 ? row->reasons[0] : "");
  }
  tn_conformance_report_free(report);
  tn_scope_close(scope);
}

TN_TEST(plugin, of_todays_headers_works) { template_works(PLUGIN("abi_today")); }

#ifdef TN_TEST_ABI_FLOORS

TN_TEST(plugin, of_older_headers_works) { template_works(PLUGIN("abi_older")); }
TN_TEST(plugin, of_newer_headers_works) { template_works(PLUGIN("abi_newer")); }

// ---- today's plugins on older hosts ------------------------------------------------------------

// A copy of the first |size| bytes of |from|; a read of the byte after them ends the process.
static void *at_end_of_page(const void *from, size_t size) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED || mprotect(pages + page, page, PROT_NONE) != 0) return NULL;
  return memcpy(pages + page - size, from, size);
}

static tn_status host_error(tn_kernel_ctx *ctx, tn_status status, const char *format, ...) {
  (void)ctx, (void)format;
  return status;
}
static void host_log(int32_t level, const char *subsystem, const char *format, ...) {
  (void)level, (void)subsystem, (void)format;
}
static void host_parallel_for(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                              void *closure) {
  (void)grain;
  body(closure, begin, end);
}
static int32_t host_thread_count(void) { return 1; }
static const char *host_option(const char *name) {
  (void)name;
  return NULL;
}
static const void *host_extension(const char *name) {
  (void)name;
  return NULL;
}

static const tn_host_api full_host = {
    .struct_size = sizeof(tn_host_api),
    .abi_version = TN_ABI_VERSION,
    .version = "0.0.0",
    .error = host_error,
    .log = host_log,
    .parallel_for = host_parallel_for,
    .thread_count = host_thread_count,
    .option = host_option,
    .extension = host_extension,
};

static struct {
  const tn_kernel_row *rows;
  uint64_t count, stride;
} recorded;

static tn_status add_device(tn_registrar *registrar, const tn_device_table *table, int32_t *type) {
  (void)registrar, (void)table;
  if (type != NULL) *type = 2;
  return TN_OK;
}
static tn_status add_kernels(tn_registrar *registrar, const char *device, const tn_kernel_row *rows,
                             uint64_t count, uint64_t stride) {
  (void)registrar, (void)device;
  recorded.rows = rows;
  recorded.count = count;
  recorded.stride = stride;
  return TN_OK;
}
static tn_status add_workers(tn_registrar *registrar, const tn_workers *workers) {
  (void)registrar, (void)workers;
  return TN_OK;
}
static tn_status add_wrapper(tn_registrar *registrar, const tn_wrapper *wrapper) {
  (void)registrar, (void)wrapper;
  return TN_OK;
}

static const tn_registrar full_registrar = {
    .struct_size = sizeof(tn_registrar),
    .add_device = add_device,
    .add_kernels = add_kernels,
    .add_workers = add_workers,
    .add_wrapper = add_wrapper,
};

// A struct that says it has |size| bytes, and has no more.
static void *cut(const void *whole, uint32_t size) {
  uint32_t *table = at_end_of_page(whole, size);
  if (table != NULL) *table = size;
  return table;
}

// Runs result = fill(1) through the recorded row, with every struct at the end of a page.
static bool fill_works(const tn_host_api *host) {
  const int64_t sizes[] = {3}, strides[] = {1};
  float data[3] = {0};
  const tn_fill_Scalar_attrs attrs = {.value = {TN_SCALAR_INT, 0, {.i = 1}}};
  const tn_view view = {.data = data,
                        .sizes = sizes,
                        .strides = strides,
                        .rank = 1,
                        .dtype = TN_F32,
                        .flags = TN_VIEW_CONTIGUOUS,
                        .numel = 3};
  const tn_args args = {.struct_size = sizeof args,
                        .view_count = 1,
                        .views = at_end_of_page(&view, sizeof view),
                        .output_count = 1,
                        .attrs_size = sizeof attrs,
                        .attrs = at_end_of_page(&attrs, sizeof attrs)};
  const tn_kernel_ctx ctx = {.struct_size = sizeof ctx, .host = host, .op = "fill.Scalar"};
  tn_kernel_ctx *cut_ctx = cut(&ctx, abi_floor_context);
  for (uint64_t i = 0; i < recorded.count; i++) {
    const tn_kernel_row *row = (const void *)((const char *)recorded.rows + i * recorded.stride);
    if (strcmp(row->op, "fill.Scalar") != 0) continue;
    return row->run(row->self, cut_ctx, cut(&args, sizeof args)) == TN_OK && data[2] == 1.0f;
  }
  return false;
}

// Whether the plugin at |path| stays inside of what this host has, in a process of its own. It may
// decline; with |fill| it must register that kernel, which then runs.
static bool survives(const char *path, uint32_t host_size, uint32_t registrar_size, bool fill) {
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "tn_plugin_query");
    if (symbol == NULL) _exit(2);
    tn_plugin_query_fn query;
    memcpy(&query, &symbol, sizeof query);
    const tn_host_api *host = cut(&full_host, host_size);
    tn_registrar *registrar = cut(&full_registrar, registrar_size);
    tn_status status = query(TN_ABI_VERSION)->init(host, registrar);
    _exit(!fill || (status == TN_OK && fill_works(host)) ? 0 : 3);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Every length that a host of some release could have: the ends of the fields from the floor up.
#define LENGTHS(floor, type) \
  for (uint32_t size = (floor); size <= sizeof(type); size += (uint32_t)sizeof(void *))

static void lives_with_shorter_hosts(const char *path, bool fill) {
  LENGTHS(abi_floor_host, tn_host_api) {
    cr_expect(survives(path, size, sizeof(tn_registrar), fill), "%s: a host of %u bytes", path,
              size);
  }
  LENGTHS(abi_floor_registrar, tn_registrar) {
    cr_expect(survives(path, sizeof(tn_host_api), size, fill), "%s: a registrar of %u bytes", path,
              size);
  }
  cr_expect(survives(path, abi_floor_host, abi_floor_registrar, fill), "%s: the oldest host", path);
}

TN_TEST(plugin, lives_with_shorter_hosts) {
  lives_with_shorter_hosts(PLUGIN("abi_today"), true);
  lives_with_shorter_hosts(TN_CPU_BACKEND, false);
  lives_with_shorter_hosts(PLUGIN("null"), false);
  lives_with_shorter_hosts(PLUGIN("sim"), false);
}

// The check can fail: this one uses what the oldest host has not.
TN_TEST(plugin, that_reads_past_a_shorter_host_is_found) {
  cr_expect(survives(PLUGIN("reads_past"), sizeof(tn_host_api), sizeof(tn_registrar), false));
  cr_expect_not(survives(PLUGIN("reads_past"), abi_floor_host, sizeof(tn_registrar), false));
}

#endif
