// SPDX-License-Identifier: Apache-2.0
//
// block_tree: see block_tree.h. Invariant: whatever stands left of a block comes before it, right
// of it after it, no child has a higher priority than its parent, and each block knows the link
// that points to it.

#include "block_tree.h"

static bool comes_before(const tn__block *a, const tn__block *b) {
  if (a->size_bytes != b->size_bytes) return a->size_bytes < b->size_bytes;
  return (uintptr_t)a->data < (uintptr_t)b->data;
}

static inline void link_block(tn__block **place, tn__block *block) {
  *place = block;
  if (block != NULL) block->place = place;
}

// Goes down to where |block|'s priority puts it and hangs what was there on its two sides.
void tn__block_tree_add(tn__block **root, tn__block *block) {
  tn__block **place = root;
  while (*place != NULL && (*place)->priority >= block->priority) {
    place = comes_before(block, *place) ? &(*place)->left : &(*place)->right;
  }
  tn__block *rest = *place;
  tn__block **left = &block->left, **right = &block->right;
  link_block(place, block);
  while (rest != NULL) {
    if (comes_before(rest, block)) {
      link_block(left, rest);
      left = &rest->right;
      rest = rest->right;
    } else {
      link_block(right, rest);
      right = &rest->left;
      rest = rest->left;
    }
  }
  *left = *right = NULL;
}

// Its two sides grow into one tree in its place.
void tn__block_tree_remove(tn__block *block) {
  tn__block **place = block->place;
  tn__block *left = block->left, *right = block->right;
  while (left != NULL && right != NULL) {
    if (left->priority > right->priority) {
      link_block(place, left);
      place = &left->right;
      left = left->right;
    } else {
      link_block(place, right);
      place = &right->left;
      right = right->left;
    }
  }
  link_block(place, left != NULL ? left : right);
}

tn__block *tn__block_tree_best_fit(tn__block *root, uint64_t size_bytes) {
  tn__block *best = NULL;
  for (tn__block *at = root; at != NULL;) {
    if (at->size_bytes >= size_bytes) {
      best = at;
      at = at->left;
    } else {
      at = at->right;
    }
  }
  return best;
}
