// SPDX-License-Identifier: Apache-2.0
//
// block_tree: see block_tree.h. Invariant: whatever stands left of a block comes before it, right
// of it after it, and no child has a higher priority than its parent.

#include "block_tree.h"

static bool comes_before(const tn__block *a, const tn__block *b) {
  if (a->size_bytes != b->size_bytes) return a->size_bytes < b->size_bytes;
  return (uintptr_t)a->data < (uintptr_t)b->data;
}

// Goes down to where |block|'s priority puts it and hangs what was there on its two sides.
void tn__block_tree_add(tn__block **root, tn__block *block) {
  tn__block **place = root;
  while (*place != NULL && (*place)->priority >= block->priority) {
    place = comes_before(block, *place) ? &(*place)->left : &(*place)->right;
  }
  tn__block *rest = *place;
  tn__block **left = &block->left, **right = &block->right;
  *place = block;
  while (rest != NULL) {
    if (comes_before(rest, block)) {
      *left = rest;
      left = &rest->right;
      rest = rest->right;
    } else {
      *right = rest;
      right = &rest->left;
      rest = rest->left;
    }
  }
  *left = *right = NULL;
}

// Its two sides grow into one tree in its place.
void tn__block_tree_remove(tn__block **root, tn__block *block) {
  tn__block **place = root;
  while (*place != block) {
    place = comes_before(block, *place) ? &(*place)->left : &(*place)->right;
  }
  tn__block *left = block->left, *right = block->right;
  while (left != NULL && right != NULL) {
    if (left->priority > right->priority) {
      *place = left;
      place = &left->right;
      left = left->right;
    } else {
      *place = right;
      place = &right->left;
      right = right->left;
    }
  }
  *place = left != NULL ? left : right;
  block->left = block->right = NULL;
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
