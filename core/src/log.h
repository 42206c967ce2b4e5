// SPDX-License-Identifier: Apache-2.0
//
// log: lines on standard error, for those who asked: TENON_LOG="loader:debug,dispatch:info".
// Without it nothing is ever written.

#ifndef TENON_CORE_LOG_H_
#define TENON_CORE_LOG_H_

#include <stdarg.h>
#include <stdint.h>
#include <tenon/base.h>

#include "settings.h"

enum { TN__LOG_ERROR = 0, TN__LOG_WARNING = 1, TN__LOG_INFO = 2, TN__LOG_DEBUG = 3 };

void tn__log(int32_t level, const char *subsystem, const char *format, ...) TN_PRINTF(3, 4);
void tn__log_v(int32_t level, const char *subsystem, const char *format, va_list arguments);

#endif  // TENON_CORE_LOG_H_
