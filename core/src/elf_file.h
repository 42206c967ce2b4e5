// SPDX-License-Identifier: Apache-2.0
//
// elf_file: a shared library as bytes in a file, looked at without loading it. Nothing in it is
// trusted: every offset and size is checked against the file's length, and only what is asked for
// is read. Only libraries that this process could load are opened: its word size, byte order and
// machine.

#ifndef TENON_CORE_ELF_FILE_H_
#define TENON_CORE_ELF_FILE_H_

#include <elf.h>
#include <tenon/base.h>

enum { TN__ELF_SEGMENTS = 128 };

typedef struct tn__elf {
  int file;  // -1: not open
  uint64_t size;
  uint64_t device_id, inode;
  int32_t word_bits;    // 0: no ELF file
  const char *machine;  // "x86-64"; "" where that is not known
  int32_t segment_count;
  Elf64_Phdr segments[TN__ELF_SEGMENTS];
  char reason[256];  // why it is refused
} tn__elf;

// Opens the library at |path| and reads its program headers; false with elf->reason. A FIFO does
// not block, and nothing but a regular file is read. Close it in either case.
bool tn__elf_open(tn__elf *elf, const char *path);
void tn__elf_close(tn__elf *elf);

// Reads bytes of the file; false where it has none there.
bool tn__elf_read(const tn__elf *elf, void *to, uint64_t size_bytes, uint64_t offset);

// Where in the file the |size_bytes| at virtual |address| stand; UINT64_MAX: nowhere.
uint64_t tn__elf_offset(const tn__elf *elf, uint64_t address, uint64_t size_bytes);

#endif  // TENON_CORE_ELF_FILE_H_
