// SPDX-License-Identifier: Apache-2.0
//
// note: what a plugin says of itself, read from its file without running any of it. The note is
// found through the program headers, which survive stripping.

#include <stdlib.h>
#include <string.h>

#include "allocate.h"
#include "backend.h"
#include "elf_file.h"
#include "text.h"
#include "thread.h"

enum { MAX_NOTE_BYTES = 65536 };

// Copies the facts of a note's descriptor; the reader accepts a longer or shorter one.
static bool take_facts(tn_plugin_facts *facts, const char *desc, uint64_t size) {
  const uint64_t smallest = offsetof(tn_plugin_facts, name) + sizeof facts->name;
  uint32_t claimed;
  if (size < smallest) return false;
  memcpy(&claimed, desc, sizeof claimed);
  if (claimed < smallest || claimed > size) return false;
  memset(facts, 0, sizeof *facts);
  memcpy(facts, desc, claimed < sizeof *facts ? claimed : sizeof *facts);
  // Each text ends inside its field, and a terminal can show it.
#define END(field)                              \
  facts->field[sizeof facts->field - 1] = '\0'; \
  tn__text_disarm(facts->field)
  END(name);
  END(version);
  END(cpu_features);
  END(threading);
  END(devices);
  END(operators);
  END(serves);
  END(wraps);
  END(options);
#undef END
  return facts->name[0] != '\0';
}

// Walks the notes of one segment; returns how many are ours, -1 when one is malformed.
static int scan_notes(const char *notes, uint64_t size, tn_plugin_facts *facts) {
  int found = 0;
  uint64_t at = 0;
  while (size - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    memcpy(&header, notes + at, sizeof header);
    uint64_t name_at = at + sizeof header;
    uint64_t desc_at = name_at + (((uint64_t)header.n_namesz + 3) & ~UINT64_C(3));
    uint64_t next = desc_at + (((uint64_t)header.n_descsz + 3) & ~UINT64_C(3));
    if (desc_at + header.n_descsz > size) return found;
    if (header.n_type == TN_NOTE_TYPE && header.n_namesz == sizeof TN_NOTE_OWNER &&
        memcmp(notes + name_at, TN_NOTE_OWNER, sizeof TN_NOTE_OWNER) == 0) {
      if (!take_facts(facts, notes + desc_at, header.n_descsz)) return -1;
      found++;
    }
    if (next >= size) break;
    at = next;
  }
  return found;
}

static tn_status read_notes(tn__backend *backend, const tn__elf *elf) {
  int found = 0;
  for (int32_t i = 0; i < elf->segment_count; i++) {
    const Elf64_Phdr *segment = &elf->segments[i];
    if (segment->p_type != PT_NOTE || segment->p_filesz == 0) continue;
    if (segment->p_filesz > MAX_NOTE_BYTES) continue;
    char *notes = tn__malloc(segment->p_filesz);
    if (notes == NULL) return tn__out_of_memory("a plugin's note", segment->p_filesz);
    int ours = tn__elf_read(elf, notes, segment->p_filesz, segment->p_offset)
                   ? scan_notes(notes, segment->p_filesz, &backend->facts)
                   : -1;
    free(notes);
    if (ours < 0) return tn__backend_fail(backend, TN__STAGE_NOTE, "its Tenon note is malformed");
    found += ours;
  }
  if (found == 0) {
    return tn__backend_fail(backend, TN__STAGE_NOTE,
                            "no Tenon note: not a plugin, or built without TN_PLUGIN(...)");
  }
  if (found > 1) {
    return tn__backend_fail(backend, TN__STAGE_NOTE,
                            "%d Tenon notes: TN_PLUGIN(...) stands in more than one file", found);
  }
  return TN_OK;
}

static tn_status check_facts(tn__backend *backend) {
  const tn_plugin_facts *facts = &backend->facts;
  if (strchr(facts->name, '?') != NULL) {
    return tn__backend_fail(backend, TN__STAGE_NOTE,
                            "its name, '%s', has a character that no name may have", facts->name);
  }
  if (facts->abi_version != TN_ABI_VERSION) {
    return tn__backend_fail(backend, TN__STAGE_ABI,
                            "built for plugin ABI %u; this library speaks ABI %d: build it again "
                            "with this version's headers",
                            facts->abi_version, TN_ABI_VERSION);
  }
  if (facts->min_host_abi > TN_ABI_VERSION) {
    return tn__backend_fail(backend, TN__STAGE_ABI,
                            "needs a host of plugin ABI %u or newer; this library speaks ABI %d: "
                            "use a newer Tenon with it",
                            facts->min_host_abi, TN_ABI_VERSION);
  }
  char buffer[64];
  const char *lacks = tn__cpu_lacks(facts->cpu_features, buffer, sizeof buffer);
  if (lacks != NULL) {
    return tn__backend_fail(backend, TN__STAGE_CPU,
                            "needs the CPU feature '%s', which this "
                            "machine lacks",
                            lacks);
  }
  return TN_OK;
}

tn_status tn__note_read(tn__backend *backend) {
  tn__elf elf;
  tn_status status = TN_OK;
  if (!tn__elf_open(&elf, backend->path)) {
    status = tn__backend_fail(backend, TN__STAGE_FOUND, "%s", elf.reason);
  }
  backend->file_device = elf.device_id;
  backend->file_inode = elf.inode;
  if (status == TN_OK) status = read_notes(backend, &elf);
  tn__elf_close(&elf);
  if (status == TN_OK) status = check_facts(backend);
  if (status == TN_OK) backend->stage = TN__STAGE_CPU;
  return status;
}

// ---- CPU features ------------------------------------------------------------------------------

#if defined(__x86_64__)
#define CPU_FEATURE_TABLE(X) \
  X("sse4.2")                \
  X("avx")                   \
  X("avx2")                  \
  X("fma")                   \
  X("bmi2") X("avx512f") X("avx512dq") X("avx512bw") X("avx512vl") X("avx512vnni") X("avx512bf16")

static bool has_feature(const char *name, bool *known) {
  *known = true;
#define X(feature) \
  if (strcmp(name, feature) == 0) return __builtin_cpu_supports(feature) != 0;
  CPU_FEATURE_TABLE(X)
#undef X
  *known = false;
  return false;
}
#else
static bool has_feature(const char *name, bool *known) {
  *known = true;
  return strcmp(name, "neon") == 0 || strcmp(name, "asimd") == 0;
}
#endif

const char *tn__cpu_lacks(const char *features, char *buffer, size_t buffer_size) {
  while (*features != '\0') {
    size_t length = strcspn(features, ",");
    if (length > 0 && length < buffer_size) {
      memcpy(buffer, features, length);
      buffer[length] = '\0';
      bool known;
      if (!has_feature(buffer, &known)) return buffer;
    }
    features += length;
    if (*features == ',') features++;
  }
  return NULL;
}
