// SPDX-License-Identifier: Apache-2.0
//
// commands: the subcommands of `tenon`. Each takes the arguments after its name, argv[0] being the
// name, and returns the exit status: 0 as asked, 1 it failed, 2 the arguments are wrong.

#ifndef TENON_TOOLS_COMMANDS_H_
#define TENON_TOOLS_COMMANDS_H_

#include <stdbool.h>
#include <tenon/op.h>

// X(name, function, arguments, summary)
#define TENON_COMMAND_TABLE(X)                                                                \
  X("info", tenon_info, "[--why BACKEND | DEVICE] [--timeout SECONDS] [--json]",              \
    "devices, backends, threads, and how the search went")                                    \
  X("ops", tenon_ops, "[--json] [GLOB]",                                                      \
    "every operator, and which backend has a kernel for what")                                \
  X("resolve", tenon_resolve, "OP DTYPE [DEVICE] [--json]",                                   \
    "the kernels that could serve an operator, best first")                                   \
  X("conform", tenon_conform,                                                                 \
    "[DEVICE | BACKEND | FILE.so] [--ops GLOBS] [--dtype LIST] [--quick | --full] [--device " \
    "NAME] "                                                                                  \
    "[--expect FILE] [--report FILE.html] [--json] [--verbose]",                              \
    "certifies a backend: every operator against its specification")                          \
  X("check", tenon_check, "FILE.so [--json]",                                                 \
    "what is wrong with a backend's file, without loading it")                                \
  X("env", tenon_env, "[--json]", "the variables that Tenon reads, and their values")

#define X(name, function, arguments, summary) int function(int argc, char **argv);
TENON_COMMAND_TABLE(X)
#undef X

// Takes |flag| out of the arguments and says whether it was there.
bool tenon_take_flag(int *argc, char **argv, const char *flag);

// Takes |option| and the argument after it out of the arguments; that argument, or NULL.
const char *tenon_take_option(int *argc, char **argv, const char *option);

// "f32" of TN_F32.
extern const char *const tenon_dtype_names[TN_DTYPE_COUNT];

// What an operator is: "kernel", "composite" or "view".
const char *tenon_kind_of(tn_op_traits traits);

// Prints the arguments of a command to standard error; returns 2.
int tenon_usage(const char *name);

#endif  // TENON_TOOLS_COMMANDS_H_
