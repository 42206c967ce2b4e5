// SPDX-License-Identifier: Apache-2.0
//
// sort_key.inc: the key of an element, included for each size of an element that keys are made of,
// with
//   ELEMENT  the unsigned type of that size    NAME(x)  x_<bytes>
// Keys are in the order of the elements; see cpu_key_map.

// Without the turn. |sign| and |infinity| are bits of the dtype.
static inline ELEMENT NAME(float_key)(ELEMENT bits, ELEMENT sign, ELEMENT infinity) {
  const ELEMENT magnitude = (ELEMENT)(bits & (ELEMENT)~sign);
  ELEMENT key = (ELEMENT)(bits & sign ? ~bits : (bits | sign));
  key = magnitude == 0 ? sign : key;
  return magnitude > infinity ? (ELEMENT) ~(ELEMENT)0 : key;
}

static inline ELEMENT NAME(key)(const cpu_key_map *map, ELEMENT bits) {
  const ELEMENT sign = (ELEMENT)map->flip, infinity = (ELEMENT)map->infinity;
  const ELEMENT key =
      map->floating ? NAME(float_key)(bits, sign, infinity) : (ELEMENT)(bits ^ sign);
  return (ELEMENT)(key ^ (ELEMENT)map->turn);
}
