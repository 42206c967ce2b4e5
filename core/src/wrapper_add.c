// SPDX-License-Identifier: Apache-2.0
//
// wrapper_add: a program's own wrappers, registered as a backend's are.

#include <stddef.h>
#include <string.h>
#include <tenon/wrapper.h>

#include "registry.h"
#include "text.h"
#include "wrap.h"

tn_status tn_wrapper_add(const tn_wrapper *wrapper) {
  enum { SMALLEST = offsetof(tn_wrapper, call) + sizeof wrapper->call };  // at 1.0
  tn_wrapper copy = {0};
  if (wrapper == NULL || wrapper->struct_size < SMALLEST) {
    return tn__error(TN_ABI_MISMATCH, NULL, "a wrapper is missing or its struct_size is too small");
  }
  size_t size = wrapper->struct_size < sizeof copy ? wrapper->struct_size : sizeof copy;
  memcpy(&copy, wrapper, size);
  if (copy.name == NULL || copy.operators == NULL || copy.call == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "the wrapper '%.64s' lacks a name, globs or a call",
                     copy.name == NULL ? "(NULL)" : copy.name);
  }
  tn__registry_lock();
  tn__wrap_table *table = tn__wrap_table_with(&copy, 1, "the program");
  tn__wrap_publish(table);
  tn__registry_unlock();
  return table == NULL ? TN_OUT_OF_MEMORY : TN_OK;
}
