// SPDX-License-Identifier: Apache-2.0
//
// progress: how far the training is. On a terminal a bar that is drawn over; elsewhere a line now
// and then and one at the end of each epoch.

#ifndef FASHION_MNIST_PROGRESS_H_
#define FASHION_MNIST_PROGRESS_H_

#include <stdint.h>

#include "terminal.h"

typedef struct progress {
  terminal terminal;
  int64_t epochs;
  int64_t steps_per_epoch;
  double started;  // seconds, monotonic
  double shown;
  bool on_bar;  // the cursor stands behind a bar
} progress;

// What is known after a step.
typedef struct progress_report {
  int64_t epoch;   // from 0
  int64_t step;    // done in this epoch
  int64_t images;  // done in all
  double loss;     // recent mean; NaN: not known yet
} progress_report;

double seconds_now(void);

progress progress_start(terminal t, int64_t epochs, int64_t steps_per_epoch);

// Call after each step; draws only when there is something new to see.
void progress_show(progress *p, const progress_report *report);

// Leaves a bar that has not come to its end and goes to the next line.
void progress_finish(progress *p);

#endif  // FASHION_MNIST_PROGRESS_H_
