// SPDX-License-Identifier: Apache-2.0
//
// host: what stands behind entries of the host table, one declaration for each that has a file of
// its own. The table itself is tn__host_api, declared in backend.h.

#ifndef TENON_CORE_HOST_H_
#define TENON_CORE_HOST_H_

#include <tenon/plugin.h>

// See args_clone of <tenon/plugin.h>; |op_name| is the operator's schema name. NULL with an error
// recorded when memory is out. owns: the copy, given up with free()
tn_args *tn__args_clone(const char *op_name, const tn_args *args);

// "tenon.kernels/1".
extern const tn_kernels_extension tn__kernels_extension;

#endif  // TENON_CORE_HOST_H_
