// SPDX-License-Identifier: Apache-2.0
//
// nn_test: what the tests of nn include: the tests' view of tensors, and nn itself.

#ifndef TENON_NN_TEST_H_
#define TENON_NN_TEST_H_

#include <tenon/nn.h>

#include "tensor_test.h"

#endif  // TENON_NN_TEST_H_
