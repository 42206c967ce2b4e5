// SPDX-License-Identifier: Apache-2.0
//
// kernel: the cpu device's kernels, run on stream threads. A call clones its arguments, moves their
// addresses into the stream threads' mapping and enqueues; the thread calls the borrowed kernel
// with a context whose errors become the stream's fault and whose scratch memory is the job's. A
// result whose shape depends on data has to be known at once: such a call waits for the stream and
// runs where it was made.

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

// A row of the cpu's; |self| of the row that sim registers for it.
typedef struct borrowed {
  tn_kernel_row row;
} borrowed;

typedef struct scratch_block {
  struct scratch_block *next;
  void *unused[7];  // what follows is 64-byte aligned
} scratch_block;

typedef struct kernel_job {
  sim_job job;
  const borrowed *kernel;
  tn_args *args;
  uint32_t flags;  // of the context
  scratch_block *scratch;
  atomic_bool explained;  // the kernel has said why it failed
  bool injected;          // to fail, whatever the kernel says
  uint32_t segment_count;
  sim_segment *segments[];
} kernel_job;

// ---- where elements lie ------------------------------------------------------------------------

// The bytes that |view| touches: the address of the first of them, and how many.
static char *extent_of(const tn_view *view, uint64_t *size_bytes) {
  const int64_t item = tn_dtype_size(view->dtype);
  int64_t low = 0, high = 0;
  for (int32_t d = 0; d < view->rank; d++) {
    const int64_t reach = (view->sizes[d] - 1) * view->strides[d];
    if (reach < 0) low += reach;
    if (reach > 0) high += reach;
  }
  *size_bytes = (uint64_t)((high - low + 1) * item);
  return (char *)view->data + low * item;
}

// Moves |view| to the stream threads' mapping; false where its elements are not in one segment.
static bool move_view(tn_view *view, sim_segment **segment) {
  *segment = NULL;
  view->device = TN_DEVICE_CPU;
  if ((view->flags & (TN_VIEW_ABSENT | TN_VIEW_IMMEDIATE)) || view->data == NULL) return true;
  if (view->numel == 0) return true;
  uint64_t size_bytes;
  char *first = extent_of(view, &size_bytes);
  char *real = sim_memory_use(first, size_bytes, segment);
  if (real != NULL) view->data = real + ((char *)view->data - first);
  return real != NULL;
}

static tn_status move_views(kernel_job *job, tn_kernel_ctx *ctx) {
  for (uint32_t i = 0; i < job->args->view_count; i++) {
    if (!move_view(&job->args->views[i], &job->segments[i])) {
      return ctx->host->error(ctx, TN_INTERNAL,
                              "the elements of view %u are not in one segment of sim's memory", i);
    }
    job->segment_count = i + 1;
  }
  return TN_OK;
}

// ---- jobs --------------------------------------------------------------------------------------

static void free_kernel(sim_job *base) {
  kernel_job *job = (kernel_job *)base;
  for (uint32_t i = 0; i < job->segment_count; i++) sim_memory_unuse(job->segments[i]);
  while (job->scratch != NULL) {
    scratch_block *next = job->scratch->next;
    free(job->scratch);
    job->scratch = next;
  }
  if (job->args != NULL) sim_host->args_free(job->args);
  free(job);
}

static tn_status make_job(const borrowed *kernel, tn_kernel_ctx *ctx, const tn_args *args,
                          kernel_job **made) {
  *made = NULL;
  kernel_job *job = calloc(1, sizeof *job + args->view_count * sizeof job->segments[0]);
  if (job == NULL) return ctx->host->error(ctx, TN_OUT_OF_MEMORY, "no memory for a job");
  job->kernel = kernel;
  job->flags = ctx->flags;
  job->args = ctx->host->args_clone(ctx, args);
  const tn_status status = job->args == NULL ? TN_OUT_OF_MEMORY : move_views(job, ctx);
  if (status != TN_OK) free_kernel(&job->job);
  *made = job;
  return status;
}

// ---- the context on a stream's thread ----------------------------------------------------------

static tn_status thread_error(tn_kernel_ctx *ctx, tn_status status, const char *format, ...) {
  kernel_job *job = ctx->host_data;
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  atomic_store_explicit(&job->explained, true, memory_order_relaxed);
  sim_stream_fault(job->job.stream, job->job.op, status, "%s", message);
  return status;
}

static void *thread_scratch(tn_kernel_ctx *ctx, uint64_t size_bytes) {
  kernel_job *job = ctx->host_data;
  if (size_bytes > PTRDIFF_MAX / 2) return NULL;
  const uint64_t total = sizeof(scratch_block) + (size_bytes + 63) / 64 * 64;
  scratch_block *block = aligned_alloc(64, total);
  if (block == NULL) return NULL;
  block->next = job->scratch;
  job->scratch = block;
  return block + 1;
}

static tn_status thread_result_create(tn_kernel_ctx *ctx, const tn_args *args, uint32_t output,
                                      int32_t rank, const int64_t *sizes) {
  (void)args, (void)output, (void)rank, (void)sizes;
  return thread_error(ctx, TN_INTERNAL, "a result was to be created after the call had returned");
}

static tn_host_api thread_host;  // the host's, with these three

static void run_kernel(sim_job *base) {
  kernel_job *job = (kernel_job *)base;
  tn_kernel_ctx ctx = {.struct_size = sizeof ctx,
                       .flags = job->flags,
                       .host = &thread_host,
                       .op = job->job.op,
                       .device = TN_DEVICE_CPU,
                       .host_data = job};
  if (job->injected) {
    thread_error(&ctx, TN_INTERNAL, "a fault was injected by TENON_SIM_FAULT");
    return;
  }
  const tn_kernel_row *row = &job->kernel->row;
  const tn_status status = row->run(row->self, &ctx, job->args);
  if (status != TN_OK && !atomic_load_explicit(&job->explained, memory_order_relaxed)) {
    thread_error(&ctx, status, "the kernel failed and gave no reason");
  }
}

// ---- calls -------------------------------------------------------------------------------------

static bool is_to_fail(const char *op) {
  static _Atomic int64_t runs;
  if (sim_settings.fault_at == 0 || strcmp(op, sim_settings.fault_op) != 0) return false;
  return atomic_fetch_add_explicit(&runs, 1, memory_order_relaxed) + 1 == sim_settings.fault_at;
}

static bool creates_results(const tn_args *args) {
  for (uint32_t i = 0; i < args->output_count; i++) {
    if (args->views[i].data == NULL && !(args->views[i].flags & TN_VIEW_ABSENT)) return true;
  }
  return false;
}

static tn_host_api caller_host;  // the host's, but for result_create

// The core makes the result in device memory; the kernel gets the address that it can use. The
// memory belongs to the call in its stream's order, and this thread is about to write outside of
// that order: what was enqueued for its last owner, by another thread perhaps, has to be over.
static tn_status caller_result_create(tn_kernel_ctx *ctx, const tn_args *args, uint32_t output,
                                      int32_t rank, const int64_t *sizes) {
  tn_status status = sim_host->result_create(ctx, args, output, rank, sizes);
  if (status == TN_OK) status = sim_stream_synchronize(NULL, ctx->device.index, ctx->stream);
  if (status != TN_OK) return status;
  sim_segment *segment;
  if (!move_view(&args->views[output], &segment)) {
    return sim_host->error(ctx, TN_INTERNAL, "a created result is not in sim's memory");
  }
  sim_memory_unuse(segment);  // nothing can release it before the call returns
  return TN_OK;
}

static tn_status run_at_once(kernel_job *job, tn_kernel_ctx *ctx) {
  tn_status status = sim_stream_synchronize(NULL, ctx->device.index, ctx->stream);
  if (status == TN_OK) {
    tn_kernel_ctx caller = *ctx;
    caller.host = &caller_host;
    const tn_kernel_row *row = &job->kernel->row;
    status = row->run(row->self, &caller, job->args);
  }
  free_kernel(&job->job);
  return status;
}

static tn_status run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {
  kernel_job *job;
  const tn_status status = make_job(self, ctx, args, &job);
  if (status != TN_OK) return status;
  if (creates_results(args)) return run_at_once(job, ctx);
  sim_stream *stream = sim_stream_of(ctx->device.index, ctx->stream);
  if (stream == NULL) {
    free_kernel(&job->job);
    return TN_UNAVAILABLE;
  }
  job->job.op = ctx->op;
  job->job.run = run_kernel;
  job->job.free = free_kernel;
  job->injected = is_to_fail(ctx->op);
  return sim_stream_enqueue(stream, &job->job);
}

static const char *supports(void *self, const tn_args *args) {
  const tn_kernel_row *row = &((const borrowed *)self)->row;
  return row->supports(row->self, args);
}

// ---- registration ------------------------------------------------------------------------------

typedef struct borrowed_list {
  borrowed *kernels;  // lives as long as the process
  uint64_t count, capacity;
  bool failed;
} borrowed_list;

static void borrow(void *closure, const char *provider, const tn_kernel_row *row) {
  (void)provider;
  borrowed_list *list = closure;
  if (list->count == list->capacity) {
    const uint64_t capacity = list->capacity == 0 ? 256 : 2 * list->capacity;
    borrowed *grown = realloc(list->kernels, capacity * sizeof *grown);
    if (grown == NULL) {
      list->failed = true;
      return;
    }
    list->kernels = grown;
    list->capacity = capacity;
  }
  list->kernels[list->count++].row = *row;
}

static tn_status add_rows(tn_registrar *registrar, borrowed_list *list) {
  tn_kernel_row *rows = calloc(list->count + 1, sizeof *rows);
  if (rows == NULL) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for kernels");
  for (uint64_t i = 0; i < list->count; i++) {
    borrowed *kernel = &list->kernels[i];
    rows[i] = kernel->row;
    rows[i].flags &= ~(uint32_t)TN_ROW_CAPTURABLE;
    rows[i].supports = kernel->row.supports == NULL ? NULL : supports;
    rows[i].run = run;
    rows[i].self = kernel;
  }
  const tn_status status =
      registrar->add_kernels(registrar, "sim", rows, list->count, sizeof *rows);
  free(rows);
  return status;
}

// The hosts that borrowed kernels see: as large as the header's, whatever the host's size.
static void prepare_hosts(void) {
  const uint32_t size =
      sim_host->struct_size < sizeof thread_host ? sim_host->struct_size : sizeof thread_host;
  memcpy(&thread_host, sim_host, size);
  memcpy(&caller_host, sim_host, size);
  thread_host.struct_size = caller_host.struct_size = size;
  thread_host.error = thread_error;
  thread_host.scratch = thread_scratch;
  thread_host.result_create = thread_result_create;
  caller_host.result_create = caller_result_create;
}

tn_status sim_kernels_add(tn_registrar *registrar) {
  static borrowed_list list;
  const tn_kernels_extension *kernels = sim_host->extension(TN_KERNELS_EXTENSION);
  if (kernels == NULL) {
    return sim_host->error(NULL, TN_UNAVAILABLE, "this host has no " TN_KERNELS_EXTENSION);
  }
  prepare_hosts();
  list.count = 0;  // of an earlier init, for which the host had no memory
  list.failed = false;
  const tn_status status = kernels->each("cpu", borrow, &list);
  if (status != TN_OK) return status;
  if (list.failed) return sim_host->error(NULL, TN_OUT_OF_MEMORY, "no memory for kernels");
  return add_rows(registrar, &list);
}
