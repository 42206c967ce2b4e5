// SPDX-License-Identifier: Apache-2.0
//
// capture: see capture.h.

#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool start(pid_t *child, char *const *argv, const int ends[2], bool with_errors) {
  posix_spawn_file_actions_t actions;
  if (posix_spawn_file_actions_init(&actions) != 0) return false;
  bool ok = posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO) == 0 &&
            posix_spawn_file_actions_addclose(&actions, ends[0]) == 0 &&
            posix_spawn_file_actions_addclose(&actions, ends[1]) == 0;
  if (ok && with_errors) {
    ok = posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO) == 0;
  } else if (ok) {
    ok = posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0;
  }
  ok = ok && posix_spawnp(child, argv[0], &actions, NULL, argv, environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  return ok;
}

// Reads to the end even where |text| is full, so that the writer never waits for us.
static void read_all(int from, char *text, size_t size) {
  size_t length = 0;
  char rest[512];
  for (;;) {
    bool keep = length + 1 < size;
    ssize_t count =
        keep ? read(from, text + length, size - 1 - length) : read(from, rest, sizeof rest);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    if (keep) length += (size_t)count;
  }
  text[length] = '\0';
}

int capture(char *const *argv, char *text, size_t size, bool with_errors) {
  int ends[2], status;
  pid_t child;
  text[0] = '\0';
  if (pipe(ends) != 0) return -1;
  bool started = start(&child, argv, ends, with_errors);
  close(ends[1]);
  if (started) read_all(ends[0], text, size);
  close(ends[0]);
  if (!started) return -1;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
