// SPDX-License-Identifier: Apache-2.0
//
// dataset: Fashion-MNIST: 60,000 + 10,000 images of 28x28 bytes in ten classes.
// source: Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST: a novel image dataset for benchmarking"

#ifndef FASHION_MNIST_DATASET_H_
#define FASHION_MNIST_DATASET_H_

#include <tenon/tenon.h>

enum { IMAGE_SIDE = 28, CLASS_COUNT = 10 };
extern const char *const class_names[CLASS_COUNT];

typedef struct dataset {
  tn_tensor *images;  // u8 [N, 28, 28]
  tn_tensor *labels;  // i64 [N]
} dataset;

// Loads <folder>/<name>-images-idx3-ubyte and its labels, with or without .gz, onto |device|; at
// most |limit| of them unless it is 0. |name| is "train" or "t10k".
// owns: both tensors, as any call's results
// errors: NOT_FOUND saying where to get the files; DATA_ERROR; as tn_idx_load
tn_status dataset_load(dataset *set, const char *folder, const char *name, int64_t limit,
                       tn_device device);

// Bytes [N, 28, 28] as floats [N, 1, 28, 28] with mean 0 and deviation 1 over the training set.
// owns: +1 result
tn_tensor *dataset_normalise(tn_tensor *images);

#endif  // FASHION_MNIST_DATASET_H_
