// SPDX-License-Identifier: Apache-2.0
//
// floors: how long the structs of the oldest host are. floors.c is compiled against the older
// headers, where what a plugin must always find is all that is left.

#ifndef TENON_TESTS_ABI_FLOORS_H_
#define TENON_TESTS_ABI_FLOORS_H_

#include <stdint.h>

extern const uint32_t abi_floor_host, abi_floor_registrar, abi_floor_context;

#endif  // TENON_TESTS_ABI_FLOORS_H_
