// SPDX-License-Identifier: Apache-2.0
//
// dataset: Fashion-MNIST from its IDX files.

#define _POSIX_C_SOURCE 200809L

#include "dataset.h"

#include <limits.h>
#include <tenon/nn.h>
#include <unistd.h>

const char *const class_names[CLASS_COUNT] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                              "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                              "Bag",         "Ankle boot"};

static tn_tensor *load_file(const char *folder, const char *name, const char *kind) {
  char path[PATH_MAX];
  int length = snprintf(path, sizeof path, "%s/%s-%s-ubyte.gz", folder, name, kind);
  if (length < 0 || (size_t)length >= sizeof path) {
    tn_error_set(TN_INVALID_ARGUMENT, "the folder's name '%.40s...' is too long", folder);
    return NULL;
  }
  // The plain file goes first: someone has unpacked it for a Tenon that cannot.
  path[length - 3] = '\0';
  if (access(path, F_OK) != 0) path[length - 3] = '.';
  if (access(path, F_OK) != 0) {
    path[length - 3] = '\0';
    tn_error_set(TN_NOT_FOUND,
                 "there is no %s, with or without .gz.\n"
                 "On Debian and Ubuntu the package dataset-fashion-mnist has it; otherwise fetch "
                 "the four files of\nhttps://github.com/zalandoresearch/fashion-mnist and say "
                 "where they are with --data DIR or FASHION_MNIST_DIR",
                 path);
    return NULL;
  }
  return tn_idx_load(path);
}

static tn_status check(const dataset *set, const char *folder, const char *name) {
  const tn_tensor *images = set->images;
  const tn_tensor *labels = set->labels;
  if (tn_tensor_ndim(images) == 3 && tn_tensor_dtype(images) == TN_U8 &&
      tn_tensor_size(images, 1) == IMAGE_SIDE && tn_tensor_size(images, 2) == IMAGE_SIDE &&
      tn_tensor_ndim(labels) == 1 && tn_tensor_dtype(labels) == TN_U8 &&
      tn_tensor_size(images, 0) == tn_tensor_size(labels, 0) && tn_tensor_numel(labels) > 0) {
    return TN_OK;
  }
  return tn_error_set(TN_DATA_ERROR,
                      "the '%s' files in %s do not hold 28x28 images and a label for each", name,
                      folder);
}

// A label is checked here once, where the message can say which file is wrong.
static tn_status check_labels(const dataset *set, const char *folder, const char *name) {
  int64_t largest = tn_item_int(tn_amax(set->labels));
  if (!tn_ok()) return tn_error_peek()->status;
  if (largest < CLASS_COUNT) return TN_OK;
  return tn_error_set(TN_DATA_ERROR, "the '%s' labels in %s go up to %lld; there are %d classes",
                      name, folder, (long long)largest, CLASS_COUNT);
}

tn_status dataset_load(dataset *set, const char *folder, const char *name, int64_t limit,
                       tn_device device) {
  *set = (dataset){NULL, NULL};
  dataset loaded = {load_file(folder, name, "images-idx3"), NULL};
  if (loaded.images != NULL) loaded.labels = load_file(folder, name, "labels-idx1");
  if (loaded.labels == NULL) return tn_error_peek()->status;
  tn_status status = check(&loaded, folder, name);
  if (status != TN_OK) return status;
  if (limit > 0 && limit < tn_tensor_size(loaded.labels, 0)) {
    loaded.images = tn_narrow(loaded.images, 0, 0, limit);
    loaded.labels = tn_narrow(loaded.labels, 0, 0, limit);
  }
  loaded.images = tn_to(loaded.images, device, TN_DTYPE_NONE);
  loaded.labels = tn_to(loaded.labels, device, TN_I64);
  if (loaded.images == NULL || loaded.labels == NULL) return tn_error_peek()->status;
  status = check_labels(&loaded, folder, name);
  if (status == TN_OK) *set = loaded;
  return status;
}

tn_tensor *dataset_normalise(tn_tensor *images) {
  const double mean = 0.2860 * 255;
  const double deviation = 0.3530 * 255;
  tn_tensor *x = tn_to(images, TN_DEVICE_DEFAULT, TN_F32);
  tn_sub_scalar_(x, mean);
  tn_div_scalar_(x, deviation);
  return tn_unsqueeze(x, 1);
}
