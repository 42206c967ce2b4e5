// SPDX-License-Identifier: Apache-2.0
//
// probe: see probe.h. The parent's side.

#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe_message.h"

extern char **environ;

enum { MAX_CHILDREN = 32, MAX_BYTES = 4 << 20 };

// One child's life.
typedef struct child {
  char *bytes;  // what it wrote, and a NUL
  size_t size;
  bool timed_out;
  int status;  // as waitpid gives it
} child;

// The candidates that are left out, as the child's arguments.
typedef struct left_out {
  int count;
  char names[MAX_CHILDREN][16];
  struct {
    int32_t index;
    char story[160], stage[32];
  } crashes[MAX_CHILDREN];
  int crash_count;
} left_out;

// ---- running a child ---------------------------------------------------------------------------

static bool start_child(const char *about, left_out *out, int pipe_end, pid_t *id) {
  char *arguments[MAX_CHILDREN + 4];
  int count = 0;
  arguments[count++] = (char *)"tenon";
  arguments[count++] = (char *)TENON_PROBE_COMMAND;
  arguments[count++] = (char *)(about == NULL ? "" : about);
  for (int i = 0; i < out->count; i++) arguments[count++] = out->names[i];
  arguments[count] = NULL;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_end, PROBE_PIPE);
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);  // drivers talk
  int error = posix_spawn(id, "/proc/self/exe", &actions, NULL, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fprintf(stderr, "tenon: no child process: %s\n", strerror(error));
  return error == 0;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Reads until the child closes its end; false where it takes too long or too much.
static bool read_all(int end, child *of, int32_t timeout_ms) {
  const int64_t deadline = now_ms() + timeout_ms;
  size_t capacity = 0;
  for (;;) {
    int64_t left = deadline - now_ms();
    struct pollfd wait = {.fd = end, .events = POLLIN};
    if (left <= 0 || poll(&wait, 1, (int)left) == 0) return false;
    if (of->size + 1 >= capacity) {
      capacity = capacity == 0 ? 16384 : capacity * 2;
      char *grown = capacity > MAX_BYTES ? NULL : realloc(of->bytes, capacity);
      if (grown == NULL) return false;
      of->bytes = grown;
    }
    ssize_t got = read(end, of->bytes + of->size, capacity - 1 - of->size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    of->size += (size_t)got;
    of->bytes[of->size] = '\0';
  }
}

static bool run_child(const char *about, left_out *out, int32_t timeout_ms, child *of) {
  int ends[2];
  memset(of, 0, sizeof *of);
  if (pipe(ends) != 0) {
    fprintf(stderr, "tenon: no pipe: %s\n", strerror(errno));
    return false;
  }
  // The child holds no end but its own, which is duplicated for it.
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  pid_t id;
  bool started = start_child(about, out, ends[1], &id);
  close(ends[1]);
  if (started) {
    of->timed_out = !read_all(ends[0], of, timeout_ms);
    if (of->timed_out) kill(id, SIGKILL);
    while (waitpid(id, &of->status, 0) < 0 && errno == EINTR) {
    }
  }
  close(ends[0]);
  return started && of->bytes != NULL;
}

// ---- reading what it wrote ---------------------------------------------------------------------

typedef struct reader {
  const char *at, *end;
} reader;

// The next text; NULL where what is left is none.
static const char *next(reader *from) {
  const char *text = from->at;
  const char *nul =
      from->at >= from->end ? NULL : memchr(from->at, '\0', (size_t)(from->end - from->at));
  if (nul == NULL) return NULL;
  from->at = nul + 1;
  return text;
}

// Takes |count| texts; false where they are not all there.
static bool take(reader *from, const char **texts, int count) {
  for (int i = 0; i < count; i++) {
    if ((texts[i] = next(from)) == NULL) return false;
  }
  return true;
}

static void add_backend(probe *found, const char *const *field) {
  if (found->backend_count == PROBE_BACKENDS) return;
  probed_backend *backend = &found->backends[found->backend_count++];
  *backend = (probed_backend){.name = field[0],
                              .version = field[1],
                              .path = field[2],
                              .devices = field[3],
                              .serves = field[4],
                              .wraps = field[5],
                              .threading = field[6],
                              .stage = field[7],
                              .reason = field[8],
                              .advice = field[9],
                              .kernel_count = atoi(field[10]),
                              .remark = field[11]};
}

static void add_device(probe *found, const char *name, int32_t count) {
  for (int32_t i = 0; i < found->device_count; i++) {
    if (strcmp(found->devices[i].name, name) == 0) return;
  }
  if (count > 0 && found->device_count < PROBE_DEVICES) {
    found->devices[found->device_count++] = (probed_device){name, count};
  }
}

// Where the child was when it ended: what it began and the last step of it.
typedef struct progress {
  const char *candidate;  // "" none
  const char *backend, *step;
  bool done;
} progress;

static bool read_message(probe *found, progress *at, reader *from) {
  static const struct {
    const char *tag;
    int fields;
  } kinds[] = {{PROBE_BEGIN, 1},   {PROBE_STEP, 2},  {PROBE_BACKEND, 12}, {PROBE_DEVICE, 2},
               {PROBE_DEFAULT, 3}, {PROBE_ABOUT, 3}, {PROBE_THREADS, 2},  {PROBE_RUNTIME, 1},
               {PROBE_REPORT, 1},  {PROBE_DONE, 0}};
  const char *tag = next(from), *field[12] = {0};
  size_t kind = 0, count = sizeof kinds / sizeof kinds[0];
  while (tag != NULL && kind < count && strcmp(kinds[kind].tag, tag) != 0) kind++;
  if (tag == NULL || kind == count || !take(from, field, kinds[kind].fields)) return false;
  if (strcmp(tag, PROBE_BEGIN) == 0) {
    *at = (progress){field[0], "", "", false};
  } else if (strcmp(tag, PROBE_STEP) == 0) {
    at->backend = field[0];
    at->step = field[1];
  } else if (strcmp(tag, PROBE_BACKEND) == 0) {
    add_backend(found, field);
  } else if (strcmp(tag, PROBE_DEVICE) == 0) {
    add_device(found, field[0], atoi(field[1]));
  } else if (strcmp(tag, PROBE_DEFAULT) == 0) {
    found->default_device = field[0];
    found->error = field[1];
    found->hint = field[2];
  } else if (strcmp(tag, PROBE_ABOUT) == 0) {
    found->about_error = field[1];
    found->about_hint = field[2];
  } else if (strcmp(tag, PROBE_THREADS) == 0) {
    found->thread_count = atoi(field[0]);
    found->thread_runtime = field[1];
  } else if (strcmp(tag, PROBE_RUNTIME) == 0) {
    if (found->runtime_count < PROBE_RUNTIMES) found->runtimes[found->runtime_count++] = field[0];
  } else if (strcmp(tag, PROBE_REPORT) == 0) {
    found->report = field[0];
  } else {
    at->done = true;
  }
  return true;
}

static progress read_probe(probe *found, const child *of) {
  progress at = {"", "", "", false};
  memset(found, 0, sizeof *found);
  found->default_device = found->error = found->hint = found->report = found->thread_runtime = "";
  found->about_error = found->about_hint = "";
  found->bytes = of->bytes;
  reader from = {of->bytes, of->bytes + of->size};
  while (read_message(found, &at, &from)) {
  }
  return at;
}

// ---- crashes -----------------------------------------------------------------------------------

static void describe_end(const child *of, int32_t timeout_ms, char *story, size_t size) {
  if (of->timed_out) {
    snprintf(story, size, "it hangs: nothing for %d ms", timeout_ms);
  } else if (WIFSIGNALED(of->status)) {
    int signal_number = WTERMSIG(of->status);
    snprintf(story, size, "it crashes: signal %d (%s)", signal_number, strsignal(signal_number));
  } else {
    snprintf(story, size, "it ends the process, with status %d", WEXITSTATUS(of->status));
  }
}

// Notes what ended the child, to leave it out the next time; false where it cannot be left out.
static bool leave_out(left_out *out, const child *of, const progress *at, int32_t timeout_ms) {
  if (out->count == MAX_CHILDREN) return false;
  bool candidate = at->candidate[0] != '\0';
  const char *name = candidate ? at->candidate : PROBE_NO_DEFAULT;
  for (int i = 0; i < out->count; i++) {
    if (strcmp(out->names[i], name) == 0) return false;
  }
  snprintf(out->names[out->count++], sizeof out->names[0], "%s", name);
  if (!candidate) return true;
  int i = out->crash_count++;
  out->crashes[i].index = atoi(at->candidate);
  snprintf(out->crashes[i].stage, sizeof out->crashes[i].stage, "%s",
           at->step[0] != '\0' ? at->step : "found");
  describe_end(of, timeout_ms, out->crashes[i].story, sizeof out->crashes[i].story);
  return true;
}

static void tell_crashes(probe *found, const left_out *out) {
  for (int i = 0; i < out->crash_count; i++) {
    int32_t index = out->crashes[i].index;
    if (index < 0 || index >= found->backend_count) continue;
    probed_backend *backend = &found->backends[index];
    memcpy(backend->crash, out->crashes[i].story, sizeof backend->crash);
    memcpy(backend->crash_stage, out->crashes[i].stage, sizeof backend->crash_stage);
    backend->stage = backend->crash_stage;
    backend->reason = backend->crash;
    backend->advice = "leave it out (TENON_BACKENDS=^name), or see to its driver and its author";
  }
  for (int i = 0; i < out->count; i++) {
    if (strcmp(out->names[i], PROBE_NO_DEFAULT) != 0) continue;
    found->error = "the default device belongs to a backend that does not survive being opened";
    found->hint = "name another one: TENON_DEVICE=cpu";
  }
}

bool tenon_probe(probe *found, const char *about, int32_t timeout_ms) {
  left_out out = {.count = 0};
  for (;;) {
    child of;
    if (!run_child(about, &out, timeout_ms, &of)) {
      free(of.bytes);
      return false;
    }
    progress at = read_probe(found, &of);
    if (at.done) break;
    bool again = leave_out(&out, &of, &at, timeout_ms);
    if (!again) {
      fprintf(stderr, "tenon: the probing process does not come to its end\n");
      free(of.bytes);
      return false;
    }
    free(of.bytes);
  }
  tell_crashes(found, &out);
  return true;
}

void tenon_probe_free(probe *found) { free(found->bytes); }
