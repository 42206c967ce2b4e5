// SPDX-License-Identifier: Apache-2.0
//
// need: which backends must be opened for what is about to be done. A backend that owns a device
// type is opened when that is first used; one that wraps calls at the first call of all; any other
// when an operator that it claims is first needed on a device type that it serves. Claims stand in
// the plugin's note, so nothing runs to know them. A backend that the user named and that cannot be
// opened is an error at each need of what it claims.

#ifndef TENON_CORE_NEED_H_
#define TENON_CORE_NEED_H_

#include "backend.h"
#include "op_table.h"
#include "registry.h"

// Opens the owners of |device_type|, once, and sees that it has a table.
// errors: those of the search and of named backends
tn_status tn__registry_ensure(int32_t device_type);

// The same, and opens what claims |op_id| there.
tn_status tn__registry_need(int32_t device_type, int32_t op_id);

// The same for every operator.
tn_status tn__registry_need_all(int32_t device_type);

// Opens the allowed backends that wrap calls. errors: a named one that cannot be used
tn_status tn__loader_open_wrappers(void);

// Opens every backend that the user names. errors: the first that cannot be used
tn_status tn__loader_open_named(void);

// All kernels of (device type, op, dtype), whatever has to be opened; *chain NULL where there is
// none.
tn_status tn__registry_chain(int32_t device_type, int32_t op_id, tn_dtype dtype,
                             const tn__chain **chain);

// What the note says.
bool tn__backend_serves(const tn__backend *backend, const char *device);
bool tn__backend_claims(const tn__backend *backend, const char *op);

// Whether what |backend| claims cannot be decided yet: it is allowed and has not been opened, or it
// must be usable and is not.
bool tn__backend_pends(const tn__backend *backend);

#endif  // TENON_CORE_NEED_H_
