// SPDX-License-Identifier: Apache-2.0
//
// peers: a Python that is asked, a line at a time, to run a call so many times: "numpy exp.f32 20".
// It answers with the time of one in ns, or "none". So batches of ours and of theirs take turns,
// and what slows the machine slows both.

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"

extern char **environ;

struct peers {
  pid_t child;
  FILE *to, *from;
};

static const char *const names[] = {"numpy", "torch"};

static bool start_child(peers *p, char *const *argv) {
  int in[2], out[2];
  if (pipe(in) != 0) return false;
  if (pipe(out) != 0) {
    close(in[0]);
    close(in[1]);
    return false;
  }
  posix_spawn_file_actions_t actions;
  bool ok = posix_spawn_file_actions_init(&actions) == 0 &&
            posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO) == 0 &&
            posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO) == 0 &&
            posix_spawn_file_actions_addclose(&actions, in[1]) == 0 &&
            posix_spawn_file_actions_addclose(&actions, out[0]) == 0 &&
            posix_spawnp(&p->child, argv[0], &actions, NULL, argv, environ) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  p->to = fdopen(in[1], "w");
  p->from = fdopen(out[0], "r");
  return ok && p->to != NULL && p->from != NULL;
}

peers *peers_start(int threads, char *versions, int size) {
  static char script[] = TN_SOURCE_DIR "/bench/ops_peers.py";
  char *python = getenv("TENON_BENCH_PYTHON"), count[16];
  versions[0] = '\0';
  if (python == NULL) python = "python3";
  if (python[0] == '\0') return NULL;
  peers *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  snprintf(count, sizeof count, "%d", threads);
  char *argv[] = {python, script, count, NULL};
  bool ok = start_child(p, argv) && fgets(versions, size, p->from) != NULL;
  versions[strcspn(versions, "\n")] = '\0';
  if (ok && versions[0] != '\0') return p;
  peers_stop(p);
  return NULL;
}

void peers_stop(peers *p) {
  if (p == NULL) return;
  if (p->to != NULL) fclose(p->to);
  if (p->from != NULL) fclose(p->from);
  while (p->child > 0 && waitpid(p->child, NULL, 0) < 0 && errno == EINTR) continue;
  free(p);
}

double peers_batch(peers *p, peer who, const char *row, int64_t times) {
  char line[64];
  if (p == NULL || who == LOOP) return -1;
  if (fprintf(p->to, "%s %s %lld\n", names[who], row, (long long)times) < 0) return -1;
  if (fflush(p->to) != 0 || fgets(line, sizeof line, p->from) == NULL) return -1;
  char *end;
  double ns = strtod(line, &end);
  return end == line ? -1 : ns;
}
