// SPDX-License-Identifier: Apache-2.0
//
// tenon: the whole of the core's public interface.

#ifndef TENON_TENON_H_
#define TENON_TENON_H_

#include <tenon/at.h>
#include <tenon/autograd.h>
#include <tenon/base.h>
#include <tenon/device.h>
#include <tenon/error.h>
#include <tenon/init.h>
#include <tenon/inspect.h>
#include <tenon/io.h>
#include <tenon/limits.h>
#include <tenon/memory.h>
#include <tenon/op.h>
#include <tenon/ops.h>
#include <tenon/random.h>
#include <tenon/scope.h>
#include <tenon/stream.h>
#include <tenon/tensor.h>
#include <tenon/verify.h>

#endif  // TENON_TENON_H_
