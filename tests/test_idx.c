// SPDX-License-Identifier: Apache-2.0
//
// The IDX reader: each element type, plain and compressed, and every way in which a file can be
// wrong. Files are written byte by byte; gzip members with stored (uncompressed) deflate blocks, so
// that this test needs no zlib of its own.

#define _XOPEN_SOURCE 700

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn_test.h"

// ---- files -------------------------------------------------------------------------------------

typedef struct bytes {
  unsigned char data[4096];
  size_t size;
} bytes;

static void add(bytes *b, const void *data, size_t size) {
  cr_assert(b->size + size <= sizeof b->data);
  memcpy(b->data + b->size, data, size);
  b->size += size;
}

static void add_byte(bytes *b, unsigned value) {
  add(b, &(unsigned char){(unsigned char)value}, 1);
}

static void add_big_endian(bytes *b, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) add_byte(b, value >> shift & 0xff);
}

static void add_little_endian(bytes *b, uint32_t value, int size) {
  for (int i = 0; i < size; i++) add_byte(b, value >> 8 * i & 0xff);
}

static bytes idx_header(unsigned type, int rank, const uint32_t *sizes) {
  bytes b = {{0}, 0};
  add(&b, (unsigned char[]){0, 0, (unsigned char)type, (unsigned char)rank}, 4);
  for (int i = 0; i < rank; i++) add_big_endian(&b, sizes[i]);
  return b;
}

// [2, 3] bytes 1 to 6, a file that is right.
static bytes good_idx(void) {
  bytes b = idx_header(0x08, 2, (uint32_t[]){2, 3});
  for (unsigned i = 1; i <= 6; i++) add_byte(&b, i);
  return b;
}

// CRC-32 as gzip has it (RFC 1952).
static uint32_t crc32_of(const bytes *b) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < b->size; i++) {
    crc ^= b->data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

static void add_gzip(bytes *out, const bytes *content) {
  add(out, (unsigned char[]){0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}, 10);
  add_byte(out, 1);  // the last block, stored
  add_little_endian(out, (uint32_t)content->size, 2);
  add_little_endian(out, ~(uint32_t)content->size, 2);
  add(out, content->data, content->size);
  add_little_endian(out, crc32_of(content), 4);
  add_little_endian(out, (uint32_t)content->size, 4);
}

static bytes gzip(const bytes *content) {
  bytes b = {{0}, 0};
  add_gzip(&b, content);
  return b;
}

static char folder[] = "/tmp/tenon-test-idx-XXXXXX";
static char path[64];

static int remove_one(const char *name, const struct stat *about, int type, struct FTW *where) {
  (void)about;
  (void)type;
  (void)where;
  return remove(name);
}

static void make_folder(void) {
  cr_assert_not_null(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void) { nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

static tn_tensor *load(const bytes *b) {
  FILE *file = fopen(path, "wb");
  cr_assert_not_null(file);
  cr_assert_eq(fwrite(b->data, 1, b->size, file), b->size);
  cr_assert_eq(fclose(file), 0);
  return tn_idx_load(path);
}

// Loading |b| fails with |status| and a message that has |words| and names the file.
static void expect_refusal(const bytes *b, tn_status status, const char *words) {
  cr_assert_null(load(b));
  cr_assert_not_null(tn_error_peek());
  cr_assert_not_null(strstr(tn_error_peek()->message, path), "the file is not named: %s",
                     tn_error_peek()->message);
  expect_error(status, words);
}

// Without zlib a compressed file is refused with a hint; the rest of such a test has no meaning.
static bool gzip_is_unavailable(void) {
  bytes good = good_idx();
  bytes packed = gzip(&good);
  tn_tensor *tensor = load(&packed);
  tn_release(tensor);
  if (tensor != NULL) return false;
  expect_error(TN_UNAVAILABLE, "built without zlib");
  return true;
}

#define IDX_TEST(name) TN_TEST(idx, name, .init = make_folder, .fini = remove_folder)

// ---- files that are right ----------------------------------------------------------------------

IDX_TEST(reads_bytes) {
  bytes b = good_idx();
  tn_tensor *tensor = load(&b);
  cr_assert_eq(tn_tensor_dtype(tensor), TN_U8);
  expect_shape(tensor, TN_SHAPE(2, 3));
  expect_values(tensor, (double[]){1, 2, 3, 4, 5, 6}, 6, 0);
  tn_release(tensor);
}

IDX_TEST(reads_every_element_type_big_endian) {
  typedef struct row {
    unsigned type;
    tn_dtype dtype;
    unsigned char element[8];
    double value;
  } row;
  const row rows[] = {
      {0x08, TN_U8, {200}, 200},
      {0x09, TN_I8, {0xfe}, -2},
      {0x0b, TN_I16, {0x01, 0x02}, 258},
      {0x0c, TN_I32, {0xff, 0xff, 0xff, 0x00}, -256},
      {0x0d, TN_F32, {0xbf, 0xc0, 0, 0}, -1.5},
      {0x0e, TN_F64, {0x40, 0x09, 0x21, 0xfb, 0x54, 0x44, 0x2d, 0x18}, 3.141592653589793},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bytes b = idx_header(rows[i].type, 1, (uint32_t[]){2});
    for (int k = 0; k < 2; k++) add(&b, rows[i].element, (size_t)tn_dtype_size(rows[i].dtype));
    tn_tensor *tensor = load(&b);
    cr_assert_eq(tn_tensor_dtype(tensor), rows[i].dtype);
    expect_values(tensor, (double[]){rows[i].value, rows[i].value}, 2, 0);
    tn_release(tensor);
  }
}

IDX_TEST(reads_empty_and_zero_dimensional_files) {
  bytes empty = idx_header(0x0d, 3, (uint32_t[]){2, 0, 0xffffffff});
  tn_tensor *tensor = load(&empty);
  expect_shape(tensor, TN_SHAPE(2, 0, 0xffffffff));
  tn_release(tensor);
  bytes scalar = idx_header(0x08, 0, NULL);
  add_byte(&scalar, 7);
  tensor = load(&scalar);
  expect_shape(tensor, TN_SHAPE_SCALAR);
  expect_values(tensor, (double[]){7}, 1, 0);
  tn_release(tensor);
}

IDX_TEST(reads_gzip_of_one_member_and_of_two) {
  if (gzip_is_unavailable()) return;
  bytes good = good_idx();
  bytes first = {{0}, 0}, second = {{0}, 0}, packed = {{0}, 0};
  add(&first, good.data, 9);
  add(&second, good.data + 9, good.size - 9);
  add_gzip(&packed, &first);
  add_gzip(&packed, &second);
  bytes one = gzip(&good);
  const bytes *const files[] = {&one, &packed};
  for (int i = 0; i < 2; i++) {
    tn_tensor *tensor = load(files[i]);
    expect_shape(tensor, TN_SHAPE(2, 3));
    expect_values(tensor, (double[]){1, 2, 3, 4, 5, 6}, 6, 0);
    tn_release(tensor);
  }
}

IDX_TEST(the_result_belongs_to_an_open_scope) {
  bytes b = good_idx();
  tn_scope *scope = tn_scope_open();
  cr_assert_not_null(load(&b));
  tn_scope_close(scope);
}

TN_TEST(idx, reads_fashion_mnist_where_it_is_installed) {
  const char *images = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
  if (access(images, R_OK) != 0) return;
  tn_tensor *tensor = tn_idx_load(images);
  if (tensor == NULL) {
    expect_error(TN_UNAVAILABLE, "built without zlib");
    return;
  }
  cr_assert_eq(tn_tensor_dtype(tensor), TN_U8);
  expect_shape(tensor, TN_SHAPE(10000, 28, 28));
  tn_release(tensor);
}

// ---- files that are wrong ----------------------------------------------------------------------

IDX_TEST(refuses_what_is_no_readable_file) {
  cr_assert_null(tn_idx_load(NULL));
  expect_error(TN_INVALID_ARGUMENT, "NULL");
  cr_assert_null(tn_idx_load(path));
  expect_error(TN_NOT_FOUND, path);
  cr_assert_null(tn_idx_load(folder));
  expect_error(TN_IO_ERROR, "is a directory");
  cr_assert_eq(mkfifo(path, 0600), 0);
  // Open for writing too, so that opening for reading does not wait.
  FILE *both = fopen(path, "r+b");
  cr_assert_null(tn_idx_load(path));
  expect_error(TN_IO_ERROR, "not a regular file");
  if (both != NULL) (void)fclose(both);
}

IDX_TEST(refuses_an_empty_file_and_one_cut_in_its_header) {
  bytes b = good_idx();
  b.size = 0;
  expect_refusal(&b, TN_DATA_ERROR, "ends within its magic number: 0 of 4");
  b.size = 3;
  expect_refusal(&b, TN_DATA_ERROR, "ends within its magic number: 3 of 4");
  b.size = 10;
  expect_refusal(&b, TN_DATA_ERROR, "ends within its sizes");
}

IDX_TEST(refuses_another_magic_number) {
  bytes b = good_idx();
  b.data[0] = 'P';
  b.data[1] = 'K';
  expect_refusal(&b, TN_DATA_ERROR, "not an IDX file: it starts with 50 4b");
}

IDX_TEST(refuses_an_unknown_type) {
  bytes b = good_idx();
  b.data[2] = 0x0a;
  expect_refusal(&b, TN_DATA_ERROR, "unknown type 0x0a");
}

IDX_TEST(refuses_too_many_dimensions) {
  uint32_t sizes[33];
  for (int i = 0; i < 33; i++) sizes[i] = 1;
  bytes b = idx_header(0x08, 33, sizes);
  add_byte(&b, 1);
  expect_refusal(&b, TN_DATA_ERROR, "33 dimensions");
}

IDX_TEST(refuses_data_that_are_cut_short) {
  bytes b = good_idx();
  b.size--;
  expect_refusal(&b, TN_DATA_ERROR,
                 "announces 6 bytes of data, and the file cannot hold more than 5");
}

IDX_TEST(refuses_data_that_go_on_too_long) {
  bytes b = good_idx();
  add_byte(&b, 0);
  expect_refusal(&b, TN_DATA_ERROR, "goes on after the data");
}

IDX_TEST(refuses_sizes_that_overflow) {
  const uint32_t most = 0xffffffff;
  bytes b = idx_header(0x0e, 3, (uint32_t[]){most, most, most});
  expect_refusal(&b, TN_DATA_ERROR, "beyond 64 bits");
}

IDX_TEST(refuses_sizes_that_lie_without_allocating_them) {
  bytes b = idx_header(0x0e, 2, (uint32_t[]){0x7fffffff, 0x10000000});
  expect_refusal(&b, TN_DATA_ERROR, "cannot hold more than 0");
  if (gzip_is_unavailable()) return;
  bytes packed = gzip(&b);
  expect_refusal(&packed, TN_DATA_ERROR, "cannot hold more than");
}

IDX_TEST(refuses_gzip_that_is_cut_short) {
  if (gzip_is_unavailable()) return;
  bytes good = good_idx();
  bytes packed = gzip(&good);
  const size_t whole = packed.size;
  for (size_t size = 2; size < whole; size++) {
    packed.size = size;
    expect_refusal(&packed, TN_DATA_ERROR, "");
  }
}

IDX_TEST(refuses_gzip_of_too_little_data_and_of_too_much) {
  if (gzip_is_unavailable()) return;
  bytes less = good_idx();
  less.size--;
  bytes packed = gzip(&less);
  expect_refusal(&packed, TN_DATA_ERROR, "ends within its data: 5 of 6");
  bytes more = good_idx();
  add_byte(&more, 0);
  packed = gzip(&more);
  expect_refusal(&packed, TN_DATA_ERROR, "goes on after the data");
  // The surplus may also be a member of its own.
  bytes good = good_idx();
  bytes rest = {{9}, 1};
  packed = gzip(&good);
  add_gzip(&packed, &rest);
  expect_refusal(&packed, TN_DATA_ERROR, "goes on after the data");
}

IDX_TEST(refuses_gzip_whose_checksum_is_wrong) {
  if (gzip_is_unavailable()) return;
  bytes good = good_idx();
  bytes packed = gzip(&good);
  packed.data[packed.size - 8] ^= 1;
  expect_refusal(&packed, TN_DATA_ERROR, "incorrect data check");
}

IDX_TEST(refuses_bytes_after_gzip_that_are_no_member) {
  if (gzip_is_unavailable()) return;
  bytes good = good_idx();
  bytes packed = gzip(&good);
  add(&packed, "rest", 4);
  expect_refusal(&packed, TN_DATA_ERROR, "damaged");
}

IDX_TEST(survives_every_single_byte_changed) {
  bytes good = good_idx();
  bytes packed = gzip(&good);
  const bytes *const files[] = {&good, &packed};
  for (int f = 0; f < 2; f++) {
    for (size_t i = 0; i < files[f]->size; i++) {
      bytes changed = *files[f];
      changed.data[i] ^= 0xff;
      tn_release(load(&changed));
      tn_error_clear();
    }
  }
}
