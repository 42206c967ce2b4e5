// SPDX-License-Identifier: Apache-2.0
//
// terminal: what standard output can show. On anything but a terminal there is no colour and
// nothing is drawn over; text is ASCII unless the locale is UTF-8.

#ifndef FASHION_MNIST_TERMINAL_H_
#define FASHION_MNIST_TERMINAL_H_

#include <stdbool.h>

typedef struct terminal {
  bool interactive;  // lines may be drawn over
  bool unicode;
  bool colour;
} terminal;

terminal terminal_open(void);

// Columns: the terminal's own, else COLUMNS, else 80.
int terminal_width(void);

#endif  // FASHION_MNIST_TERMINAL_H_
