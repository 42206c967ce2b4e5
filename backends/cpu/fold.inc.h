// SPDX-License-Identifier: Apache-2.0
//
// fold.inc: columns added up to images for one element type, included by fold.c with
//   REAL     float or double
//   NAME(x)  x with a suffix
// Both are undefined at the end. An element is |parts| numbers, 2 of a complex dtype.

// Channels [begin, end) of all images. The order in which an element's terms are added is that of
// the columns' rows.
static void NAME(fold_channels)(void *closure, int64_t begin, int64_t end) {
  const folding *f = closure;
  const int64_t space = f->size[0] * f->size[1], places = f->places[0] * f->places[1];
  const int64_t taps = f->kernel[0] * f->kernel[1];
  for (int64_t channel = begin; channel < end; channel++) {
    REAL *image = (REAL *)f->result + channel * space * f->parts;
    const REAL *columns = (const REAL *)f->input + channel * taps * places * f->parts;
    memset(image, 0, (size_t)(space * f->parts) * sizeof(REAL));
    for (int64_t tap = 0; tap < taps; tap++) {
      const stretch across = stretch_of(f, 1, tap % f->kernel[1]);
      const stretch down = stretch_of(f, 0, tap / f->kernel[1]);
      for (int64_t y = down.begin; y < down.end; y++) {
        const REAL *from = columns + (tap * places + y * f->places[1]) * f->parts;
        REAL *to = image + (y * f->stride[0] + down.shift) * f->size[1] * f->parts;
        for (int64_t x = across.begin; x < across.end; x++) {
          for (int64_t part = 0; part < f->parts; part++) {
            to[(x * f->stride[1] + across.shift) * f->parts + part] += from[x * f->parts + part];
          }
        }
      }
    }
  }
}

#undef REAL
#undef NAME
