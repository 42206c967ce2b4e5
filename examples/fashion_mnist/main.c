// SPDX-License-Identifier: Apache-2.0
//
// fashion_mnist: trains a small convolutional network on 60,000 real images and shows what it
// learnt. It computes on the backend that the environment names: TENON_BACKENDS=cuda
// ./fashion_mnist.
//
// Ctrl-C ends the training after the step at hand, and the rest goes on with what was learnt. Exit
// codes: 0, 1 after an error, 2 for a wrong option, 130 after Ctrl-C.

#define _POSIX_C_SOURCE 200809L

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <tenon/nn.h>

#include "curve.h"
#include "dataset.h"
#include "model.h"
#include "options.h"
#include "picture.h"
#include "terminal.h"
#include "train.h"

// ---- Ctrl-C ------------------------------------------------------------------------------------

static void request_stop(int signal_number) {
  (void)signal_number;
  stop_requested = 1;
}

// The second Ctrl-C ends the program at once.
static void catch_interrupt(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = request_stop;
  action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
  sigemptyset(&action.sa_mask);
  (void)sigaction(SIGINT, &action, NULL);
}

// ---- what is printed ---------------------------------------------------------------------------

static void print_start(const dataset *train_set, tn_module *model, const options *o) {
  char device[32];
  tn_device_name(tn_device_default(), device, sizeof device);
  printf("%lld images, %lld epochs, batches of %lld, %lld parameters, on %s",
         (long long)tn_tensor_size(train_set->labels, 0), (long long)o->epochs, (long long)o->batch,
         (long long)tn_module_parameter_numel(model), device);
  printf(" (threads: %d)\n", (int)tn_thread_count());
  fflush(stdout);
}

static void print_training(const terminal *t, const training_result *r) {
  printf("\n");
  curve_print(t, "training loss, on a logarithmic scale", r->losses, r->loss_count);
  if (r->seconds > 0) {
    printf("\ntrained on %lld images in %.1f s: %.0f images/s\n", (long long)r->images, r->seconds,
           (double)r->images / r->seconds);
  }
}

// The first test images that the model knows, and the first that it does not.
enum { RIGHT_SHOWN = 3, WRONG_SHOWN = 1, SHOWN = RIGHT_SHOWN + WRONG_SHOWN };

static int choose_pictures(const int64_t *answers, const int64_t *labels, int64_t count,
                           int64_t chosen[SHOWN]) {
  int right = 0, wrong = 0;
  for (int64_t i = 0; i < count; i++) {
    if (answers[i] == labels[i]) {
      if (right < RIGHT_SHOWN) chosen[right++ + wrong] = i;
    } else if (wrong < WRONG_SHOWN) {
      chosen[right + wrong++] = i;
    }
    if (right + wrong == SHOWN) break;
  }
  return right + wrong;
}

static tn_status print_pictures(const terminal *t, const dataset *set, const int64_t *answers,
                                const int64_t *labels) {
  enum { PIXELS = IMAGE_SIDE * IMAGE_SIDE };
  uint8_t pixels[SHOWN][PIXELS];
  char captions[SHOWN][2][PICTURE_SIDE + 1];
  picture pictures[SHOWN];
  int64_t chosen[SHOWN];
  int count = choose_pictures(answers, labels, tn_tensor_size(set->labels, 0), chosen);
  for (int i = 0; i < count; i++) {
    int64_t k = chosen[i];
    tn_status status = tn_copy_to_host(tn_select(set->images, 0, k), pixels[i], PIXELS, TN_U8);
    if (status != TN_OK) return status;
    (void)snprintf(captions[i][0], sizeof captions[i][0], "model: %s", class_names[answers[k]]);
    (void)snprintf(captions[i][1], sizeof captions[i][1], "truth: %s%s", class_names[labels[k]],
                   answers[k] == labels[k] ? "" : "  (wrong)");
    pictures[i] = (picture){pixels[i], captions[i][0], captions[i][1]};
  }
  pictures_print(t, pictures, count);
  return TN_OK;
}

// ---- the program -------------------------------------------------------------------------------

static tn_status show_test(const terminal *t, tn_module *model, const dataset *set) {
  int64_t count = tn_tensor_size(set->labels, 0);
  size_t bytes = (size_t)count * sizeof(int64_t);
  int64_t *answers = malloc(bytes);
  int64_t *labels = malloc(bytes);
  tn_status status = answers == NULL || labels == NULL
                         ? tn_error_set(TN_OUT_OF_MEMORY, "no memory for the answers")
                         : TN_OK;
  if (status == TN_OK) status = tn_copy_to_host(set->labels, labels, bytes, TN_I64);
  if (status == TN_OK) status = answer(model, set, answers);
  if (status == TN_OK) status = print_pictures(t, set, answers, labels);
  if (status == TN_OK) {
    int64_t correct = 0;
    for (int64_t i = 0; i < count; i++) correct += answers[i] == labels[i];
    printf("\ntest accuracy: %.4f\n", (double)correct / (double)count);
  }
  free(answers);
  free(labels);
  return status;
}

static tn_status save(tn_module *model, const char *folder) {
  if (folder == NULL) return TN_OK;
  tn_status status = tn_module_save(model, folder);
  if (status == TN_OK) printf("saved to %s\n", folder);
  return status;
}

static tn_status run_with(tn_module *model, const terminal *t, const options *o,
                          const dataset *train_set, const dataset *test_set) {
  training_result result;
  print_start(train_set, model, o);
  tn_status status = train(model, train_set, o, *t, &result);
  if (status == TN_OK) print_training(t, &result);
  free(result.losses);
  if (status != TN_OK) return status;
  // What was learnt is shown even where it could not be saved.
  tn_status saved = save(model, o->save);
  status = show_test(t, model, test_set);
  return status == TN_OK ? saved : status;
}

static tn_status run(const options *o) {
  tn_device device = o->device == NULL ? tn_device_default() : tn_device_parse(o->device);
  if (tn_ok()) (void)tn_device_set_default(device);
  if (!tn_ok()) return tn_error_peek()->status;
  tn_manual_seed(o->seed);
  dataset train_set, test_set;
  tn_status status = dataset_load(&train_set, o->data, "train", o->limit, device);
  if (status == TN_OK) status = dataset_load(&test_set, o->data, "t10k", 0, device);
  if (status != TN_OK) return status;
  tn_module *model = model_create();
  if (model == NULL) return tn_error_peek()->status;
  terminal t = terminal_open();
  status = run_with(model, &t, o, &train_set, &test_set);
  tn_module_release(model);
  return status;
}

int main(int argc, char **argv) {
  options o;
  int code = options_parse(&o, argc, argv);
  if (code >= 0) return code;
  catch_interrupt();
  tn_scope *scope = tn_scope_open();
  tn_status status = run(&o);
  tn_scope_close(scope);
  if (status != TN_OK) {
    fflush(stdout);
    tn_error_print(stderr);
    return 1;
  }
  if (fflush(stdout) != 0) return 1;
  return stop_requested ? 130 : 0;
}
