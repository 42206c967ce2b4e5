// SPDX-License-Identifier: Apache-2.0
//
// data: data sets from files, and batches of them in an order that a seed decides.

#ifndef TENON_NN_DATA_H_
#define TENON_NN_DATA_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/tenon.h>

#ifdef __cplusplus
extern "C" {
#endif

// Reads an IDX file, the format of MNIST and its kin, plain or compressed by gzip (told by its
// first bytes, not its name), into a cpu tensor of the file's own dtype: u8, i8, i16, i32, f32 or
// f64. The file must hold exactly what its header says. Messages name the file and what is wrong.
// owns: +1 result | threads: any
// errors: NOT_FOUND; IO_ERROR (a directory, no permission, a failed read); DATA_ERROR (not an IDX
// file, cut short, too long, damaged, sizes that no such file can hold); UNAVAILABLE (gzip where
// Tenon was built without zlib); OUT_OF_MEMORY
// source: LeCun, Cortes, Burges, "The MNIST database", section on the IDX file format
TN_API tn_tensor *tn_idx_load(const char *path);

// ---- batches

// Rows of one or several tensors with the same first size, such as images and labels, batch by
// batch. A loader keeps references to its tensors. One thread at a time.
//
//   tn_loader *loader = tn_loader_create(TN_TENSORS(images, labels), 64);
//   for (int epoch = 0; epoch < epochs; epoch++) {
//     tn_loader_shuffle(loader);
//     for (int64_t i = 0; i < tn_loader_batch_count(loader); i++) {
//       tn_scope *scope = tn_scope_open();
//       tn_tensor *batch[2];
//       if (tn_loader_batch(loader, i, batch) == TN_OK) { ... batch[0], batch[1] ... }
//       tn_scope_close(scope);
//     }
//   }
typedef struct tn_loader tn_loader;

typedef struct tn_loader_options {
  uint32_t struct_size;
  bool drop_last;  // leave out a last batch that is smaller than the others
} tn_loader_options;

// Batches in the tensors' own order, until it is shuffled.
// owns: +1 result, released with tn_loader_release
// errors: INVALID_ARGUMENT (no tensors, different first sizes, batch_size < 1), OUT_OF_MEMORY
TN_API tn_loader *tn_loader_create_with(tn_tensors tensors, int64_t batch_size,
                                        const tn_loader_options *options);
#define tn_loader_create(tensors, batch_size, ...) \
  tn_loader_create_with(                           \
      tensors, batch_size,                         \
      &(tn_loader_options){.struct_size = sizeof(tn_loader_options), __VA_ARGS__})

// A new random order of the rows, from the tensors' device's generator.
// errors: INVALID_ARGUMENT for NULL, and the operators' own
TN_API tn_status tn_loader_shuffle(tn_loader *loader);

// Rows and batches. 0 for NULL. errors: none
TN_API int64_t tn_loader_row_count(const tn_loader *loader);
TN_API int64_t tn_loader_batch_count(const tn_loader *loader);

// Writes batch |index| of each tensor to |batch|, in the order they were given in: views in the
// tensors' own order, copies in a shuffled one. All are NULL when it fails.
// owns: +1 each, as any call's results | errors: OUT_OF_RANGE, INVALID_ARGUMENT for NULL
TN_API tn_status tn_loader_batch(tn_loader *loader, int64_t index, tn_tensor **batch);

// NULL is legal.
TN_API void tn_loader_release(tn_loader *loader);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_DATA_H_
