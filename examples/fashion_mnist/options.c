// SPDX-License-Identifier: Apache-2.0
//
// options: what the command line says. The table below is the parser, the defaults and the help.

#define _POSIX_C_SOURCE 200809L

#include "options.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DATA "/usr/share/datasets/fashion-mnist"

typedef enum kind { TEXT, COUNT, SEED, RATE } kind;

// X(kind, member, value's name, default, smallest count, help)
#define OPTION_TABLE(X)                                                           \
  X(TEXT, data, "DIR", NULL, 0,                                                   \
    "the four IDX files (default: $FASHION_MNIST_DIR,\n"                          \
    "                 else " DEFAULT_DATA ")")                                    \
  X(COUNT, epochs, "N", "3", 0, "passes over the training images (default: 3)")   \
  X(COUNT, batch, "N", "64", 1, "images a step (default: 64)")                    \
  X(RATE, lr, "RATE", "0.008", 0, "highest learning rate (default: 0.008)")       \
  X(SEED, seed, "N", "1", 0, "of all random numbers (default: 1)")                \
  X(COUNT, limit, "N", "0", 0, "train on the first N images only (default: all)") \
  X(TEXT, device, "NAME", NULL, 0,                                                \
    "where to compute (default: as TENON_BACKENDS and\n"                          \
    "                 TENON_DEVICE say)")                                         \
  X(TEXT, save, "DIR", NULL, 0, "write the trained parameters there, as .npy files")

typedef struct row {
  const char *name;
  kind kind;
  const char *value_name;
  const char *fallback;
  int64_t minimum;
  const char *help;
  size_t offset;
} row;

static const row rows[] = {
#define X(kind, member, value_name, fallback, minimum, help) \
  {#member, kind, value_name, fallback, minimum, help, offsetof(options, member)},
    OPTION_TABLE(X)
#undef X
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static void print_help(const char *program) {
  printf("usage: %s [options]\n\nTrains a small convolutional network on Fashion-MNIST.\n\n",
         program);
  for (int i = 0; i < ROW_COUNT; i++) {
    char left[32];
    (void)snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].value_name);
    printf("  %-14s %s\n", left, rows[i].help);
  }
  printf("  %-14s %s\n", "--help", "this text");
}

static bool parse_count(const char *text, int64_t minimum, int64_t *value) {
  char *end = NULL;
  errno = 0;
  long long parsed = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || parsed < minimum) return false;
  *value = parsed;
  return true;
}

static bool parse_seed(const char *text, uint64_t *value) {
  char *end = NULL;
  errno = 0;
  *value = strtoull(text, &end, 10);
  return errno == 0 && end != text && *end == '\0' && strchr(text, '-') == NULL;
}

static bool parse_rate(const char *text, double *value) {
  char *end = NULL;
  *value = strtod(text, &end);
  return end != text && *end == '\0' && *value > 0 && *value < 1e3;
}

static bool store(options *o, const row *r, const char *text) {
  void *member = (char *)o + r->offset;
  switch (r->kind) {
    case TEXT:
      *(const char **)member = text;
      return text[0] != '\0';
    case COUNT:
      return parse_count(text, r->minimum, member);
    case SEED:
      return parse_seed(text, member);
    case RATE:
      return parse_rate(text, member);
  }
  return false;
}

// The row that |argument| ("--epochs" or "--epochs=5") names, and in |*value| what follows '='.
static const row *find_row(const char *argument, const char **value) {
  *value = NULL;
  if (strncmp(argument, "--", 2) != 0) return NULL;
  size_t length = strcspn(argument + 2, "=");
  if (argument[2 + length] == '=') *value = argument + 2 + length + 1;
  for (int i = 0; i < ROW_COUNT; i++) {
    if (strlen(rows[i].name) != length) continue;
    if (strncmp(rows[i].name, argument + 2, length) == 0) return &rows[i];
  }
  return NULL;
}

static void complain(const char *program, const row *r, const char *value) {
  fprintf(stderr, "%s: --%s wants ", program, r->name);
  if (r->kind == TEXT) {
    fprintf(stderr, "a name");
  } else if (r->kind == RATE) {
    fprintf(stderr, "a number above 0 and below 1000");
  } else {
    fprintf(stderr, "a whole number from %lld on", (long long)r->minimum);
  }
  fprintf(stderr, ", not '%s'\n", value);
}

int options_parse(options *o, int argc, char **argv) {
  memset(o, 0, sizeof *o);
  for (int i = 0; i < ROW_COUNT; i++) {
    if (rows[i].fallback != NULL) (void)store(o, &rows[i], rows[i].fallback);
  }
  const char *folder = getenv("FASHION_MNIST_DIR");
  o->data = folder != NULL && folder[0] != '\0' ? folder : DEFAULT_DATA;
  for (int i = 1; i < argc; i++) {
    const char *value = NULL;
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      print_help(argv[0]);
      return 0;
    }
    const row *r = find_row(argv[i], &value);
    if (r == NULL) {
      fprintf(stderr, "%s: there is no option '%s'; --help lists them\n", argv[0], argv[i]);
      return 2;
    }
    if (value == NULL && i + 1 < argc) value = argv[++i];
    if (value == NULL || !store(o, r, value)) {
      complain(argv[0], r, value == NULL ? "" : value);
      return 2;
    }
  }
  return -1;
}
