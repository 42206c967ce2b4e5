// SPDX-License-Identifier: Apache-2.0
//
// module: what a module is made of, for the files that walk the tree.

#ifndef TENON_NN_SRC_MODULE_H_
#define TENON_NN_SRC_MODULE_H_

#include <tenon/nn/module.h>

// One parameter or buffer. The module owns |name| and a reference to |tensor|.
typedef struct tn__entry {
  char *name;
  tn_tensor **slot;  // follows |tensor|; NULL where nobody asked
  tn_tensor *tensor;
  bool is_parameter;
} tn__entry;

// One child. The module owns |name| and a reference to |module|.
typedef struct tn__child {
  char *name;
  tn_module *module;
} tn__child;

struct tn_module {
  const tn_module_type *type;
  void *state;
  int64_t refcount;
  bool training;
  bool incomplete;  // a part could not be added: tn_module_finish gives NULL

  tn__entry *entries;
  int64_t entry_count;
  tn__child *children;
  int64_t child_count;

  tn_tensor **parameters;  // what tn_module_parameters gave last
  int64_t parameter_capacity;
};

#endif  // TENON_NN_SRC_MODULE_H_
