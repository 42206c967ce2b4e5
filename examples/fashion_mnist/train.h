// SPDX-License-Identifier: Apache-2.0
//
// train: the loop over batches, and the look at the test images.

#ifndef FASHION_MNIST_TRAIN_H_
#define FASHION_MNIST_TRAIN_H_

#include <signal.h>
#include <tenon/nn.h>

#include "dataset.h"
#include "options.h"
#include "terminal.h"

// Not 0: finish the step at hand and go on with what has been learnt.
extern volatile sig_atomic_t stop_requested;

typedef struct training_result {
  double *losses;  // means over a few steps each; released with free()
  size_t loss_count;
  int64_t images;  // seen in training
  double seconds;
} training_result;

// Trains |model| in place. |result| is filled also when it fails.
tn_status train(tn_module *model, const dataset *set, const options *o, terminal t,
                training_result *result);

// Writes the model's class for each image to |answers| [N].
tn_status answer(tn_module *model, const dataset *set, int64_t *answers);

#endif  // FASHION_MNIST_TRAIN_H_
