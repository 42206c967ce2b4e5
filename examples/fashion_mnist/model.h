// SPDX-License-Identifier: Apache-2.0
//
// model: two convolutions and a linear layer: images [N, 1, 28, 28] to logits [N, 10].

#ifndef FASHION_MNIST_MODEL_H_
#define FASHION_MNIST_MODEL_H_

#include <tenon/nn.h>

// owns: +1 result, released with tn_module_release | errors: as the layers'
tn_module *model_create(void);

#endif  // FASHION_MNIST_MODEL_H_
