// SPDX-License-Identifier: Apache-2.0
//
// Which kernel runs, and why: the order of chains, TENON_PROVIDER, and which backends are opened
// for what. The plugins many_0 to many_9 have kernels for `add`, `neg` and `mm` on the cpu whose
// results are off by index / 8, and note in a file that they were loaded. Each test is a process of
// its own.

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tenon/tenon.h>
#include <tenon/testing.h>
#include <unistd.h>

#include "tenon_test.h"

#define PLUGIN(name) TN_TEST_PLUGIN_DIR "/libtenon_backend_" name ".so"
#define MANY(index) "many_" #index "=" PLUGIN("many_" #index)
#define MANY_PATH  \
  PLUGIN("many_0") \
  ":" PLUGIN("many_1") ":" PLUGIN("many_2") ":" PLUGIN("many_3") ":" PLUGIN("many_4")

static char marker[] = "/tmp/tenon_marker_XXXXXX";

static void watch_loading(void) {
  close(mkstemp(marker));
  setenv("TENON_TEST_MARKER", marker, 1);
}

// The digits of the plugins that have been loaded, in order.
static void expect_loaded(const char *digits) {
  char text[32] = "";
  FILE *file = fopen(marker, "r");
  cr_assert_not_null(file);
  cr_assert(fgets(text, sizeof text, file) != NULL || digits[0] == '\0');
  fclose(file);
  cr_assert_str_eq(text, digits);
}

static const char *message(void) { return tn_ok() ? "" : tn_error_peek()->message; }

// x + x with |count| ones, less what it ought to be: which plugin ran, in eighths.
static double sum_is_off_by(int count, tn_dtype dtype) {
  tn_tensor *x = tn_ones(TN_SHAPE(count), .dtype = dtype), *sum = tn_add(x, x);
  cr_assert_not_null(sum, "%s", message());
  tn_tensor *first = tn_select(sum, 0, 0);
  double off = tn_item(first) - 2.0;
  tn_release(first);
  tn_release(sum);
  tn_release(x);
  return off * 8;
}

typedef tn_tensor *(*product_call)(tn_tensor *a, tn_tensor *b);

static double product_is_off_by(product_call product) {
  tn_tensor *x = tn_ones(TN_SHAPE(1, 1)), *y = product(x, x);
  cr_assert_not_null(y, "%s", message());
  tn_tensor *element = tn_reshape(y, TN_SHAPE(1));
  double off = tn_item(element) - 1.0;
  tn_release(element);
  tn_release(y);
  tn_release(x);
  return off * 8;
}

// The names in the chain, in order.
static void expect_chain(const char *op, tn_dtype dtype, const char *names) {
  tn_kernel_info kernels[16];
  int32_t count = tn_op_kernels(op, dtype, TN_DEVICE_CPU, kernels, 16);
  cr_assert_geq(count, 0, "%s", message());
  char text[256] = "";
  for (int32_t i = 0; i < count; i++) {
    if (i > 0) strcat(text, " ");
    strcat(text, kernels[i].backend);
  }
  cr_assert_str_eq(text, names);
}

static void expect_failure(tn_status status, const char *story, const char *hint) {
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  tn_tensor *sum = x == NULL ? NULL : tn_add(x, x);
  cr_assert_null(sum);
  const tn_error *error = tn_error_peek();
  cr_assert_eq(error->status, status, "%s", error->message);
  cr_assert_not_null(strstr(error->message, story), "'%s' is not in: %s", story, error->message);
  cr_assert_not_null(strstr(error->hint, hint), "'%s' is not in: %s", hint, error->hint);
  tn_error_clear();
  tn_release(x);
}

// ---- opening -----------------------------------------------------------------------------------

TN_TEST(opening, leaves_an_unlisted_backend_alone) {
  watch_loading();
  setenv("TENON_BACKEND_PATH", MANY_PATH, 1);
  setenv("TENON_BACKENDS", "many_1,cpu", 1);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 1);
  expect_loaded("1");
  unlink(marker);
}

TN_TEST(opening, waits_for_an_operator_that_the_backend_claims) {
  watch_loading();
  setenv("TENON_BACKENDS", MANY(1) "," MANY(2) ",cpu", 1);
  tn_tensor *x = tn_ones(TN_SHAPE(2)), *y = tn_exp(x), *z = tn_mul(x, y);
  cr_assert_not_null(z, "%s", message());
  expect_loaded("");
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "many_1: found, not opened yet"), "%s", report);
  free(report);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 1);
  expect_loaded("12");
  tn_release(x);
  tn_release(y);
  tn_release(z);
  unlink(marker);
}

TN_TEST(opening, happens_for_a_part_of_a_composed_operator) {
  watch_loading();
  setenv("TENON_BACKENDS", MANY(2) ",cpu", 1);
  cr_assert_eq(product_is_off_by(tn_matmul), 2);
  expect_loaded("2");
  unlink(marker);
}

TN_TEST(opening, happens_for_a_reduction_and_for_an_in_place_call_alike) {
  setenv("TENON_BACKENDS", MANY(2) ",cpu", 1);
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  cr_assert_eq(tn_add_(x, x), TN_OK);
  tn_tensor *sum = tn_sum(x);
  cr_assert_eq(tn_item(sum), 2 * (2 + 2 / 8.0));
  tn_release(sum);
  tn_release(x);
}

TN_TEST(opening, is_done_by_questions_too) {
  watch_loading();
  setenv("TENON_BACKENDS", MANY(1) ",cpu", 1);
  cr_assert(tn_op_has_kernel("exp", TN_F32, TN_DEVICE_CPU));
  expect_loaded("");
  expect_chain("neg", TN_F32, "many_1 cpu");
  expect_loaded("1");
  unlink(marker);
}

TN_TEST(opening, of_a_named_backend_that_fails_is_an_error_where_it_is_needed) {
  setenv("TENON_BACKENDS", "registers_twice=" PLUGIN("registers_twice") ",cpu", 1);
  cr_assert_eq(sum_is_off_by(2, TN_F32), 0);
  tn_tensor *x = tn_ones(TN_SHAPE(2));
  for (int i = 0; i < 2; i++) {
    cr_assert_null(tn_mul(x, x));
    cr_assert_not_null(strstr(message(), "two kernels for 'mul.Tensor' with dtype float64"), "%s",
                       message());
    cr_assert_not_null(strstr(message(), "load report"));
    cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
  }
  tn_release(x);
}

// Its device was needed before the cpu was: the cpu's table was made while it was being opened.
TN_TEST(opening, of_a_backend_for_two_devices_serves_both) {
  setenv("TENON_BACKENDS", "few=" PLUGIN("few") ",cpu", 1);
  cr_assert(tn_device_is_available("few"));
  tn_tensor *x = tn_full(TN_SHAPE(1), 2.0, .device = TN_DEVICE_CPU), *y = tn_neg(x);
  cr_assert_not_null(y, "%s", message());
  cr_assert_eq(tn_item(y), -2.0);
  expect_chain("neg", TN_F32, "few cpu");
  expect_chain("neg", TN_F64, "cpu");
  tn_release(y);
  tn_release(x);
}

TN_TEST(opening, refuses_kernels_that_the_note_does_not_claim) {
  setenv("TENON_BACKENDS", "outside_its_claim?=" PLUGIN("outside_its_claim") ",cpu", 1);
  expect_chain("add", TN_F32, "cpu");
  char *report = tn_load_report();
  cr_assert_not_null(strstr(report, "a kernel for 'mul.Tensor', which its note does not claim"),
                     "%s", report);
  free(report);
}

// In a process of its own: the first call of all, with the |nth| allocation failing, and another.
// Exits with 0 where nothing failed, 1 where the second call worked, 2 where it said why it did
// not.
static void call_twice_and_exit(int64_t nth) {
  tn_testing_fail_allocation(nth);
  tn_tensor *x = tn_ones(TN_SHAPE(2)), *sum = x == NULL ? NULL : tn_add(x, x);
  bool failed = tn_testing_allocation_failed();
  tn_testing_fail_allocation(0);
  if ((sum != NULL) != tn_ok()) _exit(3);
  tn_error_clear();
  tn_tensor *y = tn_ones(TN_SHAPE(2)), *again = y == NULL ? NULL : tn_add(y, y);
  if ((again != NULL) != tn_ok()) _exit(4);
  _exit(!failed ? 0 : again != NULL ? 1 : 2);
}

TN_TEST(opening, fails_clearly_at_each_allocation_in_turn) {
  setenv("TENON_BACKENDS", MANY(2) ",cpu", 1);
  setenv("TENON_PROVIDER", "add=many_2", 1);
  int code = 1, recovered = 0;
  for (int64_t nth = 1; code != 0; nth++) {
    cr_assert_lt(nth, 2000);
    pid_t child = fork();
    if (child == 0) call_twice_and_exit(nth);
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "allocation %d ended the process", (int)nth);
    code = WEXITSTATUS(status);
    cr_assert_leq(code, 2, "allocation %d: %d", (int)nth, code);
    recovered += code == 1;
  }
  cr_assert_gt(recovered, 5, "tables that could not be built are built at the next need");
}

// ---- order -------------------------------------------------------------------------------------

TN_TEST(chain, goes_by_the_users_list_before_rank) {
  setenv("TENON_BACKENDS", MANY(2) "," MANY(1) ",cpu", 1);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 2);
  expect_chain("add", TN_F32, "many_2 many_1 cpu");
  tn_kernel_info kernels[2];
  cr_assert_eq(tn_op_kernels("add", TN_F32, TN_DEVICE_CPU, kernels, 2), 3);
  cr_assert_str_eq(kernels[0].why, "order of TENON_BACKENDS");
  cr_assert_str_eq(kernels[0].rank, "reference");
  cr_assert(kernels[0].asks && kernels[0].deterministic);
}

TN_TEST(chain, goes_by_rank_and_then_by_name) {
  setenv("TENON_BACKEND_PATH", MANY_PATH, 1);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 0, "the cpu's rank is higher");
  expect_chain("add", TN_F32, "cpu many_0 many_1 many_2 many_3 many_4");
  expect_chain("neg", TN_F32, "cpu many_4 many_0 many_1 many_2 many_3");
  expect_chain("neg", TN_F64, "cpu");
  tn_kernel_info kernels[6];
  cr_assert_eq(tn_op_kernels("neg", TN_F32, TN_DEVICE_CPU, kernels, 6), 6);
  cr_assert_str_eq(kernels[1].why, "rank");
  cr_assert_str_eq(kernels[2].why, "name");
  cr_assert_str_eq(kernels[5].why, "");
}

TN_TEST(chain, goes_on_where_the_first_declines) {
  setenv("TENON_BACKENDS", MANY(3) "," MANY(1) ",cpu", 1);
  cr_assert_eq(sum_is_off_by(3, TN_F32), 3);
  cr_assert_eq(sum_is_off_by(4, TN_F32), 1);
}

TN_TEST(chain, tells_of_claims_that_came_to_nothing) {
  setenv("TENON_BACKENDS", MANY(1) ",cpu", 1);
  char *text = tn_op_resolve("gelu", TN_F32, TN_DEVICE_CPU);
  cr_assert_not_null(strstr(text, "(many_1 has no kernel)"), "%s", text);
  free(text);
}

// ---- TENON_PROVIDER ----------------------------------------------------------------------------

static void rules(const char *text) {
  setenv("TENON_BACKEND_PATH", MANY_PATH, 1);
  setenv("TENON_PROVIDER", text, 1);
}

TN_TEST(provider, rule_puts_its_backend_first_for_its_dtype) {
  rules("add.f32 = many_2");
  cr_assert_eq(sum_is_off_by(1, TN_F32), 2);
  cr_assert_eq(sum_is_off_by(1, TN_F64), 0);
  expect_chain("add", TN_F32, "many_2 cpu many_0 many_1 many_3 many_4");
  tn_kernel_info first;
  tn_op_kernels("add", TN_F32, TN_DEVICE_CPU, &first, 1);
  cr_assert_str_eq(first.why, "TENON_PROVIDER rule 'add.f32 = many_2'");
}

TN_TEST(provider, first_rule_that_matches_decides) {
  rules("add.Tensor.float64=many_1; add.Tensor=many_2;;n?g=many_1;*=many_0;");
  expect_chain("add", TN_F32, "many_2 cpu many_0 many_1 many_3 many_4");
  expect_chain("neg", TN_F32, "many_1 cpu many_4 many_0 many_2 many_3");
  expect_chain("mm", TN_F32, "many_0 cpu cpu many_1 many_2 many_3 many_4");
}

TN_TEST(provider, that_declines_leaves_the_call_to_the_next) {
  rules("add=many_3");
  cr_assert_eq(sum_is_off_by(3, TN_F32), 3);
  cr_assert_eq(sum_is_off_by(4, TN_F32), 0);
}

TN_TEST(provider, rule_for_a_composed_operator_counts_for_its_parts_alone) {
  rules("matmul.f32=many_2");
  cr_assert_eq(product_is_off_by(tn_matmul), 2);
  cr_assert_eq(product_is_off_by(tn_mm), 0);
  cr_assert_eq(product_is_off_by(tn_matmul), 2);
  char *text = tn_op_resolve("matmul", TN_F32, TN_DEVICE_CPU);
  cr_assert_not_null(strstr(text, "its parts are served by it first"), "%s", text);
  free(text);
  text = tn_op_resolve("mm", TN_F32, TN_DEVICE_CPU);
  cr_assert_not_null(
      strstr(text, "(as a part under TENON_PROVIDER rule 'matmul.f32=many_2': many_2 first)"), "%s",
      text);
  free(text);
}

// d (x y) / dx, through matmul: 1 / 8 more for each digit of the plugin.
TN_TEST(provider, rule_for_a_composed_operator_counts_for_its_gradient) {
  rules("matmul.f32=many_2");
  tn_tensor *x = tn_ones(TN_SHAPE(1, 1)), *y = tn_ones(TN_SHAPE(1, 1));
  cr_assert_eq(tn_requires_grad_(x, true), TN_OK);
  for (int wrong = 0; wrong < 2; wrong++) {
    tn_tensor *product = wrong ? tn_mm(x, y) : tn_matmul(x, y);
    tn_tensor *sum = tn_sum(product);
    cr_assert_eq(tn_backward(sum), TN_OK, "%s", message());
    cr_assert_eq(tn_item(tn_tensor_grad(x)), wrong ? 2 + 2 / 8.0 : 1 + 2 / 8.0);
    tn_release(sum);
    tn_release(product);
  }
  tn_release(x);
  tn_release(y);
}

TN_TEST(provider, rule_for_another_dtype_does_not_reach_the_parts) {
  rules("matmul.f64=many_2");
  cr_assert_eq(product_is_off_by(tn_matmul), 0);
}

TN_TEST(provider, earlier_rule_wins_between_a_part_and_its_whole) {
  rules("mm=many_1;matmul=many_2");
  cr_assert_eq(product_is_off_by(tn_matmul), 1);
}

TN_TEST(provider, later_rule_for_the_part_loses_to_the_whole) {
  rules("matmul=many_2;mm=many_1");
  cr_assert_eq(product_is_off_by(tn_matmul), 2);
  cr_assert_eq(product_is_off_by(tn_mm), 1);
}

TN_TEST(provider, without_a_kernel_is_allowed_and_shown) {
  rules("exp=many_1;gelu=many_1");
  tn_tensor *x = tn_zeros(TN_SHAPE(2)), *y = tn_gelu(x);
  cr_assert_not_null(y, "%s", message());
  char *text = tn_op_resolve("gelu", TN_F32, TN_DEVICE_CPU), *report = tn_load_report();
  cr_assert_not_null(strstr(text, "it has no kernel for this"), "%s", text);
  cr_assert_not_null(strstr(report, "exp=many_1: the backend has no kernel for it"), "%s", report);
  free(text);
  free(report);
  tn_release(x);
  tn_release(y);
}

TN_TEST(provider, that_is_optional_and_missing_is_passed_over) {
  setenv("TENON_BACKENDS", "unicorn?,cpu", 1);
  setenv("TENON_PROVIDER", "add=unicorn", 1);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 0);
}

TN_TEST(provider, unknown_backend_is_an_error_with_the_report) {
  rules("add=mony_1");
  expect_failure(TN_NOT_FOUND, "'add=mony_1' names 'mony_1'", "'many_1'");
  expect_failure(TN_NOT_FOUND, "load report", "'many_1'");
}
TN_TEST(provider, backend_that_the_list_leaves_out_is_an_error) {
  rules("add=many_1");
  setenv("TENON_BACKENDS", "cpu", 1);
  expect_failure(TN_INVALID_ARGUMENT, "does not allow", "add it to TENON_BACKENDS");
}
TN_TEST(provider, unknown_operator_is_an_error_with_its_near_match) {
  rules("sotfmax=cpu");
  expect_failure(TN_NOT_FOUND, "'sotfmax=cpu' matches no operator", "'softmax'");
}
TN_TEST(provider, in_place_form_is_an_error_that_says_what_to_write) {
  rules("add_=cpu");
  expect_failure(TN_INVALID_ARGUMENT, "runs as 'add.Tensor'", "'add.Tensor'");
}
TN_TEST(provider, nonsense_is_refused_rule_by_rule) {
  rules("add=cpu;mul cpu");
  expect_failure(TN_INVALID_ARGUMENT, "'mul cpu' has no '='", "operator=backend");
}
TN_TEST(provider, without_an_operator_is_refused) {
  rules(" =cpu");
  expect_failure(TN_INVALID_ARGUMENT, "names no operator", "operator=backend");
}
TN_TEST(provider, without_a_backend_is_refused) {
  rules("add=");
  expect_failure(TN_INVALID_ARGUMENT, "names no backend", "operator=backend");
}
TN_TEST(provider, of_endless_length_is_refused) {
  char *text = malloc(100001);
  memset(text, 'x', 100000);
  text[100000] = '\0';
  rules(text);
  free(text);
  expect_failure(TN_INVALID_ARGUMENT, "is too long", "operator=backend");
}
TN_TEST(provider, that_cannot_be_used_is_an_error_where_it_is_needed) {
  setenv("TENON_BACKEND_PATH", PLUGIN("registers_twice"), 1);
  setenv("TENON_PROVIDER", "mul=registers_twice", 1);
  cr_assert_eq(sum_is_off_by(1, TN_F32), 0);
  tn_tensor *x = tn_ones(TN_SHAPE(1));
  cr_assert_null(tn_mul(x, x));
  cr_assert_not_null(strstr(message(), "which TENON_PROVIDER names"), "%s", message());
  cr_assert_eq(tn_error_clear(), TN_UNAVAILABLE);
  tn_release(x);
}

// ---- the command -------------------------------------------------------------------------------

static void expect_output(const char *arguments, int code, const char *words) {
  char command[4096], text[8192] = "";
  snprintf(command, sizeof command, "'%s/bin/tenon' %s 2>&1", TN_BUILD_DIR, arguments);
  FILE *output = popen(command, "r");
  cr_assert_not_null(output);
  size_t length = fread(text, 1, sizeof text - 1, output);
  text[length] = '\0';
  int status = pclose(output);
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == code, "%s", text);
  cr_assert_not_null(strstr(text, words), "'%s' is not in: %s", words, text);
}

TN_TEST(resolve_command, prints_the_chain_and_why) {
  rules("neg=many_2");
  expect_output("resolve neg f32", 0,
                "many_2  reference  takes anything  by: TENON_PROVIDER rule 'neg=many_2'\n"
                "cpu  generic");
  expect_output(
      "resolve neg float32 cpu --json", 0,
      "{\"op\":\"neg\",\"dtype\":\"f32\",\"device\":\"cpu\",\"kind\":\"kernel\",\"chain\":[{"
      "\"backend\":\"many_2\",\"rank\":\"reference\"");
  expect_output("resolve matmul f32", 0, "(composed of other operators)");
  expect_output("resolve transpose f32 --json", 0, "\"notes\":[\"a view; needs no kernel\"]");
}

TN_TEST(resolve_command, has_near_matches_for_what_is_misspelt) {
  expect_output("resolve sotfmax f32", 1, "did you mean 'softmax'?");
  expect_output("resolve softmax f23", 2, "no dtype 'f23'; there are bool u8");
  expect_output("resolve softmax f32 cpuu", 1, "did you mean 'cpu'?");
  expect_output("resolve softmax", 2, "usage");
}

TN_TEST(ops_command, lists_every_provider_of_a_dtype) {
  setenv("TENON_BACKENDS", MANY(1) ",cpu", 1);
  expect_output("ops neg --json", 0, "\"f32\":[\"many_1\",\"cpu\"],\"f64\":[\"cpu\"]");
  setenv("TENON_BACKENDS", "cpuu", 1);
  expect_output("ops", 1, "did you mean 'cpu'?");
}

// ---- what ten backends cost --------------------------------------------------------------------

// Instructions of the second and later of one call, as bench_core counts them under valgrind.
static double instructions(const char *subject) {
  char command[4096], text[64] = "";
  snprintf(command, sizeof command, "'%s/bin/bench_core' --instructions %s", TN_BUILD_DIR, subject);
  FILE *output = popen(command, "r");
  cr_assert_not_null(output);
  bool printed = fgets(text, sizeof text, output) != NULL;
  int status = pclose(output);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 77) cr_skip_test("needs valgrind");
  if (code == 127) cr_skip_test("needs bench_core, which is not built");
  cr_assert(code == 0 && printed, "counting ended with %d", code);
  return strtod(text, NULL);
}

TN_TEST(cost, of_a_call_is_the_same_with_ten_backends_as_with_one) {
#ifdef TN_SANITIZE
  cr_skip_test("a build with sanitizers has their instructions too");
#endif
  double one = instructions("add");
  setenv("TENON_BACKEND_PATH",
         MANY_PATH ":" PLUGIN("many_5") ":" PLUGIN("many_6") ":" PLUGIN("many_7") ":" PLUGIN(
             "many_8") ":" PLUGIN("many_9"),
         1);
  expect_chain("add", TN_F32,
               "cpu many_0 many_1 many_2 many_3 many_4 many_5 many_6 many_7 many_8 many_9");
  cr_assert_eq(instructions("add"), one);
  // Nor where nine of the ten have not been opened.
  setenv("TENON_BACKENDS", "cpu,*", 1);
  cr_assert_eq(instructions("add"), one);
  // Nor do rules.
  setenv("TENON_PROVIDER", "exp=cpu;add=cpu", 1);
  cr_assert_eq(instructions("add"), one);
}
