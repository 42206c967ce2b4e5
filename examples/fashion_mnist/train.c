// SPDX-License-Identifier: Apache-2.0
//
// train: the loop over batches. One scope a step: when it closes, the step's graph and everything
// computed in it are gone. The loss is added up where it was computed and read only every few
// steps, so that a device with a queue is not waited for each time.

#include "train.h"

#include <math.h>
#include <stdlib.h>

#include "progress.h"

volatile sig_atomic_t stop_requested = 0;

enum { STEPS_A_POINT = 10, ANSWER_BATCH = 500 };

typedef struct trainer {
  tn_module *model;
  tn_optim *optim;
  tn_loader *loader;
  tn_tensor *loss_sum;  // of the steps since the last point
  double highest_lr;
  int64_t step, total_steps;
  training_result *result;
} trainer;

static tn_status recorded_status(void) {
  const tn_error *error = tn_error_peek();
  return error == NULL ? TN_OK : error->status;
}

// ---- one step ----------------------------------------------------------------------------------

static tn_status learn(trainer *t, tn_tensor *images, tn_tensor *labels) {
  tn_tensor *logits = tn_module_forward(t->model, dataset_normalise(images));
  tn_tensor *loss = tn_cross_entropy(logits, labels);
  tn_optim_zero_grad(t->optim);
  tn_status status = tn_backward(loss);
  if (status != TN_OK) return status;
  tn_optim_set_lr(t->optim, tn_lr_one_cycle(t->step, t->total_steps, t->highest_lr));
  status = tn_optim_step(t->optim);
  if (status != TN_OK) return status;
  return tn_add_(t->loss_sum, tn_detach(loss));
}

// A point of the curve from the steps since the last one.
static tn_status add_point(trainer *t) {
  training_result *r = t->result;
  double mean = tn_item(t->loss_sum) / STEPS_A_POINT;
  if (!tn_ok()) return recorded_status();
  if (!isfinite(mean)) {
    return tn_error_set(TN_WRONG_STATE, "the loss is %g after %lld steps: try a smaller --lr", mean,
                        (long long)t->step);
  }
  r->losses[r->loss_count++] = mean;
  return tn_fill_(t->loss_sum, 0);
}

static tn_status run_step(trainer *t, int64_t index) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *batch[2];
  tn_status status = tn_loader_batch(t->loader, index, batch);
  if (status == TN_OK) status = learn(t, batch[0], batch[1]);
  if (status == TN_OK) {
    t->step++;
    t->result->images += tn_tensor_size(batch[1], 0);
    if (t->step % STEPS_A_POINT == 0) status = add_point(t);
  }
  tn_scope_close(scope);
  return status;
}

// ---- all steps ---------------------------------------------------------------------------------

static tn_status run_epochs(trainer *t, int64_t epochs, terminal term) {
  int64_t batches = tn_loader_batch_count(t->loader);
  training_result *r = t->result;
  progress p = progress_start(term, epochs, batches);
  tn_status status = TN_OK;
  for (int64_t epoch = 0; epoch < epochs && status == TN_OK && !stop_requested; epoch++) {
    status = tn_loader_shuffle(t->loader);
    for (int64_t i = 0; i < batches && status == TN_OK && !stop_requested; i++) {
      status = run_step(t, i);
      double loss = r->loss_count > 0 ? r->losses[r->loss_count - 1] : NAN;
      progress_show(&p, &(progress_report){epoch, i + 1, r->images, loss});
    }
  }
  progress_finish(&p);
  r->seconds = seconds_now() - p.started;
  return status;
}

static tn_status prepare(trainer *t, const dataset *set, const options *o) {
  t->loader = tn_loader_create(TN_TENSORS(set->images, set->labels), o->batch);
  t->optim = tn_optim_adamw(tn_module_parameters(t->model), .lr = o->lr);
  t->loss_sum = tn_zeros(TN_SHAPE_SCALAR, .device = tn_tensor_device(set->images));
  if (!tn_ok()) return recorded_status();
  t->highest_lr = o->lr;
  t->total_steps = o->epochs * tn_loader_batch_count(t->loader);
  t->result->losses = calloc((size_t)(t->total_steps / STEPS_A_POINT) + 1, sizeof(double));
  if (t->result->losses == NULL) return tn_error_set(TN_OUT_OF_MEMORY, "no memory for the losses");
  return TN_OK;
}

tn_status train(tn_module *model, const dataset *set, const options *o, terminal term,
                training_result *result) {
  *result = (training_result){0};
  trainer t = {.model = model, .result = result};
  tn_scope *scope = tn_scope_open();
  tn_module_train(model);
  tn_status status = prepare(&t, set, o);
  if (status == TN_OK) status = run_epochs(&t, o->epochs, term);
  tn_optim_release(t.optim);
  tn_loader_release(t.loader);
  tn_scope_close(scope);
  return status;
}

// ---- the test ----------------------------------------------------------------------------------

static tn_status answer_batch(tn_module *model, tn_tensor *images, int64_t *answers) {
  tn_tensor *logits = tn_module_forward(model, dataset_normalise(images));
  tn_tensor *classes = tn_argmax(logits, .dim = TN_INT(1));
  size_t bytes = (size_t)tn_tensor_size(images, 0) * sizeof *answers;
  return tn_copy_to_host(classes, answers, bytes, TN_I64);
}

tn_status answer(tn_module *model, const dataset *set, int64_t *answers) {
  bool recorded_before = tn_grad_mode_set(false);
  tn_loader *loader = tn_loader_create(TN_TENSORS(set->images), ANSWER_BATCH);
  tn_status status = loader == NULL ? recorded_status() : TN_OK;
  tn_module_eval(model);
  for (int64_t i = 0; i < tn_loader_batch_count(loader) && status == TN_OK; i++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *images;
    status = tn_loader_batch(loader, i, &images);
    if (status == TN_OK) status = answer_batch(model, images, answers + i * ANSWER_BATCH);
    tn_scope_close(scope);
  }
  tn_loader_release(loader);
  (void)tn_grad_mode_set(recorded_before);
  return status;
}
