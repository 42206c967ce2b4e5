// SPDX-License-Identifier: Apache-2.0
//
// dtype: names, promotion and casting rules.
//
// The rules are PyTorch's: a lattice over bool < integers < floats < complex, in which dimensioned
// tensors, 0-dim tensors and plain numbers count one after the other. Where PyTorch has no rule
// (u16, u32, u64 beside other integers) the Array API standard's table holds. Invariant: the table
// is symmetric and its diagonal is the identity; a test checks every pair against the rules.

#include "dtype.h"

#include <stdatomic.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/tensor.h>

#include "tensor_impl.h"

// ---- names -------------------------------------------------------------------------------------

// X(alias, dtype): what else PyTorch and NumPy users call a dtype.
#define TN__DTYPE_ALIAS_TABLE(X) \
  X("float", F32)                \
  X("double", F64)               \
  X("half", F16)                 \
  X("cfloat", C64)               \
  X("cdouble", C128)             \
  X("short", I16)                \
  X("int", I32)                  \
  X("long", I64)

typedef struct tn__dtype_spelling {
  const char *name;
  tn_dtype dtype;
} tn__dtype_spelling;

static const char *const printed_names[TN_DTYPE_COUNT] = {
#define X(name, id, text, size, ctype) [id] = text,
    TN_DTYPE_TABLE(X)
#undef X
};

static const tn__dtype_spelling aliases[] = {
#define X(name, dtype) {name, TN_##dtype},
    TN__DTYPE_ALIAS_TABLE(X)
#undef X
};

// "F32" and its kind; read without regard to case, as `tenon resolve matmul f32` writes them.
static const char *const short_names[TN_DTYPE_COUNT] = {
#define X(name, id, text, size, ctype) [id] = #name,
    TN_DTYPE_TABLE(X)
#undef X
};

static bool is_dtype(tn_dtype dtype) { return dtype > TN_DTYPE_NONE && dtype < TN_DTYPE_COUNT; }

const char *tn_dtype_name(tn_dtype dtype) { return is_dtype(dtype) ? printed_names[dtype] : "?"; }

static bool equal_but_for_case(const char *lower, const char *upper) {
  for (; *lower != '\0' && *upper != '\0'; lower++, upper++) {
    char raised = *lower >= 'a' && *lower <= 'z' ? (char)(*lower - 'a' + 'A') : *lower;
    if (raised != *upper) return false;
  }
  return *lower == *upper;
}

tn_dtype tn_dtype_parse(const char *name) {
  if (name == NULL) return TN_DTYPE_NONE;
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (strcmp(name, printed_names[dtype]) == 0) return dtype;
    if (equal_but_for_case(name, short_names[dtype])) return dtype;
  }
  for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
    if (strcmp(name, aliases[i].name) == 0) return aliases[i].dtype;
  }
  return TN_DTYPE_NONE;
}

// ---- promotion ---------------------------------------------------------------------------------

enum {
  no = TN_DTYPE_NONE,
  boo = TN_BOOL,
  u8 = TN_U8,
  i8 = TN_I8,
  u16 = TN_U16,
  i16 = TN_I16,
  u32 = TN_U32,
  i32 = TN_I32,
  u64 = TN_U64,
  i64 = TN_I64,
  f16 = TN_F16,
  b16 = TN_BF16,
  f32 = TN_F32,
  f64 = TN_F64,
  c64 = TN_C64,
  c128 = TN_C128,
};

// X(row, one column for each dtype). Below the diagonal it mirrors what is above.
// clang-format off
#define TN__PROMOTION_TABLE(X)                                                          \
  /*      boo  u8   i8   u16  i16  u32  i32  u64  i64  f16  b16  f32  f64  c64  c128 */ \
  X(boo,  boo, u8,  i8,  u16, i16, u32, i32, u64, i64, f16, b16, f32, f64, c64, c128)   \
  X(u8,   u8,  u8,  i16, u16, i16, u32, i32, u64, i64, f16, b16, f32, f64, c64, c128)   \
  X(i8,   i8,  i16, i8,  i32, i16, i64, i32, no,  i64, f16, b16, f32, f64, c64, c128)   \
  X(u16,  u16, u16, i32, u16, i32, u32, i32, u64, i64, f16, b16, f32, f64, c64, c128)   \
  X(i16,  i16, i16, i16, i32, i16, i64, i32, no,  i64, f16, b16, f32, f64, c64, c128)   \
  X(u32,  u32, u32, i64, u32, i64, u32, i64, u64, i64, f16, b16, f32, f64, c64, c128)   \
  X(i32,  i32, i32, i32, i32, i32, i64, i32, no,  i64, f16, b16, f32, f64, c64, c128)   \
  X(u64,  u64, u64, no,  u64, no,  u64, no,  u64, no,  f16, b16, f32, f64, c64, c128)   \
  X(i64,  i64, i64, i64, i64, i64, i64, i64, no,  i64, f16, b16, f32, f64, c64, c128)   \
  X(f16,  f16, f16, f16, f16, f16, f16, f16, f16, f16, f16, f32, f32, f64, c64, c128)   \
  X(b16,  b16, b16, b16, b16, b16, b16, b16, b16, b16, f32, b16, f32, f64, c64, c128)   \
  X(f32,  f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f32, f64, c64, c128)   \
  X(f64,  f64, f64, f64, f64, f64, f64, f64, f64, f64, f64, f64, f64, f64, c128,c128)   \
  X(c64,  c64, c64, c64, c64, c64, c64, c64, c64, c64, c64, c64, c64, c128,c64, c128)   \
  X(c128, c128,c128,c128,c128,c128,c128,c128,c128,c128,c128,c128,c128,c128,c128,c128)
// clang-format on

static const uint8_t promotion[TN_DTYPE_COUNT][TN_DTYPE_COUNT] = {
#define X(row, ...) [row] = {no, __VA_ARGS__},
    TN__PROMOTION_TABLE(X)
#undef X
};

tn_dtype tn__promote_types(tn_dtype a, tn_dtype b) {
  if ((uint32_t)a >= TN_DTYPE_COUNT || (uint32_t)b >= TN_DTYPE_COUNT) return TN_DTYPE_NONE;
  return promotion[a][b];
}

tn_dtype tn_promote_types(tn_dtype a, tn_dtype b) {
  tn_dtype common = tn__promote_types(a, b);
  if (common == TN_DTYPE_NONE) {
    tn_error_set(TN_INVALID_DTYPE, "no dtype holds both %s and %s", tn_dtype_name(a),
                 tn_dtype_name(b));
  }
  return common;
}

tn_dtype tn__dtype_to_complex(tn_dtype dtype) {
  if (!tn_dtype_is_floating(dtype)) return dtype;
  return dtype == TN_F64 ? TN_C128 : TN_C64;
}

// What is known of one kind of operand: nothing yet (NONE), a dtype, or that there is none.
enum { NO_COMMON_DTYPE = -1 };

static tn_dtype join(tn_dtype known, tn_dtype next) {
  if (known == TN_DTYPE_NONE || known == NO_COMMON_DTYPE) return known == 0 ? next : known;
  tn_dtype common = tn__promote_types(known, next);
  return common == TN_DTYPE_NONE ? NO_COMMON_DTYPE : common;
}

// |higher| stands, unless |lower| is of a category above it.
static tn_dtype let_category_rise(tn_dtype higher, tn_dtype lower) {
  if (higher == NO_COMMON_DTYPE || lower == TN_DTYPE_NONE) return higher;
  if (higher == TN_DTYPE_NONE || lower == NO_COMMON_DTYPE) return lower;
  if (tn_dtype_is_complex(higher)) return higher;
  if (tn_dtype_is_floating(higher)) {
    return tn_dtype_is_complex(lower) ? tn__dtype_to_complex(higher) : higher;
  }
  if (higher == TN_BOOL || tn_dtype_is_floating(lower) || tn_dtype_is_complex(lower)) {
    return join(higher, lower);
  }
  return higher;
}

// The dtype a number written in the program counts as: its category's default.
static tn_dtype number_dtype(tn_dtype dtype) {
  if (tn_dtype_is_complex(dtype)) return tn__dtype_to_complex(tn_default_dtype());
  return tn_dtype_is_floating(dtype) ? tn_default_dtype() : dtype;
}

tn_dtype tn__result_type(tn_tensor *const *tensors, int64_t count, uint32_t exempt_mask) {
  tn_dtype dimensioned = TN_DTYPE_NONE, zero_dim = TN_DTYPE_NONE, number = TN_DTYPE_NONE;
  for (int64_t i = 0; i < count; i++) {
    const tn_tensor *tensor = tensors[i];
    if (tensor == NULL || tensor == TN_NONE || (i < 32 && (exempt_mask >> i & 1u) != 0)) continue;
    if ((tensor->flags & TN__TENSOR_WRAPPED_NUMBER) != 0) {
      number = join(number, number_dtype(tensor->dtype));
    } else if (tensor->rank == 0) {
      zero_dim = join(zero_dim, tensor->dtype);
    } else {
      dimensioned = join(dimensioned, tensor->dtype);
    }
  }
  tn_dtype common = let_category_rise(dimensioned, let_category_rise(zero_dim, number));
  return common == NO_COMMON_DTYPE ? TN_DTYPE_NONE : common;
}

tn_dtype tn_result_type(tn_tensors tensors) {
  for (int64_t i = 0; i < tensors.count; i++) {
    if (tensors.data[i] != NULL) continue;
    tn_error_set(TN_INVALID_ARGUMENT, "result_type: tensor %lld is NULL", (long long)i);
    return TN_DTYPE_NONE;
  }
  tn_dtype common = tn__result_type(tensors.data, tensors.count, 0);
  if (common != TN_DTYPE_NONE) return common;
  char list[256] = "";
  size_t length = 0;
  int64_t named = 0;
  for (int64_t i = 0; i < tensors.count && length + 16 < sizeof list; i++) {
    if (tensors.data[i] == TN_NONE) continue;
    length += (size_t)snprintf(list + length, sizeof list - length, "%s%s", named > 0 ? ", " : "",
                               tn_dtype_name(tn_tensor_dtype(tensors.data[i])));
    named++;
  }
  if (named == 0) {
    tn_error_set(TN_INVALID_ARGUMENT, "result_type: no tensors are given");
  } else {
    tn_error_set(TN_INVALID_DTYPE, "no dtype holds all of %s", list);
  }
  return TN_DTYPE_NONE;
}

// ---- casting and the default -------------------------------------------------------------------

bool tn_can_cast(tn_dtype from, tn_dtype to) {
  if (!is_dtype(from) || !is_dtype(to)) return false;
  if (tn_dtype_is_complex(from) && !tn_dtype_is_complex(to)) return false;
  if (tn_dtype_is_floating(from) && (to == TN_BOOL || tn_dtype_is_integer(to))) return false;
  return from == TN_BOOL || to != TN_BOOL;
}

static _Atomic tn_dtype default_dtype = TN_F32;

tn_dtype tn_default_dtype(void) {
  return atomic_load_explicit(&default_dtype, memory_order_relaxed);
}

tn_status tn_set_default_dtype(tn_dtype dtype) {
  if (!is_dtype(dtype) || !tn_dtype_is_floating(dtype)) {
    return tn_error_set(TN_INVALID_DTYPE, "the default dtype must be floating, not %s",
                        tn_dtype_name(dtype));
  }
  atomic_store_explicit(&default_dtype, dtype, memory_order_relaxed);
  return TN_OK;
}
