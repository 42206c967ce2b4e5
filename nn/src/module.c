// SPDX-License-Identifier: Apache-2.0
//
// module: building, running and releasing a tree of modules. References between modules form a
// directed graph without cycles, because a child that contains its parent is refused. Invariant:
// whatever is in a module's tables is owned by it, and every slot equals its entry's tensor.

#define _POSIX_C_SOURCE 200809L  // strdup

#include "module.h"

#include <stdlib.h>
#include <string.h>

// ---- life --------------------------------------------------------------------------------------

tn_module *tn_module_create(const tn_module_type *type) {
  if (type == NULL || type->name == NULL || type->forward == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_module_create: a type needs a name and a forward");
    return NULL;
  }
  tn_module *module = calloc(1, sizeof *module);
  if (module != NULL && type->state_size > 0) {
    module->state = calloc(1, type->state_size);
    if (module->state == NULL) {
      free(module);
      module = NULL;
    }
  }
  if (module == NULL) {
    tn_error_set(TN_OUT_OF_MEMORY, "no memory for a module '%s'", type->name);
    return NULL;
  }
  module->type = type;
  module->refcount = 1;
  module->training = true;
  return module;
}

void *tn_module_state(const tn_module *module) { return module == NULL ? NULL : module->state; }

tn_module *tn_module_retain(tn_module *module) {
  if (module != NULL) module->refcount++;
  return module;
}

void tn_module_release(tn_module *module) {
  if (module == NULL || --module->refcount > 0) return;
  if (module->type->destroy != NULL) module->type->destroy(module);
  for (int64_t i = 0; i < module->entry_count; i++) {
    free(module->entries[i].name);
    tn_release(module->entries[i].tensor);
  }
  for (int64_t i = 0; i < module->child_count; i++) {
    free(module->children[i].name);
    tn_module_release(module->children[i].module);
  }
  free(module->entries);
  free(module->children);
  free(module->parameters);
  free(module->state);
  free(module);
}

// ---- adding parts ------------------------------------------------------------------------------

// A part's name must be able to stand in a path and in the name of a file.
static tn_status check_name(const tn_module *module, const char *name) {
  if (name == NULL || name[0] == '\0' || strpbrk(name, "./") != NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "module '%s': a part's name must not be empty or contain '.' or '/'; "
                        "this one is '%s'",
                        module->type->name, name == NULL ? "(null)" : name);
  }
  bool taken = false;
  for (int64_t i = 0; i < module->entry_count; i++) {
    taken = taken || strcmp(module->entries[i].name, name) == 0;
  }
  for (int64_t i = 0; i < module->child_count; i++) {
    taken = taken || strcmp(module->children[i].name, name) == 0;
  }
  if (!taken) return TN_OK;
  return tn_error_set(TN_INVALID_ARGUMENT, "module '%s' already has a part '%s'",
                      module->type->name, name);
}

static tn_status no_memory(const tn_module *module, const char *name) {
  return tn_error_set(TN_OUT_OF_MEMORY, "no memory for the part '%s' of module '%s'", name,
                      module->type->name);
}

static tn_status append_entry(tn_module *module, const char *name, tn__entry entry) {
  size_t bytes = (size_t)(module->entry_count + 1) * sizeof *module->entries;
  tn__entry *entries = realloc(module->entries, bytes);
  if (entries == NULL) return no_memory(module, name);
  module->entries = entries;
  entry.name = strdup(name);
  if (entry.name == NULL) return no_memory(module, name);
  entry.tensor = tn_retain(entry.tensor);
  if (entry.slot != NULL) *entry.slot = entry.tensor;
  entries[module->entry_count++] = entry;
  return TN_OK;
}

static tn_status add_entry(tn_module *module, const char *name, tn__entry entry) {
  if (module == NULL) return tn_error_set(TN_INVALID_ARGUMENT, "a part is added to no module");
  tn_status status = check_name(module, name);
  if (status == TN_OK && (entry.tensor == NULL || entry.tensor == TN_NONE)) {
    status = tn_error_set(TN_INVALID_ARGUMENT, "module '%s': the tensor for '%s' is %s",
                          module->type->name, name, entry.tensor == NULL ? "NULL" : "TN_NONE");
  }
  if (status == TN_OK && entry.is_parameter) status = tn_requires_grad_(entry.tensor, true);
  if (status == TN_OK) status = append_entry(module, name, entry);
  if (status != TN_OK) module->incomplete = true;
  return status;
}

tn_status tn_module_add_parameter(tn_module *module, const char *name, tn_tensor **slot,
                                  tn_tensor *tensor) {
  return add_entry(module, name, (tn__entry){NULL, slot, tensor, true});
}

tn_status tn_module_add_buffer(tn_module *module, const char *name, tn_tensor **slot,
                               tn_tensor *tensor) {
  return add_entry(module, name, (tn__entry){NULL, slot, tensor, false});
}

static bool contains(const tn_module *tree, const tn_module *module) {
  if (tree == module) return true;
  for (int64_t i = 0; i < tree->child_count; i++) {
    if (contains(tree->children[i].module, module)) return true;
  }
  return false;
}

static tn_status append_child(tn_module *module, const char *name, tn_module *child) {
  size_t bytes = (size_t)(module->child_count + 1) * sizeof *module->children;
  tn__child *children = realloc(module->children, bytes);
  if (children == NULL) return no_memory(module, name);
  module->children = children;
  char *own_name = strdup(name);
  if (own_name == NULL) return no_memory(module, name);
  children[module->child_count++] = (tn__child){own_name, child};
  return TN_OK;
}

tn_module *tn_module_add(tn_module *module, const char *name, tn_module *child) {
  tn_status status = TN_OK;
  if (module == NULL) {
    status = tn_error_set(TN_INVALID_ARGUMENT, "a part is added to no module");
  } else if (child == NULL) {
    status = tn_error_set(TN_INVALID_ARGUMENT, "module '%s': the child '%s' is NULL",
                          module->type->name, name == NULL ? "(null)" : name);
  } else if (contains(child, module)) {
    status = tn_error_set(TN_INVALID_ARGUMENT, "module '%s' cannot become a part of itself",
                          module->type->name);
  }
  if (status == TN_OK) status = check_name(module, name);
  if (status == TN_OK) status = append_child(module, name, child);
  if (status == TN_OK) return child;
  if (module != NULL) module->incomplete = true;
  tn_module_release(child);
  return NULL;
}

tn_module *tn_module_finish(tn_module *module) {
  if (module == NULL || !module->incomplete) return module;
  // A caller who cleared the error in between still learns that this failed.
  tn_error_set(TN_WRONG_STATE, "module '%s' is incomplete: a part could not be added",
               module->type->name);
  tn_module_release(module);
  return NULL;
}

// ---- using -------------------------------------------------------------------------------------

tn_tensor *tn_module_forward(tn_module *module, tn_tensor *input) {
  if (module == NULL || input == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_module_forward: the %s is NULL",
                 module == NULL ? "module" : "input");
    return NULL;
  }
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return NULL;
  tn_tensor *output = tn_escape(module->type->forward(module, input));
  tn_scope_close(scope);
  return output;
}

static void set_training(tn_module *module, bool training) {
  if (module == NULL) return;
  module->training = training;
  for (int64_t i = 0; i < module->child_count; i++) {
    set_training(module->children[i].module, training);
  }
}

void tn_module_train(tn_module *module) { set_training(module, true); }

void tn_module_eval(tn_module *module) { set_training(module, false); }

bool tn_module_is_training(const tn_module *module) { return module != NULL && module->training; }

void tn_module_zero_grad(tn_module *module) {
  if (module == NULL) return;
  for (int64_t i = 0; i < module->entry_count; i++) {
    if (module->entries[i].is_parameter) (void)tn_set_grad(module->entries[i].tensor, NULL);
  }
  for (int64_t i = 0; i < module->child_count; i++) {
    tn_module_zero_grad(module->children[i].module);
  }
}
