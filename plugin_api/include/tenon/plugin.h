// SPDX-License-Identifier: Apache-2.0
//
// plugin: the whole contract between the host (libtenon) and a backend. A backend includes this
// header and nothing else of Tenon's, links nothing of Tenon's, and exports one function,
// `tn_plugin_query`. The host reads the descriptor, checks it, and only then calls `init`, which
// registers devices and kernels through the registrar. Registration is staged: when init fails,
// nothing of it stays.
//
// Growth: every struct starts with its struct_size and grows only at its end; a reader treats
// what lies past the writer's size as zero and asks TN_HAS before it uses what is newer than 1.0.
// No struct ends in padding, so that each new field makes it larger, and none that grows stands
// inside another. Before ABI 1 the version must match exactly. The reference is docs/plugin-abi.md.

#ifndef TENON_PLUGIN_H_
#define TENON_PLUGIN_H_

#include <tenon/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TN_ABI_VERSION 0
#define TN_MAX_RANK 32

// The lowest host ABI that a plugin can live with, for TN_PLUGIN to write down; defined before this
// header by a plugin for which that is another than the one it is built against.
#ifndef TN_MIN_HOST_ABI
#define TN_MIN_HOST_ABI TN_ABI_VERSION
#endif

#if defined(__GNUC__)
#define TN_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define TN_PLUGIN_EXPORT
#endif

// Whether the struct at |table| reaches as far as |field|, by the struct_size its writer gave.
#define TN_HAS(table, field) \
  ((table)->struct_size >= (uint64_t)((const char *)(&(table)->field + 1) - (const char *)(table)))

typedef struct tn_host_api tn_host_api;
typedef struct tn_kernel_ctx tn_kernel_ctx;
typedef struct tn_registrar tn_registrar;
typedef struct tn_wrapped_call tn_wrapped_call;

// ---- what a kernel is called with --------------------------------------------------------------

enum {
  TN_VIEW_ABSENT = 1u << 0,      // an optional operand that was not given; nothing else is set
  TN_VIEW_IMMEDIATE = 1u << 1,   // one value on the host: data points at `immediate`, strides are 0
  TN_VIEW_CONTIGUOUS = 1u << 2,  // row-major without gaps
};

// One operand. Frozen: this struct never changes size.
typedef struct tn_view {
  void *data;  // the element at index [0, ..., 0]; strides may be negative or 0. NULL in a
               // result whose shape depends on data: the kernel has it created
  const int64_t *sizes;    // [rank]
  const int64_t *strides;  // [rank], in elements; 0 along a broadcast (or reduced) dimension
  int32_t rank;
  tn_dtype dtype;
  uint32_t flags;  // TN_VIEW_*
  uint32_t reserved;
  int64_t numel;  // product of sizes
  tn_device device;
  uint64_t storage_id;  // with `version` the content id: what was derived from equal ids may be
  uint64_t version;     // reused; storage_id 0 means never cache
  union {
    int64_t i;
    uint64_t u;
    double f64;
    float f32;
    uint16_t bits16;
    uint8_t u8;
    tn_complex64 c64;
    tn_complex128 c128;
  } immediate;  // the value in `dtype`
} tn_view;

// The arguments of any operator: results first, then tensor operands in the schema's order, then
// the elements of a tensor list. Everything else stands in `attrs`, whose struct is generated for
// each operator (<tenon/op_args.h>), as are the indices into `views`.
typedef struct tn_args {
  uint32_t struct_size;
  uint32_t view_count;
  tn_view *views;
  uint32_t output_count;
  uint32_t attrs_size;
  const void *attrs;
} tn_args;

// What a kernel is called in. Valid during the call.
struct tn_kernel_ctx {
  uint32_t struct_size;
  uint32_t flags;  // TN_KERNEL_CTX_*
  const tn_host_api *host;
  const char *op;    // the operator's schema name
  void *stream;      // the device's own stream; NULL on the cpu
  tn_device device;  // where the kernel runs
  void *host_data;   // the host's; not for kernels
};

enum { TN_KERNEL_CTX_DETERMINISTIC = 1u << 0 };

// Runs body(closure, begin, end) on pieces of [begin, end).
typedef void (*tn_range_body)(void *closure, int64_t begin, int64_t end);

// What the host offers. Entries may be called from any thread unless they say otherwise.
struct tn_host_api {
  uint32_t struct_size;
  uint32_t abi_version;
  const char *version;  // of Tenon, "0.1.0"

  // Records why the call failed (printf format) and returns |status|, so that a kernel can end in
  // `return ctx->host->error(ctx, TN_INVALID_ARGUMENT, "...", ...)`. |ctx| may be NULL in init.
  tn_status (*error)(tn_kernel_ctx *ctx, tn_status status, const char *format, ...) TN_PRINTF(3, 4);

  // Logs one line. level: 0 error, 1 warning, 2 info, 3 debug. |subsystem|: the backend's name.
  void (*log)(int32_t level, const char *subsystem, const char *format, ...) TN_PRINTF(3, 4);

  // Host memory that lives until the kernel returns; 64-byte aligned. NULL when there is none.
  // Only from the thread that runs the kernel.
  void *(*scratch)(tn_kernel_ctx *ctx, uint64_t size_bytes);

  // Splits [begin, end) into pieces of at least |grain| and runs them on the process's one pool;
  // returns when all are done. Runs on the caller alone where the pool is busy, where the call is
  // nested, or where there is too little work.
  void (*parallel_for)(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                       void *closure);

  // How many threads parallel_for may use from here, at least 1.
  int32_t (*thread_count)(void);

  // For operators whose result's shape depends on data: creates result |output| with |sizes| and
  // fills in its view in |args|. Its memory is the call's in the order of the call's stream.
  tn_status (*result_create)(tn_kernel_ctx *ctx, const tn_args *args, uint32_t output, int32_t rank,
                             const int64_t *sizes);

  // The value of a variable that the user set for this backend (an environment variable), NULL
  // where unset. Path-like values are hidden in set-uid processes.
  const char *(*option)(const char *name);

  // Further services by name ("tenon.kernels/1"); NULL where this host has none of that name.
  const void *(*extension)(const char *name);

  // A copy of |args| that outlives the call: views, sizes, strides, immediates and attributes with
  // the lists and texts that they point to. The elements are not copied. For kernels that run later
  // than they are called. NULL when memory is out. owns: the copy, given up with args_free
  tn_args *(*args_clone)(tn_kernel_ctx *ctx, const tn_args *args);
  void (*args_free)(tn_args *args);

  // Records on the calling thread that |op|, which was enqueued earlier, has failed since, and
  // returns |status|: what a device's synchronisation says of a fault that sticks to a stream.
  tn_status (*fault)(const char *op, tn_status status, const char *format, ...) TN_PRINTF(3, 4);
};

// ---- kernels -----------------------------------------------------------------------------------

// Where a kernel stands among those for the same operator, device and dtype; higher goes first.
enum {
  TN_RANK_REFERENCE = 100,
  TN_RANK_GENERIC = 200,
  TN_RANK_VENDOR = 300,
  TN_RANK_TUNED = 400,
};

// What a row wants its operands to look like. The host copies what does not fit.
enum {
  TN_LAYOUT_CONTIGUOUS = 0,  // row-major without gaps (immediates are expanded)
  TN_LAYOUT_STRIDED = 1,     // any strides, 0 and negative ones included
  TN_LAYOUT_MATRIX = 2,      // the last two dimensions as BLAS takes them: one stride is 1, the
                             // other at least the size of that dimension; other strides any
};

enum {
  TN_ROW_DETERMINISTIC = 1u << 0,  // the same bits at any thread count, run after run
  TN_ROW_CAPTURABLE = 1u << 1,     // may be captured into a graph
  TN_ROW_CASTS = 1u << 2,          // takes operands of other dtypes than the key and casts itself
};

// One kernel. `supports` returns NULL where it accepts, else the reason (static text); it sees
// views that are described but whose results are not allocated (data may be NULL).
typedef struct tn_kernel_row {
  const char *op;       // schema name with overload: "add.Tensor", "_softmax"
  uint64_t dtypes;      // TN_DTYPE_BIT set of key dtypes
  int32_t rank;         // TN_RANK_*
  int32_t layout;       // TN_LAYOUT_*
  uint32_t flags;       // TN_ROW_*
  uint32_t attrs_size;  // sizeof the attrs struct this was compiled with; 0: reads none
  const char *(*supports)(void *self, const tn_args *args);
  tn_status (*run)(void *self, tn_kernel_ctx *ctx, const tn_args *args);
  void *self;
} tn_kernel_row;

// ---- extensions --------------------------------------------------------------------------------

// "tenon.kernels/1": the kernels that are registered for a device type, so that a backend may run
// another's. Opens the backends that serve |device|. Calls |visit| with each row, the best of each
// operator first; |provider| is the backend's name. Only during init. The rows stay valid.
#define TN_KERNELS_EXTENSION "tenon.kernels/1"
typedef struct tn_kernels_extension {
  uint32_t struct_size;
  uint32_t reserved;
  tn_status (*each)(const char *device,
                    void (*visit)(void *closure, const char *provider, const tn_kernel_row *row),
                    void *closure);
} tn_kernels_extension;

// ---- wrappers ----------------------------------------------------------------------------------

// What a wrapper may ask and do. Valid during the wrapped call, on its thread.
typedef struct tn_wrap_api {
  uint32_t struct_size;
  uint32_t reserved;

  // The operator's schema name, of the form that was called ("mul_.Scalar"), and how many calls of
  // operators enclose this one on the thread (0: the program's own).
  const char *(*op)(tn_wrapped_call *call);
  int32_t (*depth)(tn_wrapped_call *call);

  // The operands as they were given, neither broadcast nor cast, and the attributes. Results come
  // first: TN_VIEW_ABSENT before `next` has succeeded, except those that a call writes into.
  // Borrowed until the next call of an entry of this table. NULL when memory is out.
  const tn_args *(*args)(tn_wrapped_call *call);

  // Runs the next wrapper, or the operator itself. May be called any number of times, also never;
  // the results of an earlier run are given up. A wrapper that returns TN_OK without having run it
  // makes the call fail with INTERNAL. What writes in place is repeated on what it has written.
  tn_status (*next)(tn_wrapped_call *call);

  // After `next`: the backend whose kernel ran; NULL for a view or where parts ran instead. And why
  // that one: "first of the user's list", "TENON_PROVIDER", "onednn declined: ...".
  const char *(*provider)(tn_wrapped_call *call);
  const char *(*reason)(tn_wrapped_call *call);

  // Casts operand |operand| (an index into the views less the results) to |dtype|, recorded for
  // autograd. Before `next`. The cast is a call of its own, which only wrappers further in see;
  // numbers, which take the dtype of what they meet, and what is absent stay as they are. errors:
  // OUT_OF_RANGE, and a cast's own
  tn_status (*cast)(tn_wrapped_call *call, uint32_t operand, tn_dtype dtype);

  // Fails the call: records why (printf format) and returns |status|.
  tn_status (*error)(tn_wrapped_call *call, tn_status status, const char *format, ...)
      TN_PRINTF(3, 4);
} tn_wrap_api;

// Stands around calls of operators, before a kernel is selected and before autograd records.
typedef struct tn_wrapper {
  uint32_t struct_size;
  int32_t rank;           // higher ranks are further out
  const char *name;       // for logs and `tenon info`
  const char *operators;  // globs, comma separated: "*", "conv*,mm", "mul.Tensor", which also means
                          // its in-place and scalar forms
  void *self;
  tn_status (*call)(void *self, const tn_wrap_api *api, tn_wrapped_call *call);
} tn_wrapper;

// ---- devices -----------------------------------------------------------------------------------

typedef struct tn_device_properties {
  uint32_t struct_size;
  uint32_t reserved;
  char name[128];         // "NVIDIA H100"
  uint64_t memory_bytes;  // 0: unknown
  uint32_t multiprocessors;
  uint32_t compute_major, compute_minor;
  uint32_t reserved_2;
} tn_device_properties;

enum { TN_DEVICE_HOST_MEMORY = 1u << 0 };  // the host may read and write this device's memory

// A device type and how to hold data on it. Entries marked optional may be NULL.
// |stream| NULL is the device's default stream. Calls may come from any thread. A fault of
// something that was enqueued sticks to its stream: synchronize, query and copy_to_host on that
// stream report it (through the host's `fault`, with the operator's name where that is known) and
// take it off.
typedef struct tn_device_table {
  uint32_t struct_size;
  uint32_t flags;    // TN_DEVICE_*
  const char *name;  // "cuda"; [a-z][a-z0-9_]*, unique in the process
  void *self;

  // How many devices there are. Zero is success: |reason| then says why ("driver not found: ...").
  // Of more than 64 the first 64 are used, which the load report says.
  tn_status (*count)(void *self, int32_t *count, char *reason, uint64_t reason_size);
  tn_status (*properties)(void *self, int32_t index, tn_device_properties *properties);

  // Raw segments, at least 64-byte aligned. The core caches and splits them, and gives one back
  // only when nothing on its way uses it: release need not wait.
  tn_status (*allocate)(void *self, int32_t index, uint64_t size_bytes, void **data);
  void (*release)(void *self, int32_t index, void *data, uint64_t size_bytes);

  // Copies of contiguous bytes, ordered on |stream|. The host's bytes stay valid and untouched
  // until the stream is synchronised; a device without streams copies before it returns.
  tn_status (*copy_from_host)(void *self, int32_t index, void *stream, void *to, const void *from,
                              uint64_t size_bytes);
  tn_status (*copy_to_host)(void *self, int32_t index, void *stream, void *to, const void *from,
                            uint64_t size_bytes);
  tn_status (*copy_within)(void *self, int32_t index, void *stream, void *to, const void *from,
                           uint64_t size_bytes);
  // Between two devices of this type, on a stream of |to_index|. The host has made that stream wait
  // for the source's. optional: through the host.
  tn_status (*copy_between)(void *self, int32_t to_index, void *to, int32_t from_index,
                            const void *from, void *stream, uint64_t size_bytes);

  // Streams and events. optional, all or none: without them everything is synchronous.
  // priority: 0 normal, negative more urgent. An event that was never recorded is done. A stream
  // that waits for an event, which may be another device's of this type (|index| is the stream's),
  // waits for the record that is the last at the call: a later record, or the event's end, leaves
  // that wait as it is. A stream that is destroyed has been waited for.
  // An event may outlive the stream that it was recorded on. Handles of streams and events are not
  // NULL. Events are recorded and asked under a lock of the allocator's: that must not wait for
  // another thread.
  tn_status (*stream_create)(void *self, int32_t index, int32_t priority, void **stream);
  void (*stream_destroy)(void *self, int32_t index, void *stream);
  tn_status (*stream_synchronize)(void *self, int32_t index, void *stream);
  tn_status (*stream_query)(void *self, int32_t index, void *stream, bool *done);
  tn_status (*event_create)(void *self, int32_t index, bool timing, void **event);
  void (*event_destroy)(void *self, int32_t index, void *event);
  tn_status (*event_record)(void *self, int32_t index, void *event, void *stream);
  tn_status (*event_query)(void *self, int32_t index, void *event, bool *done);
  tn_status (*event_synchronize)(void *self, int32_t index, void *event);
  tn_status (*stream_wait_event)(void *self, int32_t index, void *stream, void *event);
  tn_status (*event_elapsed_ms)(void *self, int32_t index, void *start, void *end, float *ms);

  // optional. The vendor's own object for a stream (a cudaStream_t); NULL is the default stream's.
  void *(*stream_native_handle)(void *self, int32_t index, void *stream);
  // optional. What the device has, in bytes, whoever holds it.
  tn_status (*memory_info)(void *self, int32_t index, uint64_t *free_bytes, uint64_t *total_bytes);
  // optional, both or none. Host memory that copies reach without staging ("pinned").
  tn_status (*host_allocate)(void *self, uint64_t size_bytes, void **data);
  void (*host_release)(void *self, void *data);
} tn_device_table;

// The process's pool of threads, which one backend may bring.
typedef struct tn_workers {
  uint32_t struct_size;
  uint32_t reserved;
  const char *runtime;  // "libgomp", for `tenon info`
  void (*parallel_for)(int64_t begin, int64_t end, int64_t grain, tn_range_body body,
                       void *closure);
  int32_t (*thread_count)(void);  // that a call from this thread may use
  void (*set_thread_count)(int32_t count);
} tn_workers;

// ---- registration ------------------------------------------------------------------------------

// Valid during init. Each entry returns an error, already recorded, that init should pass on.
struct tn_registrar {
  uint32_t struct_size;
  uint32_t reserved;
  void *host_data;
  // Adds a device type; the host copies the table. |type| (may be NULL) receives its id.
  tn_status (*add_device)(tn_registrar *registrar, const tn_device_table *table, int32_t *type);
  // Adds |count| kernels, |stride| bytes apart, for the device type named |device| ("cpu", or one
  // that this plugin added). Rows for operators that this host does not know are skipped. Refused:
  // what the note does not claim (operators, serves), and a row that serves an operator and dtype
  // which another of this plugin's serves on the same device type at the same rank.
  tn_status (*add_kernels)(tn_registrar *registrar, const char *device, const tn_kernel_row *rows,
                           uint64_t count, uint64_t stride);
  // Offers a pool. The first to offer is used.
  tn_status (*add_workers)(tn_registrar *registrar, const tn_workers *workers);
  // Adds a wrapper; the host copies the struct, not what it points to.
  tn_status (*add_wrapper)(tn_registrar *registrar, const tn_wrapper *wrapper);
};

// ---- the descriptor and its ELF note -----------------------------------------------------------

// What can be known of a plugin without running it. Strings end in NUL; lists are comma separated.
// A glob without a dot means every overload: "add" and "a*" match "add.Tensor".
typedef struct tn_plugin_facts {
  uint32_t struct_size;
  uint32_t abi_version;   // TN_ABI_VERSION of the header
  uint32_t min_host_abi;  // lowest host ABI that it can live with
  uint32_t reserved;
  char name[32];  // what TENON_BACKENDS calls it
  char version[24];
  char cpu_features[64];  // what its code cannot run without: "avx2,fma"
  char threading[16];     // thread runtime it brings: "openmp", "pthread", "" none
  char devices[64];       // device types it owns, "" for a provider only
  char operators[256];    // operators it serves, as globs: "*", "conv*,mm"; "" counts as "*". The
                          // backend is opened when one of them is first needed
  char serves[64];        // device types it has kernels for; "": those it owns, else "cpu"
  char wraps[64];         // operators that its wrappers see, as globs; "" for none
  // Environment variables of its own that it reads through the host's `option`, for `tenon env`:
  // "TENON_MINE_TILE=rows of a tile: 16 or 32;TENON_MINE_CACHE=a folder, absolute"
  char options[256];
} tn_plugin_facts;

typedef struct tn_plugin_desc {
  uint32_t struct_size;
  uint32_t reserved;
  const tn_plugin_facts *facts;  // the note's: it is pointed to, so that both structs can grow
  // Registers what the plugin brings, on one thread at a time. Called once; once more at the next
  // need where it failed because the host had run out of memory.
  tn_status (*init)(const tn_host_api *host, tn_registrar *registrar);
  void (*quiesce)(void);  // optional: tn_shutdown(); finish work, keep memory
} tn_plugin_desc;

#define TN_NOTE_OWNER "Tenon"
#define TN_NOTE_TYPE 0x544e  // 'TN'

typedef struct tn_plugin_note {
  uint32_t name_size, desc_size, type;
  char owner[8];
  tn_plugin_facts facts;
} tn_plugin_note;

// Writes the ELF note, and the descriptor `tn_plugin_descriptor`, which points to the note's facts.
// Once in a plugin, at file scope, followed by the exported function:
//
//   TN_PLUGIN(init, .name = "mine", .version = "1.0", .devices = "mine", .operators = "*");
//   TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi) {
//     return host_abi == TN_ABI_VERSION ? &tn_plugin_descriptor : NULL;
//   }
// clang-format off
#define TN_PLUGIN(init_function, ...)                                                            \
  __attribute__((section(".note.tenon"), used, aligned(4)))                                      \
  static const tn_plugin_note tn_plugin_elf_note = {                                             \
    sizeof(TN_NOTE_OWNER), sizeof(tn_plugin_facts), TN_NOTE_TYPE, TN_NOTE_OWNER,                 \
    {.struct_size = sizeof(tn_plugin_facts), .abi_version = TN_ABI_VERSION,                      \
     .min_host_abi = TN_MIN_HOST_ABI, __VA_ARGS__}};                                              \
  static const tn_plugin_desc tn_plugin_descriptor = {                                           \
    .struct_size = sizeof(tn_plugin_desc), .facts = &tn_plugin_elf_note.facts,                   \
    .init = init_function}
// clang-format on

// The only exported symbol. |host_abi| is the host's TN_ABI_VERSION. Returns a descriptor that
// lives as long as the library, or NULL to decline.
typedef const tn_plugin_desc *(*tn_plugin_query_fn)(uint32_t host_abi);
TN_PLUGIN_EXPORT const tn_plugin_desc *tn_plugin_query(uint32_t host_abi);

#ifdef __cplusplus
}
#endif

#endif  // TENON_PLUGIN_H_
