// SPDX-License-Identifier: Apache-2.0
//
// at: NumPy's indexing, written as text. tn_at(x, "1:-1, ..., ::2") reads what x[1:-1, ..., ::2]
// reads there, and tn_at_put assigns to it. A `?` stands for the next of the tensors that follow:
// tn_at(x, ":, ?", columns) is x[:, columns].
//
//   3, -1       one index, whose dimension goes; negative ones count from the end
//   a:b, a:b:s  a slice, each part of which may be left out; a negative step walks backwards
//   None        a new dimension of size 1; so is `newaxis`
//   ...         as many whole dimensions as are left; once at most
//   ?           integers, or a mask (bool, uint8) that stands for as many dimensions as it has

#ifndef TENON_AT_H_
#define TENON_AT_H_

// No tensors may follow, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// What |text| picks from |self|: a view where no tensors are among the indices (|self| itself where
// nothing is picked), else a copy. Indexed dimensions lie where the first index stands; where
// slices, None or `...` lie between indices (numbers count as such), they come first, as in NumPy.
// Differentiable. |indices|: one for each `?`.
// owns: +1 | errors: INVALID_ARGUMENT for text that means nothing, at the column that it names, too
// many indices, or another number of tensors; OUT_OF_RANGE for an index; as tn_index | threads: any
TN_API tn_tensor *tn_at_with(tn_tensor *self, const char *text, tn_tensors indices);

// Writes |value|, broadcast and cast, to what |text| picks from |self|. Where a place is named
// twice the last value stays. Differentiable with respect to |value|, and to what |self| was.
// errors: as tn_at_with; as any in-place operator | threads: any
TN_API tn_status tn_at_put_with(tn_tensor *self, const char *text, tn_tensor *value,
                                tn_tensors indices);

// The same with a number.
TN_API tn_status tn_at_fill_with(tn_tensor *self, const char *text, tn_scalar value,
                                 tn_tensors indices);

#ifndef __cplusplus
#define TN__AT_TENSORS(...)                                  \
  ((tn_tensors){(tn_tensor *const[]){NULL, __VA_ARGS__} + 1, \
                TN__COUNT(tn_tensor *, NULL, __VA_ARGS__) - 1})
#define tn_at(self, text, ...) tn_at_with(self, text, TN__AT_TENSORS(__VA_ARGS__))
#define tn_at_put(self, text, value, ...) \
  tn_at_put_with(self, text, value, TN__AT_TENSORS(__VA_ARGS__))
#define tn_at_fill(self, text, value, ...) \
  tn_at_fill_with(self, text, TN_SCALAR(value), TN__AT_TENSORS(__VA_ARGS__))
#endif

#ifdef __cplusplus
}
#endif

#endif  // TENON_AT_H_
