// SPDX-License-Identifier: Apache-2.0
//
// peer: the same rows measured in PyTorch, where there is a Python that has it: TENON_BENCH_PYTHON,
// else python3. TENON_BENCH_PYTHON set to nothing leaves them out.

#ifndef TENON_BENCH_PEER_H_
#define TENON_BENCH_PEER_H_

#include "report.h"

// Runs bench/torch_rows.py for the rows of |report|, and fills in what it prints.
void peer_measure(bench_report *report);

#endif  // TENON_BENCH_PEER_H_
