// SPDX-License-Identifier: Apache-2.0
//
// library_search: where the dynamic linker would find a library, without asking it: what is in this
// process already, the paths that the asking library names, LD_LIBRARY_PATH, the linker's cache,
// its own folders. As dlopen does it, short of hardware folders.

#ifndef TENON_CORE_LIBRARY_SEARCH_H_
#define TENON_CORE_LIBRARY_SEARCH_H_

#include <limits.h>
#include <tenon/base.h>

// Writes where |name| (a DT_NEEDED entry) is, for a library at |origin| with these paths ("" where
// it has none); false where it is nowhere. |path| is PATH_MAX long.
bool tn__library_find(const char *name, const char *origin, const char *rpath, const char *runpath,
                      char *path);

#endif  // TENON_CORE_LIBRARY_SEARCH_H_
