// SPDX-License-Identifier: Apache-2.0
//
// activation: what the activations share with their gradients.

#ifndef TENON_CORE_OPS_ACTIVATION_H_
#define TENON_CORE_OPS_ACTIVATION_H_

#include "op_def.h"

// Replaces |*approximate|, which may live no longer than the call, by the literal "none" or "tanh";
// NULL means "none". errors: INVALID_ARGUMENT for any other text
tn_status tn__gelu_canonical(tn__call *call, const char **approximate);

#endif  // TENON_CORE_OPS_ACTIVATION_H_
