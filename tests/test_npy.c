// SPDX-License-Identifier: Apache-2.0
//
// test_npy: .npy files, good and bad. Files are written here byte by byte, so that nothing is
// tested against its own writer but the round trips; NumPy itself is the oracle where it is
// installed.

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <tenon/half.h>
#include <tenon/tenon.h>
#include <unistd.h>

#include "tenon_test.h"

enum { PATH_BYTES = 512, FILE_BYTES = 4096 };

// ---- a folder of the test's own, and files in it -----------------------------------------------

static char folder[PATH_BYTES];
static char path[PATH_BYTES + 32];  // of the one file that most tests need

static void open_folder(void) {
  const char *base = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/tenon_npy_XXXXXX", base == NULL ? "/tmp" : base);
  cr_assert_not_null(mkdtemp(folder), "%s: %s", folder, strerror(errno));
  snprintf(path, sizeof path, "%s/a.npy", folder);
}

static void close_folder(void) {
  char command[PATH_BYTES + 16];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  cr_assert_eq(system(command), 0);
}

TestSuite(npy, .init = open_folder, .fini = close_folder);

static void write_file(const void *bytes, size_t size) {
  FILE *file = fopen(path, "wb");
  cr_assert_not_null(file, "%s: %s", path, strerror(errno));
  cr_assert_eq(fwrite(bytes, 1, size, file), size);
  cr_assert_eq(fclose(file), 0);
}

static size_t read_file(void *bytes, size_t size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return 0;
  const size_t count = fread(bytes, 1, size, file);
  fclose(file);
  return count;
}

// A file of the given version with |header|, padded to the alignment that NumPy uses, and |data|.
// How many bytes it has, in |out|.
static size_t compose(uint8_t out[FILE_BYTES], int version, const char *header, const void *data,
                      size_t data_bytes) {
  const size_t start = version == 1 ? 10 : 12;
  size_t total = start + strlen(header) + 1;
  total += (64 - total % 64) % 64;
  const size_t count = total - start;
  memset(out, ' ', total);
  memcpy(out, "\x93NUMPY", 6);
  out[6] = (uint8_t)version;
  out[7] = 0;
  out[8] = (uint8_t)(count & 0xff);
  out[9] = (uint8_t)(count >> 8);
  if (version > 1) out[10] = out[11] = 0;
  memcpy(out + start, header, strlen(header));
  out[total - 1] = '\n';
  if (data_bytes > 0) memcpy(out + total, data, data_bytes);
  return total + data_bytes;
}

static void write_npy(const char *header, const void *data, size_t data_bytes) {
  uint8_t bytes[FILE_BYTES];
  write_file(bytes, compose(bytes, 1, header, data, data_bytes));
}

// Loading and mapping both fail with |status|, and say |words|.
static void expect_refusal(tn_status status, const char *words) {
  for (int mapped = 0; mapped < 2; mapped++) {
    tn_tensor *tensor = mapped ? tn_npy_map(path, false) : tn_npy_load(path);
    cr_assert_null(tensor, "a file that should be refused (%s) was read", words);
    const tn_error *error = tn_error_peek();
    cr_assert_not_null(error);
    cr_expect_eq(error->status, status, "status %d: %s", error->status, error->message);
    cr_expect_not_null(strstr(error->message, words), "'%s' lacks '%s'", error->message, words);
    cr_expect_not_null(strstr(error->message, path), "'%s' lacks the path", error->message);
    tn_error_clear();
  }
}

static void expect_floats(tn_tensor *tensor, const float *values, int64_t count) {
  cr_assert_not_null(tensor, "%s", tn_ok() ? "NULL" : tn_error_peek()->message);
  cr_assert_eq(tn_tensor_dtype(tensor), TN_F32);
  cr_assert_eq(tn_tensor_numel(tensor), count);
  cr_assert_arr_eq(tn_tensor_const_data(tensor), values, (size_t)count * sizeof(float));
}

// ---- good files --------------------------------------------------------------------------------

static const float six[] = {1, 2, 3, 4, 5, 6};

TN_TEST(npy, loads_every_format_version) {
  for (int version = 1; version <= 3; version++) {
    uint8_t bytes[FILE_BYTES];
    const size_t size =
        compose(bytes, version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six,
                sizeof six);
    write_file(bytes, size);
    tn_tensor *tensor = tn_npy_load(path);
    expect_floats(tensor, six, 6);
    cr_assert_eq(tn_tensor_ndim(tensor), 2);
    cr_assert_eq(tn_tensor_size(tensor, 0), 2);
    cr_assert_eq(tn_tensor_size(tensor, 1), 3);
    tn_release(tensor);
  }
}

TN_TEST(npy, reads_any_order_spacing_and_quotes_of_the_header) {
  static const char *const headers[] = {
      "{'descr':'<f4','fortran_order':False,'shape':(6,)}",
      "{\"shape\": (6L,), \"fortran_order\": False, \"descr\": \"<f4\"}",
      " {\t'shape' : ( 6 , ) , 'descr' : '=f4' ,\n'fortran_order' : False , } \n",
  };
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    write_npy(headers[i], six, sizeof six);
    tn_tensor *tensor = tn_npy_load(path);
    expect_floats(tensor, six, 6);
    tn_release(tensor);
  }
}

TN_TEST(npy, fortran_order_becomes_strides) {
  write_npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", six, sizeof six);
  for (int mapped = 0; mapped < 2; mapped++) {
    tn_tensor *tensor = mapped ? tn_npy_map(path, false) : tn_npy_load(path);
    expect_floats(tensor, six, 6);
    cr_assert_eq(tn_tensor_stride(tensor, 0), 1);
    cr_assert_eq(tn_tensor_stride(tensor, 1), 2);
    tn_release(tensor);
  }
}

TN_TEST(npy, swaps_big_endian_elements) {
  const uint8_t bytes[] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
  write_npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", bytes, sizeof bytes);
  tn_tensor *tensor = tn_npy_load(path);
  expect_floats(tensor, TN_F32S(1, -2), 2);
  tn_release(tensor);
}

TN_TEST(npy, swaps_both_parts_of_big_endian_complex_numbers) {
  const uint8_t bytes[] = {0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0};
  write_npy("{'descr': '>c8', 'fortran_order': False, 'shape': (), }", bytes, sizeof bytes);
  tn_tensor *tensor = tn_npy_load(path);
  cr_assert_not_null(tensor);
  cr_assert_eq(tn_tensor_dtype(tensor), TN_C64);
  cr_assert_eq(tn_tensor_ndim(tensor), 0);
  const tn_complex64 *value = tn_tensor_const_data(tensor);
  cr_assert_eq(value->real, 1);
  cr_assert_eq(value->imag, -2);
  tn_release(tensor);
}

TN_TEST(npy, single_bytes_have_no_byte_order) {
  const uint8_t bytes[] = {7, 200};
  static const char *const descrs[] = {"|u1", ">u1", "<u1"};
  for (int i = 0; i < 3; i++) {
    char header[96];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (2,), }",
             descrs[i]);
    write_npy(header, bytes, sizeof bytes);
    tn_tensor *tensor = tn_npy_map(path, false);
    cr_assert_not_null(tensor);
    cr_assert_eq(tn_tensor_dtype(tensor), TN_U8);
    cr_assert_eq(((const uint8_t *)tn_tensor_const_data(tensor))[1], 200);
    tn_release(tensor);
  }
}

TN_TEST(npy, bools_become_0_and_1) {
  const uint8_t bytes[] = {0, 1, 2, 255};
  write_npy("{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }", bytes, sizeof bytes);
  tn_tensor *tensor = tn_npy_load(path);
  cr_assert_not_null(tensor);
  cr_assert_eq(tn_tensor_dtype(tensor), TN_BOOL);
  cr_assert_arr_eq(tn_tensor_const_data(tensor), ((const uint8_t[]){0, 1, 1, 1}), 4);
  tn_release(tensor);
}

TN_TEST(npy, empty_arrays_have_no_bytes) {
  write_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 0, 2), }", NULL, 0);
  for (int mapped = 0; mapped < 2; mapped++) {
    tn_tensor *tensor = mapped ? tn_npy_map(path, false) : tn_npy_load(path);
    cr_assert_not_null(tensor, "%s", tn_ok() ? "NULL" : tn_error_peek()->message);
    cr_assert_eq(tn_tensor_numel(tensor), 0);
    cr_assert_eq(tn_tensor_size(tensor, 2), 2);
    tn_release(tensor);
  }
}

// ---- bad files ---------------------------------------------------------------------------------

TN_TEST(npy, refuses_a_file_cut_off_anywhere) {
  uint8_t bytes[FILE_BYTES];
  const size_t size =
      compose(bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six, 24);
  for (size_t kept = 0; kept < size; kept++) {
    write_file(bytes, kept);
    cr_assert_null(tn_npy_load(path), "%zu of %zu bytes were enough", kept, size);
    cr_assert_eq(tn_error_clear(), TN_DATA_ERROR);
    cr_assert_null(tn_npy_map(path, false), "%zu of %zu bytes were enough", kept, size);
    cr_assert_eq(tn_error_clear(), TN_DATA_ERROR);
  }
}

TN_TEST(npy, refuses_elements_that_do_not_fit_the_shape) {
  write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (7,), }", six, sizeof six);
  expect_refusal(TN_DATA_ERROR, "7 elements");
  write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", six, sizeof six);
  expect_refusal(TN_DATA_ERROR, "5 elements");
  write_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (6,), }", six, sizeof six);
  expect_refusal(TN_DATA_ERROR, "48 bytes");
}

TN_TEST(npy, refuses_sizes_that_overflow_without_allocating) {
  static const char *const shapes[] = {
      "(4611686018427387904,)",     "(4294967296, 4294967296)",    "(9223372036854775807, 9)",
      "(99999999999999999999999,)", "(0, 4611686018427387904, 4)",
  };
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }",
             shapes[i]);
    write_npy(header, six, sizeof six);
    expect_refusal(TN_DATA_ERROR, "64 bits");
  }
  write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }", six, 24);
  expect_refusal(TN_DATA_ERROR, "1099511627776 elements");
}

TN_TEST(npy, refuses_object_arrays) {
  const uint8_t pickle[] = "\x80\x03]q\x00.";
  write_npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle, sizeof pickle);
  expect_refusal(TN_INVALID_DTYPE, "object array");
}

TN_TEST(npy, refuses_what_there_is_no_dtype_for) {
  static const struct {
    const char *descr, *words;
  } cases[] = {
      {"'<U5'", "strings"},
      {"'|S3'", "byte strings"},
      {"'<f16'", "<f16"},
      {"'<M8[ns]'", "dates"},
      {"'<c32'", "<c32"},
      {"'<m8[s]'", "time differences"},
      {"[('x', '<f4')]", "struct"},
      {"'|V8'", "structured"},
      {"'<f3'", "<f3"},
      {"'f4'", "'f4'"},
      {"''", "descr ''"},
      {"'<i16'", "<i16"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char header[128];
    snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': False, 'shape': (6,), }",
             cases[i].descr);
    write_npy(header, six, sizeof six);
    expect_refusal(TN_INVALID_DTYPE, cases[i].words);
  }
}

TN_TEST(npy, refuses_malformed_headers) {
  static const struct {
    const char *header, *words;
  } cases[] = {
      {"", "a dict"},
      {"[]", "a dict"},
      {"{}", "lacks"},
      {"{'descr': '<f4', 'shape': (6,)}", "lacks"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'extra': 1}", "key 'extra'"},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (6,)}", "twice"},
      {"{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}", "True or False"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6)}", "','"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': [6]}", "a tuple"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}", "a size"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}", "',' or ')'"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,,)}", "a size"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)", "',' or '}'"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} x", "the end"},
      {"{'descr' '<f4', 'fortran_order': False, 'shape': (6,)}", "':'"},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (6,)}", "',' or '}'"},
      {"{'descr: '<f4', 'fortran_order': False, 'shape': (6,)}", "key 'descr: '"},
      {"{'descr': '<f4, 'fortran_order': False, 'shape': (6,)}", ""},
      {"{'de\\x73cr': '<f4', 'fortran_order': False, 'shape': (6,)}", "string"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), **{}}", "a string"},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (0x6,)}", "',' or ')'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    write_npy(cases[i].header, six, sizeof six);
    const bool dtype = strstr(cases[i].header, "'<f4, ") != NULL;
    expect_refusal(dtype ? TN_INVALID_DTYPE : TN_DATA_ERROR, cases[i].words);
  }
}

TN_TEST(npy, refuses_more_dims_than_a_tensor_has) {
  char header[256] = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (int dim = 0; dim < 33; dim++) strcat(header, "1, ");
  strcat(header, ")}");
  write_npy(header, six, sizeof(float));
  expect_refusal(TN_DATA_ERROR, "more than 32 dims");
}

TN_TEST(npy, refuses_other_files_and_versions) {
  write_file("not an array at all", 19);
  expect_refusal(TN_DATA_ERROR, "not a .npy file");
  write_file("", 0);
  expect_refusal(TN_DATA_ERROR, "not a .npy file");
  uint8_t bytes[FILE_BYTES];
  const size_t size =
      compose(bytes, 4, "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", six, 24);
  write_file(bytes, size);
  expect_refusal(TN_DATA_ERROR, "4.0");
}

TN_TEST(npy, refuses_a_header_that_claims_gigabytes) {
  uint8_t bytes[64] = "\x93NUMPY\x02\x00\xff\xff\xff\xff{";
  write_file(bytes, sizeof bytes);
  expect_refusal(TN_DATA_ERROR, "4294967295 bytes");
}

// Every byte of the header is set to values that mean something in its grammar. Nothing is expected
// but that the file is read or refused.
TN_TEST(npy, survives_every_damaged_header_byte, .timeout = 120) {
  uint8_t bytes[FILE_BYTES];
  const size_t size =
      compose(bytes, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six, 24);
  write_file(bytes, size);
  FILE *file = fopen(path, "r+b");
  cr_assert_not_null(file);
  static const uint8_t values[] = {0, '\'', '"', '(', ')', '{', '}', ',', ':', '9', 'L', '\\', 255};
  for (size_t at = 0; at < size - sizeof six; at++) {
    for (size_t i = 0; i <= sizeof values; i++) {
      fseek(file, (long)at, SEEK_SET);
      fputc(i < sizeof values ? values[i] : bytes[at], file);
      fflush(file);
      tn_release(tn_npy_load(path));
      tn_error_clear();
    }
  }
  fclose(file);
  tn_tensor *whole = tn_npy_load(path);
  expect_floats(whole, six, 6);
  tn_release(whole);
}

TN_TEST(npy, refuses_what_is_no_regular_file, .timeout = 20) {
  cr_assert_eq(mkdir(path, 0700), 0);
  expect_refusal(TN_IO_ERROR, "a folder");
  cr_assert_eq(rmdir(path), 0);
  cr_assert_eq(mkfifo(path, 0600), 0);
  expect_refusal(TN_IO_ERROR, "a pipe");
}

TN_TEST(npy, names_a_missing_file) {
  expect_refusal(TN_NOT_FOUND, "No such file");
  cr_assert_null(tn_npy_load(NULL));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
  cr_assert_null(tn_npy_map(NULL, true));
  cr_assert_eq(tn_error_clear(), TN_INVALID_ARGUMENT);
}

// ---- mapping -----------------------------------------------------------------------------------

static bool is_mapped(void) {
  static char maps[1 << 20];
  FILE *file = fopen("/proc/self/maps", "r");
  if (file == NULL) return false;
  const size_t count = fread(maps, 1, sizeof maps - 1, file);
  fclose(file);
  maps[count] = '\0';
  return strstr(maps, path) != NULL;
}

TN_TEST(npy, writes_through_a_writable_map_reach_the_file) {
  write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", six, sizeof six);
  tn_tensor *tensor = tn_npy_map(path, true);
  expect_floats(tensor, six, 6);
  cr_assert(is_mapped());
  ((float *)tn_tensor_data(tensor))[2] = 30;
  tn_release(tensor);
  cr_assert_not(is_mapped(), "the last release unmaps");
  tensor = tn_npy_load(path);
  expect_floats(tensor, TN_F32S(1, 2, 30, 4, 5, 6), 6);
  tn_release(tensor);
}

TN_TEST(npy, a_map_to_read_refuses_writes) {
  write_npy("{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", six, sizeof six);
  tn_tensor *tensor = tn_npy_map(path, false);
  expect_floats(tensor, six, 6);
  cr_assert_null(tn_tensor_data(tensor));
  cr_assert_eq(tn_error_clear(), TN_READ_ONLY);
  tn_release(tensor);
}

TN_TEST(npy, a_map_refuses_the_other_byte_order) {
  write_npy("{'descr': '>f4', 'fortran_order': False, 'shape': (6,), }", six, sizeof six);
  cr_assert_null(tn_npy_map(path, false));
  cr_assert_not_null(strstr(tn_error_peek()->message, "byte order"));
  cr_assert_eq(tn_error_clear(), TN_DATA_ERROR);
  cr_assert_not(is_mapped());
}

TN_TEST(npy, a_map_refuses_elements_out_of_alignment) {
  const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)}";
  uint8_t bytes[FILE_BYTES] = "\x93NUMPY\x01";
  const size_t count = sizeof header - 1;
  cr_assert_neq((10 + count) % 4, 0);
  bytes[8] = (uint8_t)count;
  memcpy(bytes + 10, header, count);
  memcpy(bytes + 10 + count, six, sizeof six);
  write_file(bytes, 10 + count + sizeof six);
  cr_assert_null(tn_npy_map(path, false));
  cr_assert_eq(tn_error_clear(), TN_DATA_ERROR);
  cr_assert_not(is_mapped());
  tn_tensor *tensor = tn_npy_load(path);
  expect_floats(tensor, six, 6);
  tn_release(tensor);
}

// ---- saving ------------------------------------------------------------------------------------

TN_TEST(npy, saves_the_bytes_that_numpy_would) {
  tn_tensor *tensor = tn_from_data(six, TN_SHAPE(2, 3), TN_F32);
  cr_assert_eq(tn_npy_save(tensor, path), TN_OK);
  uint8_t written[FILE_BYTES], expected[FILE_BYTES];
  const size_t size = read_file(written, sizeof written);
  cr_assert_eq(
      size, compose(expected, 1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", six,
                    sizeof six));
  cr_assert_arr_eq(written, expected, size);
  tn_release(tensor);
}

TN_TEST(npy, every_dtype_comes_back_as_it_was) {
  uint8_t data[64];
  for (int i = 0; i < 64; i++) data[i] = (uint8_t)(i * 37);
  for (tn_dtype dtype = 1; dtype < TN_DTYPE_COUNT; dtype++) {
    if (dtype == TN_BOOL || dtype == TN_BF16) continue;
    tn_tensor *saved = tn_from_data(data, TN_SHAPE(2, 2), dtype);
    cr_assert_eq(tn_npy_save(saved, path), TN_OK);
    for (int mapped = 0; mapped < 2; mapped++) {
      tn_tensor *loaded = mapped ? tn_npy_map(path, false) : tn_npy_load(path);
      cr_assert_not_null(loaded);
      cr_assert_eq(tn_tensor_dtype(loaded), dtype, "%s", tn_dtype_name(dtype));
      cr_assert_arr_eq(tn_tensor_const_data(loaded), data, (size_t)(4 * tn_dtype_size(dtype)));
      tn_release(loaded);
    }
    tn_release(saved);
  }
}

TN_TEST(npy, every_rank_comes_back_as_it_was) {
  int64_t sizes[TN_MAX_DIMS];
  for (int32_t rank = 0; rank <= TN_MAX_DIMS; rank++) {
    for (int32_t dim = 0; dim < rank; dim++) sizes[dim] = dim == 1 ? 3 : 1;
    tn_tensor *saved = tn_from_data(six, (tn_ints){sizes, rank}, TN_F32);
    cr_assert_eq(tn_npy_save(saved, path), TN_OK);
    tn_tensor *loaded = tn_npy_load(path);
    cr_assert_not_null(loaded, "rank %d", rank);
    cr_assert_eq(tn_tensor_ndim(loaded), rank);
    cr_assert_eq(tn_tensor_numel(loaded), rank > 1 ? 3 : 1);
    tn_release(loaded);
    tn_release(saved);
  }
}

TN_TEST(npy, saves_any_strides_in_row_major_order) {
  static const float data[] = {1, 4, 2, 5, 3, 6};
  tn_tensor *tensor = tn_from_const_blob(data, TN_SHAPE(2, 3), TN_INTS(1, 2), TN_F32, NULL, NULL);
  cr_assert_eq(tn_npy_save(tensor, path), TN_OK, "%s", tn_ok() ? "" : tn_error_peek()->message);
  tn_tensor *loaded = tn_npy_load(path);
  expect_floats(loaded, six, 6);
  cr_assert(tn_tensor_is_contiguous(loaded));
  tn_release(loaded);
  tn_release(tensor);
}

static int files_in_folder(void) {
  char command[PATH_BYTES + 32];
  snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
  FILE *pipe = popen(command, "r");
  int count = -1;
  cr_assert_eq(fscanf(pipe, "%d", &count), 1);
  pclose(pipe);
  return count;
}

// A save of |tensor| fails with |status| and leaves the file that was there as it was.
static void expect_untouched(const tn_tensor *tensor, tn_status status) {
  uint8_t before[FILE_BYTES], after[FILE_BYTES];
  const size_t size = read_file(before, sizeof before);
  cr_assert_eq(tn_npy_save(tensor, path), status);
  tn_error_clear();
  cr_assert_eq(read_file(after, sizeof after), size);
  cr_assert_arr_eq(after, before, size);
  cr_assert_eq(files_in_folder(), 1, "a temporary file was left");
}

TN_TEST(npy, a_save_that_fails_leaves_the_old_file) {
  tn_tensor *small = tn_from_data(six, TN_SHAPE(6), TN_F32);
  cr_assert_eq(tn_npy_save(small, path), TN_OK);
  static const uint16_t halves[2];
  tn_tensor *bf16 = tn_from_data(halves, TN_SHAPE(2), TN_BF16);
  expect_untouched(bf16, TN_INVALID_DTYPE);
  static const float many[1000];
  tn_tensor *large = tn_from_data(many, TN_SHAPE(1000), TN_F32);
  struct rlimit limit;
  getrlimit(RLIMIT_FSIZE, &limit);
  signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){1000, limit.rlim_max});
  expect_untouched(large, TN_IO_ERROR);
  setrlimit(RLIMIT_FSIZE, &limit);
  cr_assert_eq(tn_npy_save(large, path), TN_OK);
  cr_assert_eq(files_in_folder(), 1);
  tn_release(small);
  tn_release(bf16);
  tn_release(large);
}

TN_TEST(npy, a_map_survives_the_file_being_saved_anew) {
  tn_tensor *first = tn_from_data(six, TN_SHAPE(6), TN_F32);
  cr_assert_eq(tn_npy_save(first, path), TN_OK);
  tn_tensor *mapped = tn_npy_map(path, false);
  tn_tensor *second = tn_from_data(TN_F32S(9), TN_SHAPE(1), TN_F32);
  cr_assert_eq(tn_npy_save(second, path), TN_OK);
  expect_floats(mapped, six, 6);
  tn_release(first);
  tn_release(mapped);
  tn_release(second);
}

TN_TEST(npy, saves_through_a_symbolic_link) {
  char target[PATH_BYTES + 32];
  snprintf(target, sizeof target, "%s/target.npy", folder);
  tn_tensor *tensor = tn_from_data(six, TN_SHAPE(6), TN_F32);
  cr_assert_eq(tn_npy_save(tensor, target), TN_OK);
  cr_assert_eq(symlink(target, path), 0);
  tn_tensor *one = tn_from_data(TN_F32S(9), TN_SHAPE(1), TN_F32);
  cr_assert_eq(tn_npy_save(one, path), TN_OK);
  tn_tensor *loaded = tn_npy_load(target);
  expect_floats(loaded, TN_F32S(9), 1);
  tn_release(loaded);
  tn_release(one);
  tn_release(tensor);
}

TN_TEST(npy, refuses_to_save_over_pipes_and_folders) {
  tn_tensor *tensor = tn_from_data(six, TN_SHAPE(6), TN_F32);
  struct stat facts;
  cr_assert_eq(tn_npy_save(tensor, folder), TN_IO_ERROR);
  tn_error_clear();
  cr_assert_eq(mkfifo(path, 0600), 0);
  cr_assert_eq(tn_npy_save(tensor, path), TN_IO_ERROR);
  tn_error_clear();
  cr_assert_eq(stat(path, &facts), 0);
  cr_assert(S_ISFIFO(facts.st_mode), "the pipe was replaced");
  tn_release(tensor);
}

TN_TEST(npy, a_save_names_what_is_missing) {
  tn_tensor *tensor = tn_from_data(six, TN_SHAPE(6), TN_F32);
  char nowhere[PATH_BYTES + 32];
  snprintf(nowhere, sizeof nowhere, "%s/no/such/folder.npy", folder);
  cr_assert_eq(tn_npy_save(tensor, nowhere), TN_IO_ERROR);
  cr_assert_not_null(strstr(tn_error_peek()->message, nowhere));
  tn_error_clear();
  cr_assert_eq(tn_npy_save(tensor, NULL), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_npy_save(tensor, ""), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_npy_save(NULL, path), TN_INVALID_ARGUMENT);
  tn_error_clear();
  cr_assert_eq(tn_npy_save(TN_NONE, path), TN_INVALID_ARGUMENT);
  tn_error_clear();
  tn_release(tensor);
}

// ---- NumPy itself ------------------------------------------------------------------------------

static int run_python(const char *script) {
  char command[4096];
  snprintf(command, sizeof command, "cd '%s' && python3 -c \"%s\" 2>/dev/null", folder, script);
  const int status = system(command);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TN_TEST(npy, numpy_reads_what_is_saved_and_the_reverse, .timeout = 120) {
  if (run_python("import numpy") != 0) cr_skip_test("python3 has no numpy");
  cr_assert_eq(
      run_python("import numpy as n\n"
                 "a = n.arange(24).reshape(2, 3, 4)\n"
                 "for t in '?BbHhIiQqefdFD':\n"
                 "  n.save('c_%d.npy' % ord(t), a.astype(t))\n"
                 "  n.save('f_%d.npy' % ord(t), n.asfortranarray(a.astype(t)))\n"
                 "  n.save('b_%d.npy' % ord(t), a.astype(n.dtype(t).newbyteorder('>')))\n"),
      0);
  static const char kinds[] = "?BbHhIiQqefdFD", orders[] = "cfb";
  for (size_t kind = 0; kind < sizeof kinds - 1; kind++) {
    for (size_t order = 0; order < sizeof orders - 1; order++) {
      char in[PATH_BYTES + 32], out[PATH_BYTES + 32];
      snprintf(in, sizeof in, "%s/%c_%d.npy", folder, orders[order], kinds[kind]);
      snprintf(out, sizeof out, "%s/%c_%d_back.npy", folder, orders[order], kinds[kind]);
      tn_tensor *tensor = tn_npy_load(in);
      cr_assert_not_null(tensor, "%s", tn_ok() ? in : tn_error_peek()->message);
      cr_assert_eq(tn_npy_save(tensor, out), TN_OK);
      tn_release(tensor);
    }
  }
  cr_assert_eq(
      run_python("import numpy as n\n"
                 "a = n.arange(24).reshape(2, 3, 4)\n"
                 "for t in '?BbHhIiQqefdFD':\n"
                 "  for o in 'cfb':\n"
                 "    b = n.load('%s_%d_back.npy' % (o, ord(t)))\n"
                 "    assert b.dtype == n.dtype(t) and (b == a.astype(t)).all(), (t, o)\n"),
      0, "NumPy reads other numbers than were saved");
}
