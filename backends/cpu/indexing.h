// SPDX-License-Identifier: Apache-2.0
//
// indexing: what the loops of indexing.c need to know. An index of gather and scatter is seen along
// the indexed dimension as [outer, length, inner]; where its outer and inner coordinates lie in a
// tensor of other sizes is looked up in tables, made once a call.

#ifndef TENON_CPU_INDEXING_H_
#define TENON_CPU_INDEXING_H_

#include "contiguous.h"

// Where the coordinates of an index lie in a tensor.
typedef struct cpu_places {
  char *data;
  const int64_t *outer, *inner;  // offsets in elements
  int64_t step;                  // along the indexed dimension
} cpu_places;

typedef struct cpu_indexing {
  cpu_along along;         // of the index
  const int64_t *indices;  // checked
  cpu_places self;         // what is indexed: read by gather, written by scatter
  cpu_places other;        // scatter's source
  char *result;            // gather's result, laid out like the index
  cpu_value alpha;
} cpu_indexing;

// index_select, index_add and embeddings: whole runs of |run| elements are indexed.
typedef struct cpu_run_indexing {
  const int64_t *indices;
  int64_t index_count;
  int64_t outer, length;  // of the indexed tensor
  int64_t run;
  char *indexed;    // [outer, length, run]
  char *rows;       // [outer, index_count, run]
  int64_t skipped;  // an index that takes no part
  cpu_value alpha;
} cpu_run_indexing;

#endif  // TENON_CPU_INDEXING_H_
