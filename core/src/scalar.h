// SPDX-License-Identifier: Apache-2.0
//
// scalar: one number of any dtype, in memory and out of it. Kernels never come here; this serves
// immediates, items, printing and files.

#ifndef TENON_CORE_SCALAR_H_
#define TENON_CORE_SCALAR_H_

#include <tenon/base.h>

// Writes |value| as one element of |dtype| at |out|, which need not be aligned. Towards floats it
// rounds once (too large: infinity); towards integers it cuts off the fraction; towards bool it is
// "not zero". As in PyTorch a negative number wraps around in an unsigned dtype where its size
// fits. |out| is unchanged when it fails.
// errors: INVALID_ARGUMENT for a number that an integer dtype cannot hold, a complex one for a real
// dtype, or no number; INVALID_DTYPE | threads: any
tn_status tn__scalar_store(tn_scalar value, tn_dtype dtype, void *out);

// The element of |dtype| at |data|, which need not be aligned. Kind NONE for no dtype.
// errors: none | threads: any
tn_scalar tn__scalar_load(const void *data, tn_dtype dtype);

// |value| as text for messages ("300", "0.5", "1+2j", "none"), in |buffer|, which is returned.
const char *tn__scalar_text(tn_scalar value, char *buffer, size_t buffer_size);

#endif  // TENON_CORE_SCALAR_H_
