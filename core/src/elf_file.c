// SPDX-License-Identifier: Apache-2.0
//
// elf_file: see elf_file.h.

#include "elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#elif defined(__riscv)
#define HOST_MACHINE EM_RISCV
#else
#define HOST_MACHINE EM_NONE
#endif

static const struct {
  uint16_t machine;
  const char *name;
} machines[] = {
    {EM_386, "x86"},       {EM_X86_64, "x86-64"}, {EM_ARM, "ARM"}, {EM_AARCH64, "AArch64"},
    {EM_RISCV, "RISC-V"},  {EM_PPC64, "PowerPC"}, {EM_S390, "z"},  {EM_MIPS, "MIPS"},
    {EM_SPARCV9, "SPARC"}, {EM_IA_64, "Itanium"}, {EM_BPF, "BPF"},
};

static const char *machine_name(uint16_t machine) {
  for (size_t i = 0; i < sizeof machines / sizeof machines[0]; i++) {
    if (machines[i].machine == machine) return machines[i].name;
  }
  return "";
}

static bool refuse(tn__elf *elf, const char *format, ...) TN_PRINTF(2, 3);
static bool refuse(tn__elf *elf, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(elf->reason, sizeof elf->reason, format, arguments);
  va_end(arguments);
  return false;
}

bool tn__elf_read(const tn__elf *elf, void *to, uint64_t size, uint64_t offset) {
  if (offset > elf->size || size > elf->size - offset) return false;
  char *out = to;
  while (size > 0) {
    ssize_t got = pread(elf->file, out, size, (off_t)offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    offset += (uint64_t)got;
    size -= (uint64_t)got;
  }
  return true;
}

uint64_t tn__elf_offset(const tn__elf *elf, uint64_t address, uint64_t size) {
  for (int32_t i = 0; i < elf->segment_count; i++) {
    const Elf64_Phdr *segment = &elf->segments[i];
    if (segment->p_type != PT_LOAD || address < segment->p_vaddr) continue;
    uint64_t within = address - segment->p_vaddr;
    if (within > segment->p_filesz || size > segment->p_filesz - within) continue;
    return segment->p_offset + within;
  }
  return UINT64_MAX;
}

static bool check_header(tn__elf *elf, const Elf64_Ehdr *header) {
  if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return refuse(elf, "not an ELF file");
  elf->word_bits = header->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
  bool little = header->e_ident[EI_DATA] == ELFDATA2LSB;
  if (little) elf->machine = machine_name(header->e_machine);
  if (elf->word_bits != 64) return refuse(elf, "a 32-bit library; this process is 64-bit");
  if (!little) return refuse(elf, "a big-endian library; this process is little-endian");
  if (HOST_MACHINE != EM_NONE && header->e_machine != HOST_MACHINE) {
    return refuse(elf,
                  "built for another architecture, %s (ELF machine %d); this process is %s (%d)",
                  elf->machine[0] ? elf->machine : "unknown", header->e_machine,
                  machine_name(HOST_MACHINE), HOST_MACHINE);
  }
  if (header->e_type != ET_DYN) return refuse(elf, "not a shared library");
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
      header->e_phnum > TN__ELF_SEGMENTS) {
    return refuse(elf, "its program headers are malformed");
  }
  return true;
}

static bool read_headers(tn__elf *elf) {
  Elf64_Ehdr header;
  if (!tn__elf_read(elf, &header, sizeof header, 0)) {
    return refuse(elf, elf->size == 0 ? "the file is empty (truncated to nothing)"
                                      : "truncated: shorter than an ELF header");
  }
  if (!check_header(elf, &header)) return false;
  if (!tn__elf_read(elf, elf->segments, header.e_phnum * sizeof(Elf64_Phdr), header.e_phoff)) {
    return refuse(elf, "truncated: its program headers are cut");
  }
  for (int32_t i = 0; i < header.e_phnum; i++) {
    const Elf64_Phdr *segment = &elf->segments[i];
    if (segment->p_type != PT_LOAD) continue;
    if (segment->p_offset > elf->size || segment->p_filesz > elf->size - segment->p_offset) {
      return refuse(elf, "truncated: a segment ends past the end of the file");
    }
  }
  elf->segment_count = header.e_phnum;
  return true;
}

bool tn__elf_open(tn__elf *elf, const char *path) {
  memset(elf, 0, sizeof *elf);
  elf->machine = "";
  // Opening a FIFO must not block; anything but a regular file is refused.
  elf->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (elf->file < 0) return refuse(elf, "cannot be opened: %s", strerror(errno));
  struct stat info;
  if (fstat(elf->file, &info) != 0 || !S_ISREG(info.st_mode)) {
    return refuse(elf, "not a regular file");
  }
  elf->size = (uint64_t)info.st_size;
  elf->device_id = (uint64_t)info.st_dev;
  elf->inode = (uint64_t)info.st_ino;
  return read_headers(elf);
}

void tn__elf_close(tn__elf *elf) {
  if (elf->file >= 0) close(elf->file);
  elf->file = -1;
}
