// SPDX-License-Identifier: Apache-2.0
//
// elf_dynamic: see elf_dynamic.h. The dynamic section gives virtual addresses, which the program
// headers translate; section headers, which may be stripped, are not used. That is why the number
// of symbols comes from the hash tables.

#include "elf_dynamic.h"

#include <stdlib.h>
#include <string.h>

#include "allocate.h"

// More than any library has; what claims more is malformed.
enum { MAX_ENTRIES = 4096, MAX_STRINGS = 64 << 20, MAX_SYMBOLS = 2 << 20, MAX_VERSIONS = 4096 };

const char *tn__elf_string(const tn__elf_dynamic *dynamic, uint64_t offset) {
  return offset < dynamic->strings_size ? dynamic->strings + offset : "";
}

static bool read_address(const tn__elf *elf, void *to, uint64_t size, uint64_t address) {
  uint64_t offset = tn__elf_offset(elf, address, size);
  return offset != UINT64_MAX && tn__elf_read(elf, to, size, offset);
}

// What the entries of the section point to, before it is read.
typedef struct tables {
  uint64_t strings, strings_size, symbols, hash, gnu_hash;
  uint64_t needed[TN__ELF_NEEDED];
  uint64_t soname, rpath, runpath;  // 0: none; the first string is always empty
} tables;

static void take_entry(tn__elf_dynamic *dynamic, tables *at, const Elf64_Dyn *entry) {
  uint64_t value = entry->d_un.d_val;
  switch (entry->d_tag) {
    case DT_STRTAB:
      at->strings = value;
      break;
    case DT_STRSZ:
      at->strings_size = value;
      break;
    case DT_SYMTAB:
      at->symbols = value;
      break;
    case DT_HASH:
      at->hash = value;
      break;
    case DT_GNU_HASH:
      at->gnu_hash = value;
      break;
    case DT_SONAME:
      at->soname = value;
      break;
    case DT_RPATH:
      at->rpath = value;
      break;
    case DT_RUNPATH:
      at->runpath = value;
      break;
    case DT_TEXTREL:
      dynamic->text_relocations = true;
      break;
    case DT_VERNEED:
      dynamic->versions_needed = value;
      break;
    case DT_VERNEEDNUM:
      dynamic->versions_needed_count = value;
      break;
    case DT_VERDEF:
      dynamic->versions_defined = value;
      break;
    case DT_VERDEFNUM:
      dynamic->versions_defined_count = value;
      break;
    case DT_FLAGS:
      dynamic->text_relocations = dynamic->text_relocations || (value & DF_TEXTREL) != 0;
      dynamic->static_tls = (value & DF_STATIC_TLS) != 0;
      break;
    case DT_NEEDED:
      if (dynamic->needed_count < TN__ELF_NEEDED) at->needed[dynamic->needed_count++] = value;
      break;
    default:
      break;
  }
}

static bool read_entries(tn__elf_dynamic *dynamic, const tn__elf *elf, tables *at) {
  for (int32_t i = 0; i < elf->segment_count; i++) {
    const Elf64_Phdr *segment = &elf->segments[i];
    if (segment->p_type != PT_DYNAMIC) continue;
    for (uint64_t k = 0; k < MAX_ENTRIES && k < segment->p_filesz / sizeof(Elf64_Dyn); k++) {
      Elf64_Dyn entry;
      if (!tn__elf_read(elf, &entry, sizeof entry, segment->p_offset + k * sizeof entry)) {
        return false;
      }
      if (entry.d_tag == DT_NULL) return true;
      take_entry(dynamic, at, &entry);
    }
  }
  return false;
}

// The GNU table has the symbols with hashes last: the highest one is at the end of the last chain.
static uint64_t count_by_gnu_hash(const tn__elf *elf, uint64_t address) {
  uint32_t header[4];  // buckets, first hashed symbol, words of the filter, its shift
  if (!read_address(elf, header, sizeof header, address)) return 0;
  uint64_t buckets = address + sizeof header + (uint64_t)header[2] * 8;
  uint32_t last = 0;
  for (uint32_t i = 0; i < header[0] && i < MAX_SYMBOLS; i++) {
    uint32_t bucket;
    if (!read_address(elf, &bucket, sizeof bucket, buckets + (uint64_t)i * sizeof bucket)) return 0;
    if (bucket > last) last = bucket;
  }
  if (last < header[1]) return header[1];
  uint64_t chains = buckets + (uint64_t)header[0] * 4;
  for (; last < MAX_SYMBOLS; last++) {
    uint32_t hash;
    uint64_t at = chains + (uint64_t)(last - header[1]) * 4;
    if (!read_address(elf, &hash, sizeof hash, at)) return 0;
    if (hash & 1) return (uint64_t)last + 1;
  }
  return 0;
}

static uint64_t count_symbols(const tn__elf *elf, const tables *at) {
  uint32_t header[2];  // buckets, symbols
  if (at->hash != 0 && read_address(elf, header, sizeof header, at->hash)) return header[1];
  return at->gnu_hash == 0 ? 0 : count_by_gnu_hash(elf, at->gnu_hash);
}

static tn_status read_symbols(tn__elf_dynamic *dynamic, const tn__elf *elf, const tables *at) {
  uint64_t count = at->symbols == 0 ? 0 : count_symbols(elf, at);
  if (count == 0 || count > MAX_SYMBOLS) return TN_OK;
  dynamic->symbols = tn__malloc(count * sizeof(Elf64_Sym));
  if (dynamic->symbols == NULL) return TN_OUT_OF_MEMORY;
  if (read_address(elf, dynamic->symbols, count * sizeof(Elf64_Sym), at->symbols)) {
    dynamic->symbol_count = count;
  }
  return TN_OK;
}

tn_status tn__elf_dynamic_read(tn__elf_dynamic *dynamic, const tn__elf *elf) {
  memset(dynamic, 0, sizeof *dynamic);
  dynamic->soname = dynamic->rpath = dynamic->runpath = "";
  tables at = {0};
  bool entries = read_entries(dynamic, elf, &at);
  const int32_t needed_count = dynamic->needed_count;
  dynamic->needed_count = 0;  // until there are names
  if (!entries || at.strings_size == 0 || at.strings_size > MAX_STRINGS) return TN_DATA_ERROR;
  dynamic->strings = tn__malloc(at.strings_size + 1);
  if (dynamic->strings == NULL) return TN_OUT_OF_MEMORY;
  if (!read_address(elf, dynamic->strings, at.strings_size, at.strings)) return TN_DATA_ERROR;
  dynamic->strings[at.strings_size] = '\0';
  dynamic->strings_size = at.strings_size;
  dynamic->needed_count = needed_count;
  for (int32_t i = 0; i < needed_count; i++) {
    dynamic->needed[i] = tn__elf_string(dynamic, at.needed[i]);
  }
  dynamic->soname = tn__elf_string(dynamic, at.soname);
  dynamic->rpath = tn__elf_string(dynamic, at.rpath);
  dynamic->runpath = tn__elf_string(dynamic, at.runpath);
  return read_symbols(dynamic, elf, &at);
}

void tn__elf_dynamic_free(tn__elf_dynamic *dynamic) {
  free(dynamic->strings);
  free(dynamic->symbols);
  dynamic->strings = NULL;
  dynamic->symbols = NULL;
}

static bool is_global(const Elf64_Sym *symbol) {
  unsigned bind = ELF64_ST_BIND(symbol->st_info);
  return symbol->st_name != 0 && (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE);
}

bool tn__elf_symbol_is_export(const Elf64_Sym *symbol) {
  unsigned visibility = ELF64_ST_VISIBILITY(symbol->st_other);
  return is_global(symbol) && symbol->st_shndx != SHN_UNDEF &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

bool tn__elf_symbol_is_wanted(const Elf64_Sym *symbol) {
  return is_global(symbol) && symbol->st_shndx == SHN_UNDEF &&
         ELF64_ST_BIND(symbol->st_info) != STB_WEAK;
}

void tn__elf_versions_needed(const tn__elf_dynamic *dynamic, const tn__elf *elf,
                             bool (*visit)(void *closure, const char *library, const char *version,
                                           bool weak),
                             void *closure) {
  uint64_t at = dynamic->versions_needed, budget = MAX_VERSIONS;
  for (uint64_t i = 0; at != 0 && i < dynamic->versions_needed_count; i++) {
    Elf64_Verneed library;
    if (!read_address(elf, &library, sizeof library, at)) return;
    uint64_t version_at = at + library.vn_aux;
    for (uint32_t k = 0; k < library.vn_cnt && budget-- > 0; k++) {
      Elf64_Vernaux version;
      if (!read_address(elf, &version, sizeof version, version_at)) return;
      if (!visit(closure, tn__elf_string(dynamic, library.vn_file),
                 tn__elf_string(dynamic, version.vna_name),
                 (version.vna_flags & VER_FLG_WEAK) != 0))
        return;
      if (version.vna_next == 0) break;
      version_at += version.vna_next;
    }
    if (library.vn_next == 0) return;
    at += library.vn_next;
  }
}

bool tn__elf_defines_version(const tn__elf_dynamic *dynamic, const tn__elf *elf,
                             const char *version) {
  uint64_t at = dynamic->versions_defined;
  if (at == 0) return true;
  for (uint64_t i = 0; i < dynamic->versions_defined_count && i < MAX_VERSIONS; i++) {
    Elf64_Verdef definition;
    Elf64_Verdaux name;
    if (!read_address(elf, &definition, sizeof definition, at) ||
        !read_address(elf, &name, sizeof name, at + definition.vd_aux)) {
      return true;
    }
    if (strcmp(tn__elf_string(dynamic, name.vda_name), version) == 0) return true;
    if (definition.vd_next == 0) return false;
    at += definition.vd_next;
  }
  return false;
}
