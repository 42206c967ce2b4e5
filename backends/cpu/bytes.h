// SPDX-License-Identifier: Apache-2.0
//
// bytes: pointwise loops that move elements without looking at them, one for each element size:
// copies, selections and fills serve every dtype. |element_size| is 1, 2, 4, 8 or 16.

#ifndef TENON_CPU_BYTES_H_
#define TENON_CPU_BYTES_H_

#include "pointwise.h"

// result, operand
cpu_loop cpu_copy_loop(int32_t element_size);

// result, condition (bool), where true, where false
cpu_loop cpu_where_loop(int32_t element_size);

// result; the value is the parameter's first bytes
cpu_loop cpu_fill_loop(int32_t element_size);

#endif  // TENON_CPU_BYTES_H_
