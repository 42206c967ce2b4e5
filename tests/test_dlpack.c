// SPDX-License-Identifier: Apache-2.0
//
// test_dlpack: sharing memory with other libraries. The structs are written down here once more, as
// another library would have them, so that a slip in the core's own cannot hide.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/tenon.h>

#include "backends/counts/counts.h"
#include "tenon_test.h"

struct dl_tensor {
  void *data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t *shape, *strides;
  uint64_t byte_offset;
};

struct DLManagedTensor {
  struct dl_tensor tensor;
  void *context;
  void (*deleter)(struct DLManagedTensor *self);
};

struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void *context;
  void (*deleter)(struct DLManagedTensorVersioned *self);
  uint64_t flags;
  struct dl_tensor tensor;
};

enum { CPU = 1, CUDA = 2, CUDA_HOST = 3, EXTENSION = 12 };
enum { INT = 0, UINT = 1, FLOAT = 2, OPAQUE = 3, BFLOAT = 4, COMPLEX = 5, BOOL = 6 };
enum { READ_ONLY = 1, IS_COPIED = 2 };

static const char *last_error(void) { return tn_ok() ? "no error" : tn_error_peek()->message; }

// ---- export ------------------------------------------------------------------------------------

TN_TEST(dlpack, an_export_describes_the_tensor) {
  float data[] = {1, 2, 3, 4, 5, 6};
  tn_tensor *tensor = tn_from_blob(data, TN_SHAPE(3, 2), TN_INTS(1, 3), TN_F32, NULL, NULL);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  cr_assert_not_null(shared, "%s", last_error());
  cr_expect_eq(shared->major, 1);
  cr_expect_eq(shared->flags, 0);
  cr_expect_eq(shared->tensor.device_type, CPU);
  cr_expect_eq(shared->tensor.device_id, 0);
  cr_expect_eq((char *)shared->tensor.data + shared->tensor.byte_offset, (char *)data);
  cr_expect_eq(shared->tensor.ndim, 2);
  cr_expect_eq(shared->tensor.code, FLOAT);
  cr_expect_eq(shared->tensor.bits, 32);
  cr_expect_eq(shared->tensor.lanes, 1);
  cr_expect_arr_eq(shared->tensor.shape, TN_I64S(3, 2), 16);
  cr_expect_arr_eq(shared->tensor.strides, TN_I64S(1, 3), 16);
  shared->deleter(shared);
  tn_release(tensor);
}

static void note(void *context) { *(int *)context += 1; }

TN_TEST(dlpack, an_export_keeps_the_data_alive) {
  int deleted = 0;
  float data[] = {1, 2, 3};
  tn_tensor *tensor = tn_from_blob(data, TN_SHAPE(3), TN_NO_DIMS, TN_F32, note, &deleted);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  struct DLManagedTensor *again = tn_to_dlpack_unversioned(tensor);
  cr_assert_not_null(shared);
  cr_assert_not_null(again);
  tn_release(tensor);
  cr_assert_eq(deleted, 0);
  shared->deleter(shared);
  cr_assert_eq(deleted, 0);
  again->deleter(again);
  cr_assert_eq(deleted, 1);
}

TN_TEST(dlpack, an_export_inside_a_scope_outlives_it) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *tensor = tn_from_data(TN_F32S(1, 2, 3), TN_SHAPE(3), TN_F32);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  tn_scope_close(scope);
  cr_assert_eq(((float *)shared->tensor.data)[2], 3);
  shared->deleter(shared);
}

// X(dtype, DLPack's code, bits)
#define DTYPE_TABLE(X) \
  X(BOOL, BOOL, 8)     \
  X(U8, UINT, 8)       \
  X(I8, INT, 8)        \
  X(U16, UINT, 16)     \
  X(I16, INT, 16)      \
  X(U32, UINT, 32)     \
  X(I32, INT, 32)      \
  X(U64, UINT, 64)     \
  X(I64, INT, 64)      \
  X(F16, FLOAT, 16)    \
  X(BF16, BFLOAT, 16)  \
  X(F32, FLOAT, 32)    \
  X(F64, FLOAT, 64)    \
  X(C64, COMPLEX, 64)  \
  X(C128, COMPLEX, 128)

static void expect_round_trip(tn_dtype dtype, uint8_t code, uint8_t bits) {
  static const double zeros[8];
  tn_tensor *tensor = tn_from_data(zeros, TN_SHAPE(2, 2), dtype);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  cr_assert_not_null(shared, "%s: %s", tn_dtype_name(dtype), last_error());
  cr_expect_eq(shared->tensor.code, code, "%s", tn_dtype_name(dtype));
  cr_expect_eq(shared->tensor.bits, bits, "%s", tn_dtype_name(dtype));
  tn_tensor *back = tn_from_dlpack(shared);
  cr_assert_not_null(back, "%s: %s", tn_dtype_name(dtype), last_error());
  cr_expect_eq(tn_tensor_dtype(back), dtype);
  cr_expect_eq(tn_tensor_const_data(back), tn_tensor_const_data(tensor));
  tn_release(tensor);
  tn_release(back);
}

TN_TEST(dlpack, every_dtype_has_its_code_and_comes_back) {
  int count = 1;
#define X(dtype, code, bits)                 \
  expect_round_trip(TN_##dtype, code, bits); \
  count++;
  DTYPE_TABLE(X)
#undef X
  cr_assert_eq(count, TN_DTYPE_COUNT);
}

TN_TEST(dlpack, an_empty_export_has_no_data) {
  tn_tensor *tensor = tn_from_data(NULL, TN_SHAPE(2, 0), TN_F64);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  cr_assert_not_null(shared);
  cr_assert_null(shared->tensor.data);
  tn_tensor *back = tn_from_dlpack(shared);
  cr_assert_not_null(back, "%s", last_error());
  cr_assert_eq(tn_tensor_size(back, 0), 2);
  cr_assert_eq(tn_tensor_size(back, 1), 0);
  tn_release(tensor);
  tn_release(back);
}

TN_TEST(dlpack, a_read_only_tensor_stays_so) {
  static const float data[] = {1, 2};
  tn_tensor *tensor = tn_from_const_blob(data, TN_SHAPE(2), TN_NO_DIMS, TN_F32, NULL, NULL);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(tensor);
  cr_assert_not_null(shared);
  cr_assert_eq(shared->flags, READ_ONLY);
  tn_tensor *back = tn_from_dlpack(shared);
  cr_assert_null(tn_tensor_data(back));
  cr_assert_eq(tn_error_clear(), TN_READ_ONLY);
  cr_assert_null(tn_to_dlpack_unversioned(tensor), "the older struct cannot say it");
  cr_assert_eq(tn_error_clear(), TN_READ_ONLY);
  tn_release(tensor);
  tn_release(back);
}

TN_TEST(dlpack, export_refuses_what_requires_a_gradient) {
  tn_tensor *tensor = tn_from_data(TN_F32S(1, 2), TN_SHAPE(2), TN_F32);
  cr_assert_eq(tn_requires_grad_(tensor, true), TN_OK);
  cr_assert_null(tn_to_dlpack(tensor));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_null(tn_to_dlpack_unversioned(tensor));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  tn_release(tensor);
}

TN_TEST(dlpack, export_refuses_null_and_absent_tensors) {
  tn_tensor *const absent[] = {NULL, TN_NONE};
  for (int i = 0; i < 2; i++) {
    cr_assert_null(tn_to_dlpack(absent[i]));
    cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
    cr_assert_null(tn_to_dlpack_unversioned(absent[i]));
    cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  }
}

// ---- import: a producer of the test's own ------------------------------------------------------

// Two by three floats, and how often they were given back.
typedef struct producer {
  struct DLManagedTensorVersioned managed;
  int64_t shape[2], strides[2];
  float data[8];
  int deleted;
} producer;

static void give_back(struct DLManagedTensorVersioned *self) {
  ((producer *)self->context)->deleted++;
}

static producer *produce(producer *made) {
  memset(made, 0, sizeof *made);
  for (int i = 0; i < 8; i++) made->data[i] = (float)i;
  made->shape[0] = 2;
  made->shape[1] = made->strides[0] = 3;
  made->strides[1] = 1;
  made->managed = (struct DLManagedTensorVersioned){
      .major = 1,
      .context = made,
      .deleter = give_back,
      .tensor = {.data = made->data,
                 .device_type = CPU,
                 .ndim = 2,
                 .code = FLOAT,
                 .bits = 32,
                 .lanes = 1,
                 .shape = made->shape,
                 .strides = made->strides},
  };
  return made;
}

TN_TEST(dlpack, an_import_shares_data_and_gives_them_back_once) {
  producer made;
  tn_tensor *tensor = tn_from_dlpack(&produce(&made)->managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert_eq(tn_tensor_const_data(tensor), made.data);
  cr_assert_eq(tn_tensor_stride(tensor, 0), 3);
  ((float *)tn_tensor_data(tensor))[5] = 50;
  cr_assert_eq(made.data[5], 50);
  tn_retain(tensor);
  tn_release(tensor);
  cr_assert_eq(made.deleted, 0);
  tn_release(tensor);
  cr_assert_eq(made.deleted, 1);
}

TN_TEST(dlpack, an_open_scope_owns_an_import) {
  producer made;
  tn_scope *scope = tn_scope_open();
  cr_assert_not_null(tn_from_dlpack(&produce(&made)->managed));
  cr_assert_eq(made.deleted, 0);
  tn_scope_close(scope);
  cr_assert_eq(made.deleted, 1);
}

static void *release_elsewhere(void *tensor) {
  tn_release(tensor);
  return NULL;
}

TN_TEST(dlpack, data_may_be_given_back_on_another_thread) {
  producer made;
  tn_tensor *tensor = tn_from_dlpack(&produce(&made)->managed);
  pthread_t thread;
  cr_assert_eq(pthread_create(&thread, NULL, release_elsewhere, tensor), 0);
  cr_assert_eq(pthread_join(thread, NULL), 0);
  cr_assert_eq(made.deleted, 1);
}

TN_TEST(dlpack, a_producer_without_deleter_is_never_called) {
  producer made;
  produce(&made)->managed.deleter = NULL;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor);
  tn_release(tensor);
}

TN_TEST(dlpack, no_strides_mean_row_major) {
  producer made;
  produce(&made)->managed.tensor.strides = NULL;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert_eq(tn_tensor_stride(tensor, 0), 3);
  cr_assert_eq(tn_tensor_stride(tensor, 1), 1);
  cr_assert(tn_tensor_is_contiguous(tensor));
  tn_release(tensor);
}

TN_TEST(dlpack, the_byte_offset_counts) {
  producer made;
  produce(&made)->managed.tensor.byte_offset = 2 * sizeof(float);
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert_eq(tn_tensor_const_data(tensor), made.data + 2);
  tn_release(tensor);
}

TN_TEST(dlpack, negative_and_zero_strides_are_taken) {
  producer made;
  produce(&made)->managed.tensor.byte_offset = 5 * sizeof(float);
  made.strides[0] = -3;
  made.strides[1] = 0;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor, "%s", last_error());
  char *text = tn_to_string(tensor, NULL);
  cr_assert_str_eq(text, "tensor([[5., 5., 5.],\n        [2., 2., 2.]])");
  free(text);
  tn_release(tensor);
}

TN_TEST(dlpack, pinned_memory_is_the_hosts) {
  producer made;
  produce(&made)->managed.tensor.device_type = CUDA_HOST;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert(tn_device_equal(tn_tensor_device(tensor), TN_DEVICE_CPU));
  tn_release(tensor);
}

TN_TEST(dlpack, a_read_only_import_refuses_writes) {
  producer made;
  produce(&made)->managed.flags = READ_ONLY;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor);
  cr_assert_null(tn_tensor_data(tensor));
  cr_assert_eq(tn_error_clear(), TN_READ_ONLY);
  tn_release(tensor);
}

TN_TEST(dlpack, copies_and_later_minor_versions_are_taken) {
  producer made;
  produce(&made)->managed.flags = IS_COPIED | 1 << 20;
  made.managed.minor = 9;
  tn_tensor *tensor = tn_from_dlpack(&made.managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert_not_null(tn_tensor_data(tensor));
  tn_release(tensor);
}

static void give_back_unversioned(struct DLManagedTensor *self) { ++*(int *)self->context; }

TN_TEST(dlpack, the_older_struct_is_taken_too) {
  producer made;
  int deleted = 0;
  struct DLManagedTensor managed = {produce(&made)->managed.tensor, &deleted,
                                    give_back_unversioned};
  tn_tensor *tensor = tn_from_dlpack_unversioned(&managed);
  cr_assert_not_null(tensor, "%s", last_error());
  cr_assert_not_null(tn_tensor_data(tensor));
  tn_release(tensor);
  cr_assert_eq(deleted, 1);
}

// ---- import: producers that are wrong ----------------------------------------------------------

// The import fails with |status|, says |words|, and leaves the producer its struct.
static void expect_refusal(producer *made, tn_status status, const char *words) {
  cr_assert_null(tn_from_dlpack(&made->managed), "'%s' was expected", words);
  const tn_error *error = tn_error_peek();
  cr_assert_not_null(error);
  cr_expect_eq(error->status, status, "status %d: %s", error->status, error->message);
  cr_expect_not_null(strstr(error->message, words), "'%s' lacks '%s'", error->message, words);
  tn_error_clear();
  cr_assert_eq(made->deleted, 0, "a failed import took the data");
  struct DLManagedTensor older = {made->managed.tensor, NULL, NULL};
  if (made->managed.major != 1) return;
  cr_assert_null(tn_from_dlpack_unversioned(&older));
  cr_expect_eq(tn_error_clear(), status);
}

TN_TEST(dlpack, refuses_null) {
  cr_assert_null(tn_from_dlpack(NULL));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_null(tn_from_dlpack_unversioned(NULL));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
}

TN_TEST(dlpack, refuses_other_major_versions) {
  producer made;
  produce(&made)->managed.major = 2;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "2.0");
  made.managed.major = 0;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "0.0");
}

TN_TEST(dlpack, refuses_dtypes_that_tenon_lacks) {
  static const struct {
    uint8_t code, bits;
    uint16_t lanes;
  } cases[] = {{FLOAT, 32, 4},   {FLOAT, 32, 0}, {INT, 4, 1},  {FLOAT, 128, 1},
               {OPAQUE, 64, 1},  {BOOL, 1, 1},   {UINT, 1, 1}, {BFLOAT, 32, 1},
               {COMPLEX, 32, 1}, {7, 8, 1},      {255, 255, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    producer made;
    produce(&made)->managed.tensor.code = cases[i].code;
    made.managed.tensor.bits = cases[i].bits;
    made.managed.tensor.lanes = cases[i].lanes;
    expect_refusal(&made, TN_INVALID_DTYPE, "no dtype");
  }
}

TN_TEST(dlpack, refuses_impossible_ranks_and_shapes) {
  producer made;
  int64_t ones[40];
  for (int i = 0; i < 40; i++) ones[i] = 1;
  produce(&made)->managed.tensor.ndim = 33;
  made.managed.tensor.shape = made.managed.tensor.strides = ones;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "33 dims");
  produce(&made)->managed.tensor.ndim = -1;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "-1 dims");
  produce(&made)->managed.tensor.shape = NULL;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "shape");
  produce(&made)->shape[1] = -3;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "negative");
  produce(&made)->shape[0] = INT64_C(1) << 40;
  made.shape[1] = INT64_C(1) << 40;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "overflow");
}

TN_TEST(dlpack, refuses_strides_and_offsets_that_lead_out_of_memory) {
  producer made;
  produce(&made)->strides[0] = INT64_MAX;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "strides");
  produce(&made)->strides[0] = INT64_MIN;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "strides");
  produce(&made)->strides[0] = INT64_MAX / 2;
  made.strides[1] = INT64_MIN / 4;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "strides");
  produce(&made)->managed.tensor.byte_offset = UINT64_MAX - 3;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "byte offset");
}

TN_TEST(dlpack, refuses_null_and_unaligned_data) {
  producer made;
  produce(&made)->managed.tensor.data = NULL;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "NULL");
  produce(&made)->managed.tensor.byte_offset = 2;
  expect_refusal(&made, TN_INVALID_ARGUMENT, "aligned");
}

TN_TEST(dlpack, refuses_devices_that_are_not_there) {
  producer made;
  static const int32_t unknown[] = {0, -1, EXTENSION, 99};
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    produce(&made)->managed.tensor.device_type = unknown[i];
    expect_refusal(&made, TN_UNAVAILABLE, "device");
  }
  produce(&made)->managed.tensor.device_type = CUDA;
  made.managed.tensor.device_id = 1000;
  expect_refusal(&made, TN_UNAVAILABLE, "cuda:1000");
  made.managed.tensor.device_id = -1;
  expect_refusal(&made, TN_UNAVAILABLE, "cuda:-1");
}

// ---- streams -----------------------------------------------------------------------------------

static tn_device use_counts(void) {
  setenv("TENON_BACKENDS", "counts=" TN_TEST_PLUGIN_DIR "/libtenon_backend_counts.so,cpu", 1);
  return tn_device_parse("maia");
}

TN_TEST(dlpack, export_waits_for_the_current_stream) {
  tn_device device = use_counts();
  tn_tensor *x = tn_empty(TN_SHAPE(2), .device = device);
  tn_stream *side = tn_stream_new(device, 0);
  cr_assert_eq(tn_stream_set_current(side), TN_OK);
  const counts *asked = tn_stream_native_handle(side);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack(x);
  cr_assert_not_null(shared);
  cr_assert_eq(asked->synchronized, 1);
  shared->deleter(shared);
  cr_assert_eq(tn_stream_set_current(tn_stream_default(device)), TN_OK);
  tn_stream_release(side);
  tn_release(x);
}

TN_TEST(dlpack, export_lets_the_consumers_stream_wait) {
  tn_device device = use_counts();
  tn_tensor *x = tn_empty(TN_SHAPE(2), .device = device);
  tn_stream *consumer = tn_stream_new(device, 0);
  const counts *theirs = tn_stream_native_handle(consumer);
  const counts *ours = tn_stream_native_handle(tn_stream_current(device));
  const int waits = ours->synchronized, marks = ours->recorded;
  struct DLManagedTensorVersioned *shared = tn_to_dlpack_on(x, consumer);
  cr_assert_not_null(shared);
  cr_assert_eq(ours->synchronized, waits, "nobody waits");
  cr_assert_eq(ours->recorded, marks + 1);
  cr_assert_eq(theirs->waited, 1);
  tn_release(x);
  shared->deleter(shared);
  cr_assert_eq(theirs->recorded, 1, "its memory waits for the consumer");
  tn_stream_release(consumer);
}

TN_TEST(dlpack, export_refuses_a_stream_of_another_device) {
  tn_device device = use_counts();
  tn_tensor *x = tn_empty(TN_SHAPE(2), .device = TN_DEVICE_CPU);
  cr_assert_null(tn_to_dlpack_on(x, tn_stream_default(device)));
  cr_assert_eq(tn_error_clear(), TN_DEVICE_MISMATCH);
  cr_assert_null(tn_to_dlpack_on(x, NULL));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  struct DLManagedTensorVersioned *shared = tn_to_dlpack_on(x, tn_stream_default(TN_DEVICE_CPU));
  cr_assert_not_null(shared);
  shared->deleter(shared);
  tn_release(x);
}
