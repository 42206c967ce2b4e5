// SPDX-License-Identifier: Apache-2.0
//
// picture: grey images drawn with text. A character is about twice as high as wide, so each stands
// for two pixels, one above the other: with colour the upper half block shows both; otherwise their
// mean picks a shade.

#include "picture.h"

#include <stdio.h>

enum { GAP = 2, SLOT = PICTURE_SIDE + GAP };

static void print_half_blocks(int upper, int lower) {
  // 232 to 255 are the greys of the 256 colours.
  printf("\033[38;5;%d;48;5;%dm▀", 232 + upper * 23 / 255, 232 + lower * 23 / 255);
}

static void print_shade(const terminal *t, int upper, int lower) {
  static const char *const blocks[] = {" ", "░", "▒", "▓", "█"};
  static const char letters[] = " .:-=+*#%@";
  int mean = (upper + lower) / 2;
  if (t->unicode) {
    fputs(blocks[(mean * 4 + 127) / 255], stdout);
  } else {
    putchar(letters[(mean * 9 + 127) / 255]);
  }
}

static void print_line(const terminal *t, const picture *p, int line) {
  const uint8_t *upper = p->pixels + 2 * line * PICTURE_SIDE;
  const uint8_t *lower = upper + PICTURE_SIDE;
  bool half_blocks = t->colour && t->unicode;
  for (int x = 0; x < PICTURE_SIDE; x++) {
    if (half_blocks) {
      print_half_blocks(upper[x], lower[x]);
    } else {
      print_shade(t, upper[x], lower[x]);
    }
  }
  if (half_blocks) fputs("\033[0m", stdout);
}

static void print_captions(const picture *pictures, int count, bool above) {
  for (int i = 0; i < count; i++) {
    const char *text = above ? pictures[i].above : pictures[i].below;
    printf("%-*.*s", i + 1 < count ? SLOT : 1, PICTURE_SIDE, text);
  }
  putchar('\n');
}

static void print_band(const terminal *t, const picture *pictures, int count) {
  print_captions(pictures, count, true);
  for (int line = 0; line < PICTURE_SIDE / 2; line++) {
    for (int i = 0; i < count; i++) {
      print_line(t, &pictures[i], line);
      if (i + 1 < count) printf("%*s", GAP, "");
    }
    putchar('\n');
  }
  print_captions(pictures, count, false);
}

void pictures_print(const terminal *t, const picture *pictures, int count) {
  int fitting = (terminal_width() + GAP) / SLOT;
  if (fitting < 1) fitting = 1;
  for (int done = 0; done < count; done += fitting) {
    int left = count - done;
    putchar('\n');
    print_band(t, pictures + done, left < fitting ? left : fitting);
  }
}
