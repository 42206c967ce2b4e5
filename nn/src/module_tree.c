// SPDX-License-Identifier: Apache-2.0
//
// module_tree: walks over the whole tree: paths, the list of parameters, moving, text. Depth is the
// model's own nesting, so recursion is bounded by what someone wrote.

#define _POSIX_C_SOURCE 200809L  // open_memstream

#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "module.h"

// ---- paths -------------------------------------------------------------------------------------

// A path grows by a part going down and is cut back coming up.
typedef struct walk {
  char path[TN_MODULE_PATH_MAX + 1];
  size_t length;
  tn_module_visit_fn visit;
  void *context;
} walk;

static tn_status extend_path(walk *w, const char *name) {
  size_t room = sizeof w->path - w->length;
  int written = snprintf(w->path + w->length, room, w->length > 0 ? ".%s" : "%s", name);
  if (written < 0 || (size_t)written >= room) {
    return tn_error_set(TN_INVALID_ARGUMENT,
                        "a part's path is longer than %d characters; it starts '%s'",
                        TN_MODULE_PATH_MAX, w->path);
  }
  w->length += (size_t)written;
  return TN_OK;
}

static void cut_path(walk *w, size_t length) {
  w->length = length;
  w->path[length] = '\0';
}

static tn_status visit_module(walk *w, const tn_module *module) {
  size_t length = w->length;
  tn_status status = TN_OK;
  for (int64_t i = 0; status == TN_OK && i < module->entry_count; i++) {
    const tn__entry *entry = &module->entries[i];
    status = extend_path(w, entry->name);
    if (status == TN_OK) {
      tn_module_entry seen = {w->path, entry->tensor, entry->is_parameter};
      status = w->visit(w->context, &seen);
    }
    cut_path(w, length);
  }
  for (int64_t i = 0; status == TN_OK && i < module->child_count; i++) {
    status = extend_path(w, module->children[i].name);
    if (status == TN_OK) status = visit_module(w, module->children[i].module);
    cut_path(w, length);
  }
  return status;
}

tn_status tn_module_visit(const tn_module *module, tn_module_visit_fn visit, void *context) {
  if (module == NULL || visit == NULL) {
    return tn_error_set(TN_INVALID_ARGUMENT, "tn_module_visit: the %s is NULL",
                        module == NULL ? "module" : "function");
  }
  walk w = {.visit = visit, .context = context};
  return visit_module(&w, module);
}

// The module that holds the last part of |path|, which |*last| then points at.
static tn_module *find_holder(const tn_module *module, const char *path, const char **last) {
  while (module != NULL && path != NULL) {
    const char *dot = strchr(path, '.');
    if (dot == NULL) {
      *last = path;
      return (tn_module *)module;
    }
    const tn_module *next = NULL;
    for (int64_t i = 0; i < module->child_count; i++) {
      const char *name = module->children[i].name;
      if (strncmp(name, path, (size_t)(dot - path)) == 0 && name[dot - path] == '\0') {
        next = module->children[i].module;
      }
    }
    module = next;
    path = dot + 1;
  }
  return NULL;
}

tn_tensor *tn_module_tensor_at(const tn_module *module, const char *path) {
  const char *name = NULL;
  const tn_module *holder = find_holder(module, path, &name);
  for (int64_t i = 0; holder != NULL && i < holder->entry_count; i++) {
    if (strcmp(holder->entries[i].name, name) == 0) return holder->entries[i].tensor;
  }
  return NULL;
}

tn_module *tn_module_child_at(const tn_module *module, const char *path) {
  const char *name = NULL;
  const tn_module *holder = find_holder(module, path, &name);
  for (int64_t i = 0; holder != NULL && i < holder->child_count; i++) {
    if (strcmp(holder->children[i].name, name) == 0) return holder->children[i].module;
  }
  return NULL;
}

// ---- parameters --------------------------------------------------------------------------------

static tn_status append_parameter(tn_module *root, int64_t *count, tn_tensor *tensor) {
  for (int64_t i = 0; i < *count; i++) {
    if (root->parameters[i] == tensor) return TN_OK;
  }
  if (*count == root->parameter_capacity) {
    int64_t capacity = root->parameter_capacity > 0 ? 2 * root->parameter_capacity : 16;
    tn_tensor **grown = realloc(root->parameters, (size_t)capacity * sizeof *grown);
    if (grown == NULL) {
      return tn_error_set(TN_OUT_OF_MEMORY, "no memory for a list of %lld parameters",
                          (long long)capacity);
    }
    root->parameters = grown;
    root->parameter_capacity = capacity;
  }
  root->parameters[(*count)++] = tensor;
  return TN_OK;
}

static tn_status collect_parameters(tn_module *root, int64_t *count, const tn_module *module) {
  tn_status status = TN_OK;
  for (int64_t i = 0; status == TN_OK && i < module->entry_count; i++) {
    if (!module->entries[i].is_parameter) continue;
    status = append_parameter(root, count, module->entries[i].tensor);
  }
  for (int64_t i = 0; status == TN_OK && i < module->child_count; i++) {
    status = collect_parameters(root, count, module->children[i].module);
  }
  return status;
}

tn_tensors tn_module_parameters(tn_module *module) {
  tn_tensors none = {NULL, 0};
  if (module == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_module_parameters: the module is NULL");
    return none;
  }
  int64_t count = 0;
  if (collect_parameters(module, &count, module) != TN_OK) return none;
  return (tn_tensors){module->parameters, count};
}

int64_t tn_module_parameter_numel(tn_module *module) {
  if (module == NULL) return 0;
  tn_tensors parameters = tn_module_parameters(module);
  int64_t numel = 0;
  for (int64_t i = 0; i < parameters.count; i++) numel += tn_tensor_numel(parameters.data[i]);
  return numel;
}

// ---- moving ------------------------------------------------------------------------------------

// What a tensor becomes. A tensor that two modules share stays shared.
typedef struct replacement {
  tn_tensor *from;
  tn_tensor *to;  // owned
} replacement;

typedef struct move {
  tn_device device;
  tn_dtype dtype;
  replacement *replacements;
  int64_t count;
} move;

static tn_tensor *find_replacement(const move *m, const tn_tensor *from) {
  for (int64_t i = 0; i < m->count; i++) {
    if (m->replacements[i].from == from) return m->replacements[i].to;
  }
  return NULL;
}

// |tensor| on the new device, as a leaf of its own; unchanged where nothing is to be done.
static tn_tensor *moved(const move *m, tn_tensor *tensor) {
  tn_dtype dtype = tn_dtype_is_floating(tn_tensor_dtype(tensor)) ? m->dtype : TN_DTYPE_NONE;
  tn_tensor *result = tn_to(tensor, m->device, dtype);
  if (result == NULL || result == tensor) return result;
  if (tn_requires_grad_(result, tn_requires_grad(tensor)) != TN_OK) return NULL;
  return result;
}

static tn_status prepare_replacement(void *context, const tn_module_entry *entry) {
  move *m = context;
  if (find_replacement(m, entry->tensor) != NULL) return TN_OK;
  size_t bytes = (size_t)(m->count + 1) * sizeof *m->replacements;
  replacement *grown = realloc(m->replacements, bytes);
  if (grown == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "no memory to move '%s'", entry->path);
  m->replacements = grown;
  tn_tensor *to = moved(m, entry->tensor);
  if (to == NULL) return tn__status_of(to);
  grown[m->count++] = (replacement){entry->tensor, tn_retain(to)};
  return TN_OK;
}

static void replace_tensors(const move *m, tn_module *module) {
  for (int64_t i = 0; i < module->entry_count; i++) {
    tn__entry *entry = &module->entries[i];
    tn_tensor *to = find_replacement(m, entry->tensor);
    if (to == NULL) continue;  // a module that is met twice holds new tensors by now
    tn_retain(to);
    tn_release(entry->tensor);
    entry->tensor = to;
    if (entry->slot != NULL) *entry->slot = to;
  }
  for (int64_t i = 0; i < module->child_count; i++) {
    replace_tensors(m, module->children[i].module);
  }
}

tn_status tn_module_to(tn_module *module, tn_device device, tn_dtype dtype) {
  if (dtype != TN_DTYPE_NONE && !tn_dtype_is_floating(dtype)) {
    return tn_error_set(TN_INVALID_DTYPE, "tn_module_to: %s is not a floating dtype",
                        tn_dtype_name(dtype));
  }
  move m = {.device = device, .dtype = dtype};
  tn__unrecorded section;
  tn_status status = tn__unrecorded_open(&section);
  if (status == TN_OK) status = tn_module_visit(module, prepare_replacement, &m);
  tn__unrecorded_close(&section);
  if (status == TN_OK) replace_tensors(&m, module);
  for (int64_t i = 0; i < m.count; i++) tn_release(m.replacements[i].to);
  free(m.replacements);
  return status;
}

// ---- text --------------------------------------------------------------------------------------

static void write_module(FILE *out, const tn_module *module, int indent) {
  char description[160] = "";
  if (module->type->describe != NULL) {
    (void)module->type->describe(module, description, sizeof description);
  }
  fprintf(out, "%s(%s", module->type->name, description);
  for (int64_t i = 0; i < module->child_count; i++) {
    fprintf(out, "\n%*s(%s): ", indent + 2, "", module->children[i].name);
    write_module(out, module->children[i].module, indent + 2);
  }
  if (module->child_count > 0) fprintf(out, "\n%*s", indent, "");
  fputc(')', out);
}

char *tn_module_to_string(tn_module *module) {
  if (module == NULL) {
    tn_error_set(TN_INVALID_ARGUMENT, "tn_module_to_string: the module is NULL");
    return NULL;
  }
  char *string = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&string, &length);
  bool complete = out != NULL;
  if (out != NULL) {
    write_module(out, module, 0);
    fprintf(out, "\n%lld parameters", (long long)tn_module_parameter_numel(module));
    complete = !ferror(out);
    complete = fclose(out) == 0 && complete;
  }
  if (complete) return string;
  free(string);
  tn_error_set(TN_OUT_OF_MEMORY, "no memory for the text of module '%s'", module->type->name);
  return NULL;
}

tn_status tn_module_print(tn_module *module, FILE *file) {
  char *string = tn_module_to_string(module);
  if (string == NULL) return tn__status_of(string);
  int written = fprintf(file, "%s\n", string);
  free(string);
  if (written < 0) return tn_error_set(TN_IO_ERROR, "cannot write a module's text");
  return TN_OK;
}
