// SPDX-License-Identifier: Apache-2.0
//
// gradcheck: gradients against central differences, (f(x + h) - f(x - h)) / 2h, element by element
// of every input, for a random but fixed combination of the function's results. A complex number is
// two real ones: the gradient of a real loss L is dL/dRe + i dL/dIm, so that each part of an input
// is moved by itself and compared with that part of the gradient.

#include <math.h>
#include <string.h>
#include <tenon/error.h>
#include <tenon/ops.h>

#include "engine.h"

enum { MOST_INPUTS = 16 };

typedef struct check {
  tn_gradcheck_fn function;
  void *context;
  tn_tensors inputs;
  double eps, atol, rtol;
} check;

// Weights for the results, of the scale of 1 and all different: w_i = cos(i + 1).
static tn_tensor *weights_for(tn_tensor *output) {
  tn_tensor *index = tn_arange(tn_tensor_numel(output), .dtype = TN_F64);
  tn_tensor *flat = tn_cos(tn_add_scalar(index, 1));
  tn_tensor *shaped = tn_view_shape(flat, tn_tensor_shape(output));
  return tn_to(shaped, tn_tensor_device(output), tn_tensor_dtype(output));
}

// The numbers of |tensor| as real ones: complex ones have a last dimension for their parts.
static tn_tensor *as_real(tn_tensor *tensor) {
  bool has_parts = tensor != NULL && tn_dtype_is_complex(tn_tensor_dtype(tensor));
  return has_parts ? tn_view_as_real(tensor) : tensor;
}

static tn_tensor *weighted(const check *c) {
  tn_tensor *output = as_real(c->function(c->context, c->inputs));
  if (output == NULL) return NULL;
  return tn_sum(tn_mul(output, weights_for(output)));
}

static double evaluate(const check *c, tn_status *status) {
  tn_scope *scope = tn_scope_open();
  bool before = tn_grad_mode_set(false);
  tn_tensor *value = scope == NULL ? NULL : weighted(c);
  double number = value == NULL ? 0 : tn_item(value);
  tn_grad_mode_set(before);
  if (!tn_ok()) *status = tn__failure();
  tn_scope_close(scope);
  return number;
}

// Number |i| of a contiguous host tensor, to be changed without counting as a change in place: the
// graph that is being checked must not notice. The parts of complex elements are numbers.
static double *number(tn_tensor *input, int64_t i) { return (double *)input->data + i; }

static tn_status differs(int64_t input, int64_t i, bool has_parts, double computed,
                         double numeric) {
  return tn__error(TN_INVALID_ARGUMENT, NULL,
                   "tn_gradcheck: input %lld, element %lld%s: the gradient is %.9g, finite "
                   "differences give %.9g",
                   (long long)input, (long long)(has_parts ? i / 2 : i),
                   !has_parts   ? ""
                   : i % 2 == 0 ? ", real part"
                                : ", imaginary part",
                   computed, numeric);
}

static tn_status compare_input(const check *c, int64_t k, tn_tensor *grad) {
  tn_tensor *input = c->inputs.data[k];
  tn_tensor *host = tn_contiguous(tn_to_named(grad, "cpu", tn_tensor_dtype(input)));
  if (host == NULL) return tn__failure();
  const double *computed = tn_tensor_const_data(host);
  bool has_parts = tn_dtype_is_complex(tn_tensor_dtype(input));
  int64_t count = tn_tensor_numel(input) * (has_parts ? 2 : 1);
  for (int64_t i = 0; i < count; i++) {
    tn_status status = TN_OK;
    double *x = number(input, i), kept = *x;
    *x = kept + c->eps;
    double above = evaluate(c, &status);
    *x = kept - c->eps;
    double below = evaluate(c, &status);
    *x = kept;
    if (status != TN_OK) return status;
    double numeric = (above - below) / (2 * c->eps);
    if (fabs(computed[i] - numeric) <= c->atol + c->rtol * fabs(numeric)) continue;
    return differs(k, i, has_parts, computed[i], numeric);
  }
  return TN_OK;
}

static tn_status check_inputs(const check *c) {
  if (c->inputs.count < 1 || c->inputs.count > MOST_INPUTS) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_gradcheck: 1 to %d inputs", MOST_INPUTS);
  }
  for (int64_t k = 0; k < c->inputs.count; k++) {
    const tn_tensor *input = c->inputs.data[k];
    if (input == NULL) {
      tn__null_operand("tn_gradcheck", "inputs");
      return tn__failure();
    }
    if (!tn_requires_grad(input)) continue;
    tn_dtype dtype = tn_tensor_dtype(input);
    if ((dtype != TN_F64 && dtype != TN_C128) || !tn_tensor_is_contiguous(input) ||
        !tn__device_is_host(tn_tensor_device(input))) {
      return tn__error(
          TN_INVALID_ARGUMENT, NULL,
          "tn_gradcheck: input %lld requires a gradient and must be contiguous float64 "
          "or complex128 in host memory",
          (long long)k);
    }
  }
  return TN_OK;
}

static tn_status run_check(const check *c) {
  tn_status status = check_inputs(c);
  if (status != TN_OK) return status;
  tn_tensor *wanted[MOST_INPUTS];
  int64_t places[MOST_INPUTS], count = 0;
  for (int64_t k = 0; k < c->inputs.count; k++) {
    if (!tn_requires_grad(c->inputs.data[k])) continue;
    places[count] = k;
    wanted[count++] = c->inputs.data[k];
  }
  if (count == 0)
    return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_gradcheck: no input requires a gradient");
  tn_tensor *value = weighted(c);
  if (value == NULL) return tn__failure();
  if (!tn_requires_grad(value)) {
    return tn__error(TN_INVALID_ARGUMENT, NULL, "tn_gradcheck: the result requires no gradient");
  }
  tn_list *grads = tn_grad(TN_TENSORS(value), ((tn_tensors){wanted, count}), .allow_unused = true);
  if (grads == NULL) return tn__failure();
  for (int64_t j = 0; j < count && status == TN_OK; j++) {
    tn_tensor *grad = tn_list_at(grads, j);
    if (tn__is_none(grad)) grad = tn_zeros_like(wanted[j]);
    status = grad == NULL ? tn__failure() : compare_input(c, places[j], grad);
  }
  return status;
}

static double or_else(double value, double fallback) { return value == 0 ? fallback : value; }

tn_status tn_gradcheck(tn_gradcheck_fn function, void *context, tn_tensors inputs,
                       const tn_gradcheck_options *options) {
  static const tn_gradcheck_options none = {.struct_size = sizeof none};
  if (options == NULL) options = &none;
  check c = {function,
             context,
             inputs,
             or_else(options->eps, 1e-6),
             or_else(options->atol, 1e-5),
             or_else(options->rtol, 1e-3)};
  tn_scope *scope = tn_scope_open();
  if (scope == NULL) return TN_OUT_OF_MEMORY;
  bool before = tn_grad_mode_set(true);
  tn_status status = run_check(&c);
  tn_grad_mode_set(before);
  tn_scope_close(scope);
  return status;
}

// ---- second gradients: the gradient itself, as a function, is checked --------------------------

typedef struct second {
  tn_gradcheck_fn function;
  void *context;
} second;

// The first gradients of all inputs that require one, weighted and summed to one number.
static tn_tensor *first_gradient(void *context, tn_tensors inputs) {
  const second *s = context;
  check c = {s->function, s->context, inputs, 0, 0, 0};
  tn_tensor *wanted[MOST_INPUTS];
  int64_t count = 0;
  for (int64_t k = 0; k < inputs.count; k++) {
    if (tn_requires_grad(inputs.data[k])) wanted[count++] = inputs.data[k];
  }
  bool before = tn_grad_mode_set(true);
  tn_tensor *value = weighted(&c);
  tn_list *grads = value == NULL ? NULL
                                 : tn_grad(TN_TENSORS(value), ((tn_tensors){wanted, count}),
                                           .create_graph = true, .allow_unused = true);
  tn_tensor *sum = grads == NULL ? NULL : tn_zeros(TN_SHAPE_SCALAR, .dtype = TN_F64);
  for (int64_t j = 0; j < count && sum != NULL; j++) {
    tn_tensor *grad = tn_list_at(grads, j);
    if (tn__is_none(grad)) continue;
    grad = as_real(grad);
    sum = tn_add(sum, tn_sum(tn_mul(grad, weights_for(grad))));
  }
  // A function that is linear in its inputs has a constant gradient: keep it in the graph.
  for (int64_t j = 0; j < count && sum != NULL; j++) {
    sum = tn_add(sum, tn_mul_scalar(tn_sum(as_real(wanted[j])), 0));
  }
  tn_grad_mode_set(before);
  return sum;
}

tn_status tn_gradgradcheck(tn_gradcheck_fn function, void *context, tn_tensors inputs,
                           const tn_gradcheck_options *options) {
  second s = {function, context};
  return tn_gradcheck(first_gradient, &s, inputs, options);
}
