// SPDX-License-Identifier: Apache-2.0
//
// training: whole steps (gradients dropped, forward, loss, backward, AdamW) of two small networks
// on batches of 64 random images: a perceptron, and the convolutional network of the Fashion-MNIST
// example. With one thread, and with as many as the backend takes by itself.

#include <string.h>
#include <tenon/nn.h>

#include "bench.h"

enum { BATCH = 64, CLASSES = 10 };

typedef struct trainer {
  tn_module *model;
  tn_optim *optim;
  tn_tensor *images, *labels;
} trainer;

static tn_module *perceptron(void) {
  return tn_nn_sequential(
      TN_MODULES(tn_nn_linear(784, 256), tn_nn_relu(), tn_nn_linear(256, CLASSES)));
}

static tn_module *convolutional(void) {
  return tn_nn_sequential(TN_MODULES(tn_nn_conv2d(1, 16, TN_INTS(3), .padding = TN_INTS(1)),
                                     tn_nn_max_pool2d(TN_INTS(2)), tn_nn_relu(),
                                     tn_nn_conv2d(16, 32, TN_INTS(3), .padding = TN_INTS(1)),
                                     tn_nn_max_pool2d(TN_INTS(2)), tn_nn_relu(), tn_nn_flatten(),
                                     tn_nn_linear(32 * 7 * 7, CLASSES)));
}

static bool prepare(trainer *t, bool is_perceptron) {
  t->model = is_perceptron ? perceptron() : convolutional();
  t->images = random_floats(is_perceptron ? TN_SHAPE(BATCH, 784) : TN_SHAPE(BATCH, 1, 28, 28));
  t->labels = tn_randint(0, CLASSES, TN_SHAPE(BATCH));
  t->optim = t->model == NULL ? NULL : tn_optim_adamw(tn_module_parameters(t->model));
  return tn_ok();
}

static void finish(trainer *t) {
  tn_optim_release(t->optim);
  tn_module_release(t->model);
  tn_release(t->images);
  tn_release(t->labels);
}

static void run_steps(void *state, int64_t times) {
  const trainer *t = state;
  for (int64_t i = 0; i < times && tn_ok(); i++) {
    tn_scope *scope = tn_scope_open();
    tn_optim_zero_grad(t->optim);
    tn_tensor *loss = tn_cross_entropy(tn_module_forward(t->model, t->images), t->labels);
    if (tn_backward(loss) == TN_OK) (void)tn_optim_step(t->optim);
    tn_scope_close(scope);
  }
}

static void measure_training(const bench_run *bench, const row_spec *spec, bench_row *row) {
  trainer t = {0};
  if (prepare(&t, strcmp(spec->subject, "mlp") == 0)) {
    run_steps(&t, 1);
    int32_t all = tn_thread_count();
    if (spec->number > 0) tn_set_thread_count((int32_t)spec->number);
    bench_timing step =
        time_work(&(bench_work){.run = run_steps, .state = &t}, plan_for(bench, 3, 201));
    tn_set_thread_count(all);
    row_from_timing(row, step);
    row->value = BATCH * 1e9 / step.median_ns;
  }
  finish(&t);
}

#define TRAINING(Name, Subject, Threads, What)                                   \
  {                                                                              \
    .name = "train." Name, .what = What, .unit = "images/s", .subject = Subject, \
    .number = Threads, .measure = measure_training                               \
  }

static const row_spec specs[] = {
    TRAINING("mlp_1", "mlp", 1, "training 784-256-10, batches of 64, one thread"),
    TRAINING("mlp_all", "mlp", 0, "the same, all threads"),
    TRAINING("cnn_1", "cnn", 1, "training the example's network, one thread"),
    TRAINING("cnn_all", "cnn", 0, "the same, all threads"),
};

const row_table training_rows = ROW_TABLE(specs);
