// SPDX-License-Identifier: Apache-2.0
//
// report_file: what a run is of, and the file of its page. The page is written beside its place
// under another name and moved there at the end, so that a run that fails leaves an older report
// as it was; that it can be written is known before the run starts.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report.h"

// ---- what a run is of --------------------------------------------------------------------------

static void describe_processor(char *text, size_t size) {
  char line[256];
  FILE *file = fopen("/proc/cpuinfo", "r");
  snprintf(text, size, "unknown");
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    const char *colon = strchr(line, ':');
    if (strncmp(line, "model name", 10) != 0 || colon == NULL) continue;
    snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  if (file != NULL) fclose(file);
}

static bool lists(const char *names, const char *name, size_t length) {
  for (; *names != '\0'; names += strcspn(names, ",") + (names[strcspn(names, ",")] == ',')) {
    if (strcspn(names, ",") == length && strncmp(names, name, length) == 0) return true;
  }
  return false;
}

// The backend that is certified; else those that own the device or, for the cpu, that have kernels
// and no device.
static void describe_backends(const char *device, const char *provider, char *text, size_t size) {
  size_t length = strcspn(device, ":"), used = 0;
  bool cpu = length == 3 && strncmp(device, "cpu", 3) == 0;
  tn_backend_info info;
  int32_t count = tn_backend_count();
  text[0] = '\0';
  for (int32_t i = 0; i < count && tn_backend_at(i, &info) == TN_OK; i++) {
    bool owns = lists(info.devices, device, length);
    bool serves = cpu && info.devices[0] == '\0' && info.kernel_count > 0;
    if (provider != NULL) owns = serves = strcmp(info.name, provider) == 0;
    if ((!owns && !serves) || used >= size) continue;
    int more = snprintf(text + used, size - used, "%s%s %s, %d kernels", used > 0 ? "; " : "",
                        info.name, info.version, info.kernel_count);
    used += more > 0 ? (size_t)more : 0;
  }
  tn_error_clear();
}

tn_status tn__report_describe(tn_conformance_report *report, const tn_conformance_options *options,
                              tn_device device) {
  time_t now = time(NULL);
  struct tm utc;
  tn_device_name(device, report->device, sizeof report->device);
  describe_backends(report->device, options->provider, report->backend, sizeof report->backend);
  describe_processor(report->processor, sizeof report->processor);
  snprintf(report->version, sizeof report->version, "%d.%d.%d", TN_VERSION_MAJOR, TN_VERSION_MINOR,
           TN_VERSION_PATCH);
  if (gmtime_r(&now, &utc) != NULL) {
    strftime(report->date, sizeof report->date, "%Y-%m-%d %H:%M UTC", &utc);
  }
  report->full = options->full;
  report->command = strdup(options->command == NULL ? "" : options->command);
  return report->command != NULL ? TN_OK : tn_error_set(TN_OUT_OF_MEMORY, "the conformance report");
}

double tn__report_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// ---- the file ----------------------------------------------------------------------------------

static tn_status cannot_write(const char *path, int error) {
  return tn_error_set(TN_IO_ERROR, "the report '%s' cannot be written: %s", path, strerror(error));
}

tn_status tn__page_open(tn__page *page, const char *path) {
  struct stat there;
  *page = (tn__page){0};
  if (path == NULL) return TN_OK;
  if (strlen(path) + sizeof ".XXXXXX" > sizeof page->temporary) {
    return cannot_write(path, ENAMETOOLONG);
  }
  // A device or a folder of that name must not be replaced by a file.
  if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
    return tn_error_set(TN_IO_ERROR,
                        "the report '%s' cannot be written: there is something of that "
                        "name that is no file",
                        path);
  }
  snprintf(page->path, sizeof page->path, "%s", path);
  memcpy(page->temporary, path, strlen(path));
  strcat(page->temporary, ".XXXXXX");
  int descriptor = mkstemp(page->temporary);
  if (descriptor < 0) return cannot_write(path, errno);
  mode_t mask = umask(0);
  umask(mask);
  (void)fchmod(descriptor, 0666 & ~mask);
  page->file = fdopen(descriptor, "w");
  if (page->file != NULL) return TN_OK;
  close(descriptor);
  unlink(page->temporary);
  return cannot_write(path, errno);
}

tn_status tn__page_close(tn__page *page, tn_status status) {
  if (page->file == NULL) return status;
  bool bad = fflush(page->file) != 0 || ferror(page->file) != 0;
  bad = fclose(page->file) != 0 || bad;
  page->file = NULL;
  if (status == TN_OK && !bad && rename(page->temporary, page->path) == 0) return TN_OK;
  if (status == TN_OK) status = cannot_write(page->path, errno);
  unlink(page->temporary);
  return status;
}
