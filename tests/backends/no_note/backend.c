// SPDX-License-Identifier: Apache-2.0
//
// no_note: a shared object that is no plugin at all.

__attribute__((visibility("default"))) int no_note_answer(void);
int no_note_answer(void) { return 42; }
