// SPDX-License-Identifier: Apache-2.0
//
// settings: everything that Tenon can be told from outside, in one table: the variable, the field
// of tn_init's options that says the same, and what a value must look like. What the program said
// through tn_init beats the environment. Invariant: once a setting has been asked for by name, what
// the settings say no longer changes.

#ifndef TENON_CORE_SETTINGS_H_
#define TENON_CORE_SETTINGS_H_

#include <stddef.h>
#include <tenon/init.h>

// What holds for the variable |name|, NULL where it is unset or empty: the program's word, else the
// environment's. In a set-uid process the environment is not asked for what is |path_like| (by the
// table, or because the caller says so). The text stays valid. threads: any
const char *tn__environment(const char *name, bool path_like);

// The same of a variable that a backend asks for: in a set-uid process NULL where the value holds a
// slash.
const char *tn__environment_of_backend(const char *name);

// What the program alone said of |name|: NULL nothing, "" that it is unset.
const char *tn__program_setting(const char *name);

// How messages call the setting |name|: as it is, or "tn_init's backends".
const char *tn__setting_label(const char *name);

// Whether the process runs with rights that its user does not have (AT_SECURE).
bool tn__is_secure(void);

// Whether every value can be understood; TENON_LOG is left out, which is warned of where logs are
// written. errors: INVALID_ARGUMENT naming the variable and what it may be
tn_status tn__settings_check(void);

// The number from 0 to 2^64 - 1 that the whole of |text| is.
bool tn__parse_number(const char *text, uint64_t *number);

// Checks that the paths of the list |value| are absolute. errors: INVALID_ARGUMENT
tn_status tn__path_check(const char *name, const char *value);

// Checks the grammar of TENON_LOG. errors: INVALID_ARGUMENT naming the rule
tn_status tn__log_check(const char *rules);

// Adds a variable that a backend reads (facts.options) to the list of what is known.
tn_status tn__settings_add(const char *backend, const char *options);
// Takes back what was added.
void tn__settings_forget(void);

// The variable that |name| may be a misspelling of, "" where none is near.
const char *tn__setting_near_match(const char *name);

// Calls |visit| for each variable of the environment that starts with TENON_ and that nobody knows.
void tn__settings_unknown(void (*visit)(void *closure, const char *name), void *closure);

#endif  // TENON_CORE_SETTINGS_H_
