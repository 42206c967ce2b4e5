// SPDX-License-Identifier: Apache-2.0
//
// tenon: answers about this machine's backends, devices and operators.

#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "probe.h"

typedef struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *arguments;
  const char *summary;
} command;

static const command commands[] = {
#define X(name, function, arguments, summary) {name, function, arguments, summary},
    TENON_COMMAND_TABLE(X)
#undef X
};
static const size_t command_count = sizeof commands / sizeof commands[0];

static void print_commands(FILE *file) {
  fprintf(file, "usage: tenon COMMAND [ARGUMENTS]\n\n");
  for (size_t i = 0; i < command_count; i++) {
    fprintf(file, "  %-8s  %s\n", commands[i].name, commands[i].summary);
  }
}

int tenon_usage(const char *name) {
  for (size_t i = 0; i < command_count; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      fprintf(stderr, "usage: tenon %s %s\n", name, commands[i].arguments);
    }
  }
  return 2;
}

bool tenon_take_flag(int *argc, char **argv, const char *flag) {
  for (int i = 1; i < *argc; i++) {
    if (strcmp(argv[i], flag) != 0) continue;
    memmove(argv + i, argv + i + 1, sizeof *argv * (size_t)(*argc - i));
    (*argc)--;
    return true;
  }
  return false;
}

const char *tenon_take_option(int *argc, char **argv, const char *option) {
  for (int i = 1; i + 1 < *argc; i++) {
    if (strcmp(argv[i], option) != 0) continue;
    const char *value = argv[i + 1];
    memmove(argv + i, argv + i + 2, sizeof *argv * (size_t)(*argc - i - 1));
    *argc -= 2;
    return value;
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
    print_commands(argc < 2 ? stderr : stdout);
    return argc < 2 ? 2 : 0;
  }
  if (strcmp(argv[1], TENON_PROBE_COMMAND) == 0) return tenon_probe_child(argc - 1, argv + 1);
  for (size_t i = 0; i < command_count; i++) {
    if (strcmp(commands[i].name, argv[1]) != 0) continue;
    int result = commands[i].run(argc - 1, argv + 1);
    if (fflush(stdout) == 0 && !ferror(stdout)) return result;
    fprintf(stderr, "tenon: the output could not be written\n");
    return result == 0 ? 1 : result;
  }
  fprintf(stderr, "tenon: there is no command '%s'\n\n", argv[1]);
  print_commands(stderr);
  return 2;
}
