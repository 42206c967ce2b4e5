// SPDX-License-Identifier: Apache-2.0
//
// reduce_int: the folds of one integer type or of bool. Included by reduce_int.c with S, T, LOWEST
// and HIGHEST. Sums and products are those of 64-bit integers and wrap around.

#define C T
#define LOAD(value) (value)
#define IS_NAN(a) 0
#define VALUE_OF(e) ((e).value.S)
#define PRODUCT uint64_t
#define LANES (64 / (int)sizeof(T))

#include "reduce_real.inc.h"

#define FOLD sum
#define A uint64_t
#define START 0
#define STEP(a, x) ((a) + (uint64_t)(x))
#define JOIN(a, b) ((a) + (b))
#include "fold_lanes.inc.h"

static const cpu_fold CPU_PASTE(folds, S)[CPU_FOLD_COUNT] = {
    CPU_FOLD_ENTRY(sum, uint64_t) CPU_FOLD_ENTRY(prod, uint64_t) CPU_FOLD_ENTRY(amax, T)
        CPU_FOLD_ENTRY(amin, T) CPU_FOLD_ENTRY(argmax, cpu_extremum)
            CPU_FOLD_ENTRY(argmin, cpu_extremum) CPU_FOLD_ENTRY(any, uint8_t)
                CPU_FOLD_ENTRY(all, uint8_t)};

#undef FN
#undef SAME
#undef LARGER
#undef SMALLER
#undef S
#undef T
#undef C
#undef LOAD
#undef LOWEST
#undef HIGHEST
#undef IS_NAN
#undef VALUE_OF
#undef PRODUCT
#undef LANES
