// SPDX-License-Identifier: Apache-2.0
//
// tenon: answers about this machine's backends, devices and operators.

#include <stdio.h>
#include <string.h>

#include "commands.h"

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

int main(int argc, char **argv) {
  if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
    print_commands(argc < 2 ? stderr : stdout);
    return argc < 2 ? 2 : 0;
  }
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
