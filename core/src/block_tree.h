// SPDX-License-Identifier: Apache-2.0
//
// block_tree: the free blocks of one stream, in order of size and then of address, so that the best
// fit is the first that is large enough, and among equals the lowest. It is a treap: a search tree
// by that order and a heap by random priorities, which keep it shallow whatever the order in which
// blocks come and go. Links stand in the blocks' records; nothing is allocated, and a block is
// taken out without a search for it.

#ifndef TENON_CORE_BLOCK_TREE_H_
#define TENON_CORE_BLOCK_TREE_H_

#include "memory_pool.h"

// |block| stands in no tree, and its size, address and priority stay as they are while it does.
void tn__block_tree_add(tn__block **root, tn__block *block);
// |block| stands in a tree.
void tn__block_tree_remove(tn__block *block);
// The smallest block of at least |size_bytes|, at the lowest address; NULL where there is none.
tn__block *tn__block_tree_best_fit(tn__block *root, uint64_t size_bytes);

#endif  // TENON_CORE_BLOCK_TREE_H_
