// SPDX-License-Identifier: Apache-2.0
//
// tour: a walk through tensors, devices and gradients, printing each result. What a device is left
// to is whatever the machine has: TENON_BACKENDS and TENON_DEVICE choose.
//
// Each stop opens a scope, which owns the tensors made there; errors are looked at once, at the
// end.

#include <tenon/tenon.h>

static void show(const char *heading, tn_tensor *tensor) {
  printf("\n%s\n", heading);
  tn_print(tensor, stdout);
}

// ---- making tensors ----------------------------------------------------------------------------

static void make(void) {
  show("An uninitialised 5x3:", tn_empty(TN_SHAPE(5, 3)));
  show("A random 5x3:", tn_rand(TN_SHAPE(5, 3)));
  show("5x3 zeros of int64:", tn_zeros(TN_SHAPE(5, 3), .dtype = TN_I64));
}

// ---- sharing memory with an array of C ---------------------------------------------------------

static void share(void) {
  double array[5] = {1, 1, 1, 1, 1};
  tn_tensor *tensor = tn_from_blob(array, TN_SHAPE(5), TN_NO_DIMS, TN_F64, NULL, NULL);
  show("A tensor over an array of doubles:", tensor);

  for (int i = 0; i < 5; i++) array[i] += i;
  show("The array was changed, and the tensor sees it:", tensor);

  tn_mul_scalar_(tensor, 10);
  printf("\nThe tensor was changed, and the array sees it:\n");
  for (int i = 0; i < 5; i++) printf("%g%s", array[i], i < 4 ? ", " : "\n");
}

// ---- moving between devices --------------------------------------------------------------------

static void move(void) {
  bool has_gpu = tn_device_is_available("cuda");
  tn_device device = has_gpu ? tn_device_parse("cuda") : tn_device_default();
  char name[32];
  tn_device_name(device, name, sizeof name);
  printf("\nIs there a GPU?\n%s; this stop uses %s\n", has_gpu ? "yes" : "no", name);

  tn_tensor *x = tn_rand(TN_SHAPE(5, 3), .device = TN_DEVICE_CPU);
  tn_tensor *y = tn_ones_like(x, .device = device);
  show("Ones like it, created on the device:", y);

  x = tn_to(x, device, TN_DTYPE_NONE);
  x = tn_to_named(x, name, TN_DTYPE_NONE);
  tn_tensor *z = tn_add(x, y);
  show("Moved there, by device and by name, and summed there:", z);
  show("Back on the cpu and double, in one call:", tn_to_named(z, "cpu", TN_F64));
}

// ---- gradients through a graph that the data decide ---------------------------------------------

// Doubles x until its sum passes 100, and squares what was negative on the way. How many nodes the
// graph has, and which, depends on the values: it is recorded anew each time.
static tn_tensor *grow(tn_tensor *x, int *doublings) {
  tn_tensor *y = x;
  for (*doublings = 0; tn_ok() && tn_item(tn_sum(y)) < 100; ++*doublings) {
    if (tn_item(tn_amin(y)) < 0) {
      y = tn_square(y);
    } else {
      y = tn_mul_scalar(y, 2);
    }
  }
  return y;
}

static void differentiate(tn_tensor *x) {
  int doublings;
  tn_requires_grad_(x, true);
  show("x:", x);
  tn_tensor *y = grow(x, &doublings);
  printf("\ny, after %d turns of a loop that looks at the data:\n", doublings);
  tn_print(y, stdout);
  tn_backward(tn_sum(y));
  show("The gradient of y's sum with respect to x:", tn_tensor_grad(x));
}

static void record(void) {
  differentiate(tn_from_data(TN_F32S(1, 2, 3), TN_SHAPE(3), TN_F32));
  differentiate(tn_from_data(TN_F32S(-4, 1, 0.5f), TN_SHAPE(3), TN_F32));
}

int main(void) {
  void (*const stops[])(void) = {make, share, move, record};
  for (size_t i = 0; i < sizeof stops / sizeof *stops && tn_ok(); i++) {
    tn_scope *scope = tn_scope_open();
    stops[i]();
    tn_scope_close(scope);
  }
  bool failed = !tn_ok();
  tn_error_print(stderr);
  return failed;
}
