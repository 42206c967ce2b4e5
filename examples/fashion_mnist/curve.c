// SPDX-License-Identifier: Apache-2.0
//
// curve: a series of numbers drawn with text. The picture is a grid of dots; a braille character
// shows 2x4 of them, an asterisk one. Each column of dots holds the mean of the values that fall on
// it, and neighbouring columns are joined by a vertical stroke.

#include "curve.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CELLS = 72, MIN_CELLS = 16, ROWS = 9, LABEL_WIDTH = 7, MAX_DOTS = 2 * MAX_CELLS };

typedef struct grid {
  int cells;           // characters in a row
  int across, down;    // dots in a character
  int columns, lines;  // dots in all
  double low, high;    // what the bottom and the top stand for
  unsigned char dots[4 * ROWS][MAX_DOTS];
} grid;

// The mean of the values that fall on dot column |x|, or of the nearest one.
static double column_mean(const grid *g, const double *values, size_t count, int x) {
  size_t first = (size_t)x * count / (size_t)g->columns;
  size_t last = (size_t)(x + 1) * count / (size_t)g->columns;
  if (last <= first) last = first + 1;
  double sum = 0;
  for (size_t i = first; i < last; i++) sum += values[i];
  return sum / (double)(last - first);
}

static int line_of(const grid *g, double value) {
  if (!(g->high > g->low)) return g->lines / 2;
  double part = (log(g->high) - log(value)) / (log(g->high) - log(g->low));
  int line = (int)lround(part * (g->lines - 1));
  return line < 0 ? 0 : line >= g->lines ? g->lines - 1 : line;
}

static void plot(grid *g, const double *values, size_t count) {
  int previous = line_of(g, column_mean(g, values, count, 0));
  for (int x = 0; x < g->columns; x++) {
    int line = line_of(g, column_mean(g, values, count, x));
    // The stroke starts beside where the last column ended, so that steep parts stay one dot wide.
    int step = line > previous ? 1 : -1;
    for (int y = previous == line ? line : previous + step; y != line; y += step) {
      g->dots[y][x] = 1;
    }
    g->dots[line][x] = 1;
    previous = line;
  }
}

static void measure(grid *g, const double *values, size_t count) {
  g->low = g->high = column_mean(g, values, count, 0);
  for (int x = 1; x < g->columns; x++) {
    double value = column_mean(g, values, count, x);
    if (value < g->low) g->low = value;
    if (value > g->high) g->high = value;
  }
}

// The character of braille dots whose top left one is at (x, y), as UTF-8.
static void print_braille(const grid *g, int x, int y) {
  static const unsigned char bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  unsigned pattern = 0;
  for (int dy = 0; dy < 4; dy++) {
    for (int dx = 0; dx < 2; dx++) {
      if (g->dots[y + dy][x + dx]) pattern |= bits[dy][dx];
    }
  }
  putchar(0xe2);
  putchar((int)(0xa0 | pattern >> 6));
  putchar((int)(0x80 | (pattern & 0x3f)));
}

static void print_row(const terminal *t, const grid *g, int row) {
  // Labels on the first, middle and last row; the middle of a logarithmic axis is the root.
  if (row == 0 || row == ROWS - 1 || row == ROWS / 2) {
    double value = row == 0 ? g->high : row == ROWS - 1 ? g->low : sqrt(g->low * g->high);
    printf("%*.3f ", LABEL_WIDTH - 1, value);
  } else {
    printf("%*s", LABEL_WIDTH, "");
  }
  fputs(t->unicode ? "│" : "|", stdout);
  if (t->colour) fputs("\033[36m", stdout);
  for (int cell = 0; cell < g->cells; cell++) {
    if (t->unicode) {
      print_braille(g, 2 * cell, 4 * row);
    } else {
      putchar(g->dots[row][cell] ? '*' : ' ');
    }
  }
  fputs(t->colour ? "\033[0m\n" : "\n", stdout);
}

void curve_print(const terminal *t, const char *title, const double *values, size_t count) {
  if (count < 2) return;
  grid g;
  memset(&g, 0, sizeof g);
  int room = terminal_width() - LABEL_WIDTH - 2;
  g.cells = room > MAX_CELLS ? MAX_CELLS : room < MIN_CELLS ? MIN_CELLS : room;
  g.across = t->unicode ? 2 : 1;
  g.down = t->unicode ? 4 : 1;
  g.columns = g.cells * g.across;
  g.lines = ROWS * g.down;
  measure(&g, values, count);
  plot(&g, values, count);
  printf("%*s %s\n", LABEL_WIDTH, "", title);
  for (int row = 0; row < ROWS; row++) print_row(t, &g, row);
  printf("%*s", LABEL_WIDTH, "");
  fputs(t->unicode ? "└" : "+", stdout);
  for (int cell = 0; cell < g.cells; cell++) fputs(t->unicode ? "─" : "-", stdout);
  putchar('\n');
}
