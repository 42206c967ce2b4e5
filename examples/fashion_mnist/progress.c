// SPDX-License-Identifier: Apache-2.0
//
// progress: how far the training is, how fast it goes and how long it will take. The bar takes what
// the words leave of the line, in eighths of a character where the terminal has them.

#define _POSIX_C_SOURCE 200809L

#include "progress.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const double redraw_seconds = 0.1;
static const double line_seconds = 5;
enum { LONGEST_BAR = 40, SHORTEST_BAR = 8 };

double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

progress progress_start(terminal t, int64_t epochs, int64_t steps_per_epoch) {
  double now = seconds_now();
  return (progress){t, epochs, steps_per_epoch, now, now, false};
}

// 4312 -> "4,312"
static const char *with_comma(double value, char text[24]) {
  unsigned whole = value < 999999 ? (unsigned)value : 999999;
  if (whole < 1000) {
    (void)snprintf(text, 24, "%u", whole);
  } else {
    (void)snprintf(text, 24, "%u,%03u", whole / 1000, whole % 1000);
  }
  return text;
}

static void print_bar(const terminal *t, double part, int cells) {
  static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  int filled = (int)(part * cells * 8);
  if (t->colour) fputs("\033[36m", stdout);
  for (int i = 0; i < cells; i++) {
    int here = filled - 8 * i;
    if (!t->unicode) {
      putchar(here >= 8 ? '#' : '.');
    } else if (here >= 8) {
      fputs("█", stdout);
    } else {
      fputs(here > 0 ? eighths[here] : " ", stdout);
    }
  }
  if (t->colour) fputs("\033[0m", stdout);
}

// Everything but the bar, in two pieces: before it and after it.
typedef struct words {
  char before[40];
  char after[96];
  int length;   // of both
  double part;  // of the epoch that is done
} words;

static void describe(const progress *p, const progress_report *r, words *w) {
  char rate_text[24];
  char loss_text[24] = "";
  double elapsed = seconds_now() - p->started;
  double done = (double)(r->epoch * p->steps_per_epoch + r->step);
  double left = (double)(p->epochs * p->steps_per_epoch) - done;
  double rate = elapsed > 0 ? (double)r->images / elapsed : 0;
  int remaining = done > 0 ? (int)ceil(elapsed / done * left) : 0;
  if (!isnan(r->loss)) (void)snprintf(loss_text, sizeof loss_text, "loss %.4f  ", r->loss);
  w->part = (double)r->step / (double)p->steps_per_epoch;
  int before = snprintf(w->before, sizeof w->before, "epoch %lld/%lld ", (long long)(r->epoch + 1),
                        (long long)p->epochs);
  int after = snprintf(w->after, sizeof w->after, "%3d%%  %s%s images/s  %d:%02d left",
                       (int)(100 * w->part), loss_text, with_comma(rate, rate_text), remaining / 60,
                       remaining % 60);
  w->length = before + after;
}

static void draw_over(const terminal *t, const words *w) {
  int width = terminal_width() - 1;
  int room = width - w->length - 3;  // "[", "] "
  int cells = room > LONGEST_BAR ? LONGEST_BAR : room;
  printf("\r%s", w->before);
  if (cells >= SHORTEST_BAR) {
    putchar('[');
    print_bar(t, w->part, cells);
    fputs("] ", stdout);
  }
  int left = width - (int)strlen(w->before);
  printf("%.*s\033[K", left > 0 ? left : 0, w->after);
  fflush(stdout);
}

void progress_show(progress *p, const progress_report *report) {
  double now = seconds_now();
  bool last = report->step == p->steps_per_epoch;
  if (!last && now - p->shown < (p->terminal.interactive ? redraw_seconds : line_seconds)) return;
  p->shown = now;
  words w;
  describe(p, report, &w);
  if (p->terminal.interactive) {
    draw_over(&p->terminal, &w);
    if (last) putchar('\n');
    p->on_bar = !last;
  } else {
    printf("%s%s\n", w.before, w.after);
    fflush(stdout);
  }
}

void progress_finish(progress *p) {
  if (p->on_bar) putchar('\n');
  p->on_bar = false;
}
