// SPDX-License-Identifier: Apache-2.0
//
// floors: see floors.h. The include is that of the older headers, made in the build.

#include "floors.h"

#include <tenon/plugin.h>

const uint32_t abi_floor_host = sizeof(tn_host_api);
const uint32_t abi_floor_registrar = sizeof(tn_registrar);
const uint32_t abi_floor_context = sizeof(tn_kernel_ctx);
