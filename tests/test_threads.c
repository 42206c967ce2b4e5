// SPDX-License-Identifier: Apache-2.0
//
// Any number of threads may compute. Each test starts eight at once behind a barrier; what they
// find must be what one thread finds, and the thread sanitizer must have nothing to say. A thread
// reports through its own slot and the test's own thread asserts.

#include <pthread.h>

#include "tensor_test.h"

enum { THREADS = 8 };

typedef struct worker {
  int index;
  pthread_barrier_t *start;
  void (*body)(struct worker *worker);
  void *shared;
  double result;
  tn_tensor *tensor;
  char failure[256];  // "" where all went well
} worker;

// Notes what is recorded, or |text| where nothing is.
static void note_failure(worker *w, const char *text) {
  if (w->failure[0] != '\0') return;
  snprintf(w->failure, sizeof w->failure, "%s: %s", text, tn_ok() ? "" : tn_error_peek()->message);
}

#define EXPECT(w, condition)                       \
  do {                                             \
    if (!(condition)) note_failure(w, #condition); \
  } while (0)

static void *run_worker(void *context) {
  worker *w = context;
  pthread_barrier_wait(w->start);
  w->body(w);
  EXPECT(w, tn_ok());
  return NULL;
}

// Runs |body| on eight threads at once, and asserts that none noted a failure.
static void on_threads(void (*body)(worker *), void *shared, worker *workers) {
  pthread_barrier_t start;
  pthread_t threads[THREADS];
  pthread_barrier_init(&start, NULL, THREADS);
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (worker){.index = i, .start = &start, .body = body, .shared = shared};
    cr_assert_eq(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
  for (int i = 0; i < THREADS; i++) cr_assert_str_eq(workers[i].failure, "", "thread %d", i);
}

// ---- first use ---------------------------------------------------------------------------------

static void first_add(worker *w) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_full(TN_SHAPE(3), w->index, .dtype = TN_F64);
  tn_tensor *y = tn_add(x, x);
  w->result = tn_item(tn_select(y, 0, 2));
  tn_scope_close(scope);
}

TN_TEST(threads, load_the_backends_together_at_first_use) {
  worker workers[THREADS];
  on_threads(first_add, NULL, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 2.0 * i);
}

static void first_product(worker *w) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_full(TN_SHAPE(64, 64), 0.5, .dtype = TN_F32);
  w->result = tn_item(tn_sum(tn_matmul(x, x)));
  tn_scope_close(scope);
}

TN_TEST(threads, multiply_matrices_together_at_first_use) {
  worker workers[THREADS];
  on_threads(first_product, NULL, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 64.0 * 64 * 16);
}

static void first_question(worker *w) {
  char name[32];
  EXPECT(w, tn_device_is_available("cpu"));
  EXPECT(w, !tn_device_is_available("unicorn"));
  EXPECT(w, tn_device_parse("cpu").type == 1);
  EXPECT(w, strcmp(tn_device_name(tn_device_default(), name, sizeof name), "cpu") == 0);
  EXPECT(w, tn_op_has_kernel("add", TN_F32, TN_DEVICE_CPU));
  EXPECT(w, tn_backend_count() > 0);
  EXPECT(w, tn_thread_count() >= 1);
  EXPECT(w, tn_op_find("add.Scalar") != NULL);
}

TN_TEST(threads, ask_questions_together_at_first_use) {
  worker workers[THREADS];
  on_threads(first_question, NULL, workers);
}

// ---- computing ---------------------------------------------------------------------------------

// Large enough for kernels to split their work.
static void large_sum(worker *w) {
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_arange(200000, .dtype = TN_F64);
  tn_tensor *y = tn_mul_scalar(tn_add(x, x), 0.5);
  w->result = tn_item(tn_sum(tn_eq(x, y))) + w->index;
  tn_scope_close(scope);
}

TN_TEST(threads, share_the_pool) {
  worker workers[THREADS];
  on_threads(large_sum, NULL, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 200000.0 + i);
}

static void read_shared(worker *w) {
  tn_tensor *shared = w->shared;
  for (int i = 0; i < 200; i++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *row = tn_select(shared, 0, w->index);
    w->result = tn_item(tn_sum(tn_mul(row, row)));
    tn_retain(shared);
    tn_release(shared);
    tn_scope_close(scope);
  }
}

TN_TEST(threads, read_one_tensor) {
  worker workers[THREADS];
  tn_tensor *one = tn_ones(TN_SHAPE(THREADS, 5), .dtype = TN_F64);
  on_threads(read_shared, one, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 5.0);
  cr_assert_eq(tn_tensor_refcount(one), 1);
  tn_release(one);
}

static void write_own_row(worker *w) {
  tn_tensor *shared = w->shared;
  tn_tensor *row = tn_select(shared, 0, w->index);
  for (int i = 0; i < 100; i++) EXPECT(w, tn_add_scalar_(row, w->index) == TN_OK);
  tn_release(row);
}

TN_TEST(threads, write_disjoint_views_of_one_tensor) {
  worker workers[THREADS];
  tn_tensor *zero = tn_zeros(TN_SHAPE(THREADS, 16), .dtype = TN_F64);
  uint64_t version = tn_tensor_version(zero);
  on_threads(write_own_row, zero, workers);
  cr_assert_eq(tn_tensor_version(zero), version + 100 * THREADS);
  for (int i = 0; i < THREADS; i++) {
    tn_scope *scope = tn_scope_open();
    cr_assert_eq(tn_item(tn_select(tn_select(zero, 0, i), 0, 15)), 100.0 * i);
    tn_scope_close(scope);
  }
  tn_release(zero);
}

static void make_one(worker *w) { w->tensor = tn_full(TN_SHAPE(100), w->index, .dtype = TN_F64); }

static void release_next(worker *w) {
  worker *makers = w->shared;
  tn_release(makers[(w->index + 1) % THREADS].tensor);
}

TN_TEST(threads, release_what_others_made) {
  worker makers[THREADS], releasers[THREADS];
  for (int round = 0; round < 20; round++) {
    on_threads(make_one, NULL, makers);
    on_threads(release_next, makers, releasers);
  }
}

static void record_and_leave(worker *w) {
  tn_tensor *shared = w->shared;
  tn_scope *scope = tn_scope_open();
  tn_tensor *y = shared;
  for (int i = 0; i < 100; i++) y = tn_mul_scalar(y, 1.01);
  w->tensor = tn_escape(tn_sum(y));
  tn_scope_close(scope);
}

TN_TEST(threads, walk_and_free_graphs_that_other_threads_recorded) {
  worker workers[THREADS];
  tn_tensor *leaf = tn_ones(TN_SHAPE(4), .dtype = TN_F64);
  tn_requires_grad_(leaf, true);
  on_threads(record_and_leave, leaf, workers);
  for (int i = 0; i < THREADS; i++) {
    cr_assert_eq(tn_backward(workers[i].tensor), TN_OK);
    tn_release(workers[i].tensor);
  }
  double expected = THREADS * pow(1.01, 100);
  expect_values(tn_tensor_grad(leaf), (double[]){expected, expected, expected, expected}, 4, 1e-9);
  tn_release(leaf);
}

static void errors_of_its_own(worker *w) {
  for (int i = 0; i < 50; i++) {
    tn_tensor *a = tn_ones(TN_SHAPE(2)), *b = tn_ones(TN_SHAPE(3 + w->index));
    char shape[16];
    snprintf(shape, sizeof shape, "[%d]", 3 + w->index);
    EXPECT(w, tn_add(a, b) == NULL);
    EXPECT(w, strstr(tn_error_peek()->message, shape) != NULL);
    EXPECT(w, tn_error_clear() == TN_INVALID_ARGUMENT);
    tn_release(a);
    tn_release(b);
  }
}

TN_TEST(threads, have_errors_of_their_own) {
  worker workers[THREADS];
  on_threads(errors_of_its_own, NULL, workers);
}

static void modes_of_its_own(worker *w) {
  bool on = w->index % 2 == 0;
  tn_grad_mode_set(on);
  tn_tensor *leaf = w->shared;
  for (int i = 0; i < 100; i++) {
    tn_tensor *y = tn_exp(leaf);
    EXPECT(w, tn_requires_grad(y) == on);
    EXPECT(w, tn_grad_mode() == on);
    tn_release(y);
  }
}

TN_TEST(threads, have_recording_modes_of_their_own) {
  worker workers[THREADS];
  tn_tensor *leaf = tn_ones(TN_SHAPE(2));
  tn_requires_grad_(leaf, true);
  on_threads(modes_of_its_own, leaf, workers);
  cr_assert(tn_grad_mode());
  tn_release(leaf);
}

static void draw(worker *w) {
  tn_scope *scope = tn_scope_open();
  for (int i = 0; i < 20; i++) {
    tn_tensor *x = tn_rand(TN_SHAPE(1000), .dtype = TN_F64);
    double low = tn_item(tn_min(x)), high = tn_item(tn_max(x));
    EXPECT(w, low >= 0 && high < 1 && low < high);
  }
  tn_scope_close(scope);
}

TN_TEST(threads, draw_from_one_generator_without_overlap) {
  worker workers[THREADS];
  tn_philox_state before, after;
  tn_manual_seed(7);
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &before), TN_OK);
  on_threads(draw, NULL, workers);
  cr_assert_eq(tn_random_state(TN_DEVICE_CPU, &after), TN_OK);
  cr_assert(after.offset - before.offset >= 20 * THREADS * 1000 / 4, "%llu",
            (unsigned long long)(after.offset - before.offset));
}

// ---- learning ----------------------------------------------------------------------------------

// Fits y = 3 x - 1 by gradient descent; both parameters are the thread's own.
static void train(worker *w) {
  tn_tensor *weight = tn_zeros(TN_SHAPE(1), .dtype = TN_F64);
  tn_tensor *bias = tn_full(TN_SHAPE(1), w->index, .dtype = TN_F64);
  tn_tensor *x = tn_linspace(-1, 1, 32, .dtype = TN_F64);
  tn_requires_grad_(weight, true);
  tn_requires_grad_(bias, true);
  for (int step = 0; step < 300; step++) {
    tn_scope *scope = tn_scope_open();
    tn_tensor *target = tn_add_scalar(tn_mul_scalar(x, 3), -1);
    tn_tensor *loss = tn_mse_loss(tn_add(tn_mul(x, weight), bias), target);
    EXPECT(w, tn_backward(loss) == TN_OK);
    bool before = tn_grad_mode_set(false);
    tn_sub_(weight, tn_tensor_grad(weight), .alpha = TN_SCALAR(0.5));
    tn_sub_(bias, tn_tensor_grad(bias), .alpha = TN_SCALAR(0.5));
    tn_set_grad(weight, NULL);
    tn_set_grad(bias, NULL);
    tn_grad_mode_set(before);
    tn_scope_close(scope);
  }
  w->result = fabs(tn_item(weight) - 3) + fabs(tn_item(bias) + 1);
  tn_release(weight);
  tn_release(bias);
  tn_release(x);
}

TN_TEST(threads, train_a_model_each) {
  worker workers[THREADS];
  on_threads(train, NULL, workers);
  for (int i = 0; i < THREADS; i++) {
    cr_assert(workers[i].result < 1e-6, "thread %d is %g off", i, workers[i].result);
  }
}

// d(leaf^3 * k)/d leaf on a graph of the thread's own, accumulated nowhere.
static void grad_of_shared_leaf(worker *w) {
  tn_tensor *leaf = w->shared;
  tn_scope *scope = tn_scope_open();
  for (int i = 0; i < 50; i++) {
    tn_tensor *y = tn_mul_scalar(tn_mul(tn_mul(leaf, leaf), leaf), w->index);
    tn_list *grads = tn_grad(TN_TENSORS(tn_sum(y)), TN_TENSORS(leaf));
    EXPECT(w, grads != NULL);
    w->result = tn_item(tn_select(tn_list_at(grads, 0), 0, 1));
  }
  tn_scope_close(scope);
}

TN_TEST(threads, differentiate_separate_graphs_over_shared_leaves) {
  worker workers[THREADS];
  tn_tensor *leaf = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_requires_grad_(leaf, true);
  on_threads(grad_of_shared_leaf, leaf, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 12.0 * i);
  cr_assert_null(tn_tensor_grad(leaf));
  tn_release(leaf);
}

typedef struct shared_graph {
  tn_tensor *leaf, *root;
} shared_graph;

static void grad_of_shared_graph(worker *w) {
  shared_graph *graph = w->shared;
  tn_scope *scope = tn_scope_open();
  for (int i = 0; i < 20; i++) {
    tn_list *grads =
        tn_grad(TN_TENSORS(graph->root), TN_TENSORS(graph->leaf), .retain_graph = true);
    EXPECT(w, grads != NULL);
    w->result = tn_item(tn_select(tn_list_at(grads, 0), 0, 1));
  }
  tn_scope_close(scope);
}

TN_TEST(threads, differentiate_one_retained_graph) {
  worker workers[THREADS];
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = doubles(TN_SHAPE(2), (double[]){1, 2});
  tn_requires_grad_(leaf, true);
  shared_graph graph = {leaf, tn_sum(tn_exp(tn_mul(leaf, leaf)))};
  on_threads(grad_of_shared_graph, &graph, workers);
  for (int i = 0; i < THREADS; i++) {
    cr_assert(fabs(workers[i].result - 4 * exp(4.0)) < 1e-9);
  }
  tn_scope_close(scope);
}

static void use_sibling(worker *w) {
  tn_tensor *sibling = w->shared;
  tn_scope *scope = tn_scope_open();
  EXPECT(w, tn_requires_grad(sibling));
  w->result = tn_item(tn_sum(tn_mul(sibling, sibling)));
  tn_scope_close(scope);
}

TN_TEST(threads, use_a_view_whose_base_has_a_new_history) {
  worker workers[THREADS];
  tn_scope *scope = tn_scope_open();
  tn_tensor *leaf = doubles(TN_SHAPE(2, 2), (double[]){1, 2, 3, 4});
  tn_requires_grad_(leaf, true);
  tn_tensor *base = tn_zeros(TN_SHAPE(2, 2), .dtype = TN_F64);
  tn_tensor *sibling = tn_t(base);
  cr_assert_eq(tn_add_(base, leaf), TN_OK);
  on_threads(use_sibling, sibling, workers);
  for (int i = 0; i < THREADS; i++) cr_assert_eq(workers[i].result, 30.0);
  tn_scope_close(scope);
}
