// SPDX-License-Identifier: Apache-2.0
//
// elf_dynamic: what a shared library gives to and wants from the dynamic linker: the libraries it
// needs, the symbols and versions it offers and asks for. Read from the file; a table that is
// malformed counts as absent, since the linker will have its own words for it.

#ifndef TENON_CORE_ELF_DYNAMIC_H_
#define TENON_CORE_ELF_DYNAMIC_H_

#include "elf_file.h"

enum { TN__ELF_NEEDED = 64 };

typedef struct tn__elf_dynamic {
  char *strings;  // the string table, with a NUL behind it
  uint64_t strings_size;
  Elf64_Sym *symbols;
  uint64_t symbol_count;
  int32_t needed_count;
  const char *needed[TN__ELF_NEEDED];
  const char *soname, *rpath, *runpath;  // "" where there is none
  bool text_relocations, static_tls;
  uint64_t versions_needed, versions_defined;  // addresses; 0: none
  uint64_t versions_needed_count, versions_defined_count;
} tn__elf_dynamic;

// Reads the dynamic section of |elf|. errors: DATA_ERROR (nothing recorded) where there is none
// that makes sense, OUT_OF_MEMORY. Free it in either case.
tn_status tn__elf_dynamic_read(tn__elf_dynamic *dynamic, const tn__elf *elf);
void tn__elf_dynamic_free(tn__elf_dynamic *dynamic);

// The text at |offset| of the string table, "" where it has none.
const char *tn__elf_string(const tn__elf_dynamic *dynamic, uint64_t offset);

bool tn__elf_symbol_is_export(const Elf64_Sym *symbol);
// Undefined, and the library cannot be loaded without it.
bool tn__elf_symbol_is_wanted(const Elf64_Sym *symbol);

// Calls |visit| for each version that the library asks of another, until it returns false.
void tn__elf_versions_needed(const tn__elf_dynamic *dynamic, const tn__elf *elf,
                             bool (*visit)(void *closure, const char *library, const char *version,
                                           bool weak),
                             void *closure);

// Whether the library defines |version|; true also where it defines none at all, since nothing is
// then checked.
bool tn__elf_defines_version(const tn__elf_dynamic *dynamic, const tn__elf *elf,
                             const char *version);

#endif  // TENON_CORE_ELF_DYNAMIC_H_
