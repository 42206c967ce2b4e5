// SPDX-License-Identifier: Apache-2.0
//
// options: what the command line says.

#ifndef FASHION_MNIST_OPTIONS_H_
#define FASHION_MNIST_OPTIONS_H_

#include <stdint.h>

typedef struct options {
  const char *data;    // folder of the four IDX files
  const char *device;  // NULL: as the environment says
  const char *save;    // folder for the trained parameters; NULL: nowhere
  int64_t epochs;
  int64_t batch;
  int64_t limit;  // training images to use; 0: all
  uint64_t seed;
  double lr;
} options;

// -1 to go on, otherwise the exit code: 0 after --help, 2 after a message about what is wrong.
int options_parse(options *o, int argc, char **argv);

#endif  // FASHION_MNIST_OPTIONS_H_
