// SPDX-License-Identifier: Apache-2.0
//
// picture: grey images drawn with text, side by side, each with a caption.

#ifndef FASHION_MNIST_PICTURE_H_
#define FASHION_MNIST_PICTURE_H_

#include <stdint.h>

#include "terminal.h"

enum { PICTURE_SIDE = 28 };

typedef struct picture {
  const uint8_t *pixels;  // [28, 28]
  const char *above;      // at most 28 columns each
  const char *below;
} picture;

// As many beside each other as the width holds. Half blocks in 24 greys with colour, shaded blocks
// without, letters without Unicode.
void pictures_print(const terminal *t, const picture *pictures, int count);

#endif  // FASHION_MNIST_PICTURE_H_
