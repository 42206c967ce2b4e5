// SPDX-License-Identifier: Apache-2.0
//
// library_search: see library_search.h.

#include "library_search.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "allocate.h"
#include "elf_file.h"
#include "settings.h"

// A file of that name that this process could load; others are passed over, as the linker does.
static bool is_loadable(const char *path) {
  tn__elf elf;
  bool loadable = tn__elf_open(&elf, path);
  tn__elf_close(&elf);
  return loadable;
}

// ---- what is in the process --------------------------------------------------------------------

typedef struct resident {
  const char *name;
  char *path;
} resident;

static int match_resident(struct dl_phdr_info *info, size_t size, void *closure) {
  (void)size;
  resident *wanted = closure;
  const char *slash = strrchr(info->dlpi_name, '/');
  if (slash == NULL || strcmp(slash + 1, wanted->name) != 0) return 0;
  snprintf(wanted->path, PATH_MAX, "%s", info->dlpi_name);
  return 1;
}

// ---- lists of folders --------------------------------------------------------------------------

// Copies a folder of |length| bytes, with $ORIGIN replaced; false where that does not fit.
static bool expand(char *to, const char *folder, size_t length, const char *origin) {
  static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
  size_t used = 0;
  for (size_t at = 0; at < length;) {
    size_t taken = 0;
    for (size_t i = 0; i < 2; i++) {
      size_t word = strlen(words[i]);
      if (length - at >= word && memcmp(folder + at, words[i], word) == 0) taken = word;
    }
    int more = taken > 0 ? snprintf(to + used, PATH_MAX - used, "%s", origin)
                         : snprintf(to + used, PATH_MAX - used, "%c", folder[at]);
    if (more < 0 || used + (size_t)more >= PATH_MAX) return false;
    used += (size_t)more;
    at += taken > 0 ? taken : 1;
  }
  return used > 0;
}

static bool find_in(const char *folders, const char *name, const char *origin, char *path) {
  for (const char *at = folders; *at != '\0';) {
    size_t length = strcspn(at, ":;");
    char folder[PATH_MAX];
    if (expand(folder, at, length, origin)) {
      int written = snprintf(path, PATH_MAX, "%s/%s", folder, name);
      if (written > 0 && written < PATH_MAX && is_loadable(path)) return true;
    }
    at += length + (at[length] != '\0');
  }
  return false;
}

// ---- the linker's cache ------------------------------------------------------------------------

typedef struct cache_header {
  char magic[20];  // "glibc-ld.so.cache1.1"
  uint32_t count, strings_size;
  uint8_t flags, padding[3];
  uint32_t extensions, unused[3];
} cache_header;

typedef struct cache_entry {
  int32_t flags;
  uint32_t name, path;  // offsets of texts, from the header
  uint32_t system_version;
  uint64_t hardware;
} cache_entry;

// The text at |offset| of the |size| bytes; NULL where none ends inside them.
static const char *text_at(const char *bytes, uint64_t size, uint64_t offset) {
  if (offset >= size || memchr(bytes + offset, '\0', size - offset) == NULL) return NULL;
  return bytes + offset;
}

static bool find_in_cache_bytes(const char *bytes, uint64_t size, const char *name, char *path) {
  static const char magic[] = "glibc-ld.so.cache1.1";
  cache_header header;
  if (size < sizeof header || memcmp(bytes, magic, sizeof header.magic) != 0) return false;
  memcpy(&header, bytes, sizeof header);
  if (header.count > (size - sizeof header) / sizeof(cache_entry)) return false;
  for (uint32_t i = 0; i < header.count; i++) {
    cache_entry entry;
    memcpy(&entry, bytes + sizeof header + i * sizeof entry, sizeof entry);
    const char *key = text_at(bytes, size, entry.name), *file = text_at(bytes, size, entry.path);
    if (key == NULL || file == NULL || strcmp(key, name) != 0) continue;
    int written = snprintf(path, PATH_MAX, "%s", file);
    if (written > 0 && written < PATH_MAX && is_loadable(path)) return true;
  }
  return false;
}

static bool find_in_cache(const char *name, char *path) {
  enum { LONGEST = 16 << 20 };
  FILE *file = fopen("/etc/ld.so.cache", "rbe");
  struct stat info;
  bool found = false;
  if (file != NULL && fstat(fileno(file), &info) == 0 && info.st_size > 0 &&
      info.st_size < LONGEST) {
    char *bytes = tn__malloc((size_t)info.st_size);
    if (bytes != NULL) {
      size_t size = fread(bytes, 1, (size_t)info.st_size, file);
      found = find_in_cache_bytes(bytes, size, name, path);
    }
    free(bytes);
  }
  if (file != NULL) fclose(file);
  return found;
}

// ---- all of it ---------------------------------------------------------------------------------

#if defined(__x86_64__)
#define OWN_FOLDERS \
  "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib"
#elif defined(__aarch64__)
#define OWN_FOLDERS \
  "/lib/aarch64-linux-gnu:/usr/lib/aarch64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib"
#else
#define OWN_FOLDERS "/lib64:/usr/lib64:/lib:/usr/lib"
#endif

bool tn__library_find(const char *name, const char *origin, const char *rpath, const char *runpath,
                      char *path) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", origin);
  char *slash = strrchr(folder, '/');
  if (slash == folder) slash++;
  if (slash != NULL) *slash = '\0';
  if (strchr(name, '/') != NULL) {
    return expand(path, name, strlen(name), folder) && is_loadable(path);
  }
  resident wanted = {name, path};
  if (dl_iterate_phdr(match_resident, &wanted) != 0) return true;
  if (runpath[0] == '\0' && find_in(rpath, name, folder, path)) return true;
  const char *library_path = tn__is_secure() ? NULL : getenv("LD_LIBRARY_PATH");
  if (library_path != NULL && find_in(library_path, name, folder, path)) return true;
  return find_in(runpath, name, folder, path) || find_in_cache(name, path) ||
         find_in(OWN_FOLDERS, name, folder, path);
}
