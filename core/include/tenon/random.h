// SPDX-License-Identifier: Apache-2.0
//
// random: seeds. One counter-based generator (Philox 4x32-10) for each device; a draw reserves a
// range of offsets, and element i of its result depends on (seed, offset, i) alone.

#ifndef TENON_RANDOM_H_
#define TENON_RANDOM_H_

#include <tenon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// Seeds every device's generator and sets its offset to 0. TENON_SEED does so at the start.
TN_API void tn_manual_seed(uint64_t seed);

// Reads and sets one device's generator. errors: UNAVAILABLE
TN_API tn_status tn_random_state(tn_device device, tn_philox_state *state);
TN_API tn_status tn_set_random_state(tn_device device, tn_philox_state state);

#ifdef __cplusplus
}
#endif

#endif  // TENON_RANDOM_H_
