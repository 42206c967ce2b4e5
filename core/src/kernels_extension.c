// SPDX-License-Identifier: Apache-2.0
//
// kernels_extension: "tenon.kernels/1", by which one backend runs another's kernels. Asked during
// init, when the registry is locked by this thread; what the asked device needs is opened first,
// inside the asking backend's init. A cycle of backends that ask for each other's kernels ends at
// the one that is still on its way, whose device does not exist yet.

#include <tenon/device.h>
#include <tenon/error.h>

#include "backend.h"
#include "host.h"
#include "need.h"
#include "thread.h"

typedef struct visitor {
  void (*visit)(void *closure, const char *provider, const tn_kernel_row *row);
  void *closure;
} visitor;

static void visit_kernel(void *closure, const tn__kernel *kernel) {
  const visitor *to = closure;
  to->visit(to->closure, kernel->backend->facts.name, &kernel->row);
}

static tn_status each_locked(const char *device, visitor *to) {
  const int32_t type = tn_device_parse(device).type;
  if (type == 0) return tn__failure();
  const tn_status status = tn__registry_need_all(type);
  return status == TN_OK ? tn__registry_each(type, visit_kernel, to) : status;
}

static tn_status each(const char *device,
                      void (*visit)(void *closure, const char *provider, const tn_kernel_row *row),
                      void *closure) {
  visitor to = {visit, closure};
  if (visit == NULL) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, TN_KERNELS_EXTENSION ": no function to visit with");
  }
  tn__registry_lock();
  const tn_status status = tn__backend_shortage(each_locked(device, &to));
  tn__registry_unlock();
  return status;
}

const tn_kernels_extension tn__kernels_extension = {
    .struct_size = sizeof(tn_kernels_extension),
    .each = each,
};
