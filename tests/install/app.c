// SPDX-License-Identifier: Apache-2.0
//
// An application outside of Tenon's tree: computes on the default device, which the environment
// chose, brings the numbers home and prints them. Its text is compared to the letter.

#include <stdio.h>
#include <string.h>
#include <tenon/tenon.h>

static const char *path_of_cpu(void) {
  tn_backend_info info;
  for (int32_t i = 0; i < tn_backend_count(); i++) {
    if (tn_backend_at(i, &info) == TN_OK && strcmp(info.name, "cpu") == 0) return info.path;
  }
  return "nowhere";
}

int main(void) {
  char name[32];
  tn_scope *scope = tn_scope_open();
  tn_tensor *x = tn_full(TN_SHAPE(2, 3), 1.5, .dtype = TN_F32);
  tn_tensor *y = tn_add(tn_mul(x, x), tn_t(x), .alpha = TN_SCALAR(2));
  printf("broadcast: %s\n", y == NULL ? tn_status_name(tn_error_clear()) : "accepted");
  y = tn_add(tn_mul(x, x), x, .alpha = TN_SCALAR(2));
  printf("device: %s\n", tn_device_name(tn_tensor_device(y), name, sizeof name));
  tn_print(tn_to_named(y, "cpu", TN_F64), stdout);
  printf("exp there: %s\n", tn_exp(y) == NULL ? tn_status_name(tn_error_clear()) : "ok");
  printf("exp here: %.4f\n", tn_item(tn_sum(tn_exp(tn_to_named(y, "cpu", TN_DTYPE_NONE)))));
  printf("cpu backend: %s\n", path_of_cpu());
  if (!tn_ok()) tn_error_print(stdout);
  tn_scope_close(scope);
  return 0;
}
