// SPDX-License-Identifier: Apache-2.0
//
// gemm: runs matrix products on the process's threads. A product is cut into a grid of rectangles
// of C, and a batch of products into all their rectangles; each is computed on one thread, by our
// own kernels or by OpenBLAS. Our own give the same bits for every grid; those of OpenBLAS need
// not.
//
// Who computes was measured on a Zen 4, with AVX2 and AVX-512: ours are level with OpenBLAS or
// ahead of it at every size up to 768, and level to 3% behind above, so opening the library is left
// to products of that size. With other instruction sets it is worth it much earlier.

#include "gemm.h"

#include "cpu.h"
#include "gemm_run.h"
#include "openblas.h"
#include "unfold.h"
#include "workspace.h"

enum {
  SERIAL_WORK = 64 * 64 * 64,  // multiplications below which a second thread does not pay
  STACK_WORKSPACE_BYTES = 32768,
};

#define BLAS_WORK_WIDE (INT64_C(768) * 768 * 768)
#define BLAS_WORK_NARROW (INT64_C(64) * 64 * 64)

#define X(isa)                                                          \
  extern const cpu_gemm_kernels cpu_gemm_f32_##isa, cpu_gemm_f64_##isa; \
  extern const cpu_unfold_kernels cpu_unfold_f32_##isa, cpu_unfold_f64_##isa;
CPU_ISA_TABLE(X)
#undef X

static const cpu_gemm_kernels *const kernels[CPU_ISA_COUNT][2] = {
#define X(isa) {&cpu_gemm_f32_##isa, &cpu_gemm_f64_##isa},
    CPU_ISA_TABLE(X)
#undef X
};

static const cpu_unfold_kernels *const unfold_kernels[CPU_ISA_COUNT][2] = {
#define X(isa) {&cpu_unfold_f32_##isa, &cpu_unfold_f64_##isa},
    CPU_ISA_TABLE(X)
#undef X
};

typedef enum blas_choice { BLAS_MEASURED, BLAS_OWN, BLAS_OPENBLAS } blas_choice;

static cpu_isa chosen_isa;
static blas_choice choice;

void cpu_gemm_start(cpu_isa isa) {
  chosen_isa = isa;
  const char *text = cpu_host->option("TENON_CPU_BLAS");
  if (text == NULL) return;
  if (strcmp(text, "own") == 0) {
    choice = BLAS_OWN;
  } else if (strcmp(text, "openblas") == 0) {
    choice = BLAS_OPENBLAS;
  } else {
    cpu_host->log(1, "cpu", "TENON_CPU_BLAS=%s is neither own nor openblas; choosing by size",
                  text);
  }
}

const cpu_gemm_kernels *cpu_gemm_kernels_for(tn_dtype dtype) {
  return kernels[chosen_isa][dtype == TN_F64];
}

const cpu_unfold_kernels *cpu_unfold_kernels_for(tn_dtype dtype) {
  return unfold_kernels[chosen_isa][dtype == TN_F64];
}

// ---- who computes ------------------------------------------------------------------------------

static bool blas_takes(const cpu_gemm *gemm) {
  return gemm->m > 0 && gemm->n > 0 && gemm->k > 0 &&
         cpu_blas_takes(gemm->m, gemm->k, gemm->a_row, gemm->a_col) &&
         cpu_blas_takes(gemm->k, gemm->n, gemm->b_row, gemm->b_col) && gemm->c_row >= gemm->n &&
         gemm->c_row <= INT32_MAX;
}

const char *cpu_openblas_declines(const cpu_gemm *gemm) {
  if (choice == BLAS_OWN) return "TENON_CPU_BLAS asks for our own kernels";
  const int64_t threshold = chosen_isa == CPU_ISA_baseline ? BLAS_WORK_NARROW : BLAS_WORK_WIDE;
  const double work = (double)gemm->m * (double)gemm->n * (double)gemm->k;
  if (choice == BLAS_MEASURED && work < (double)threshold) {
    return "our own kernels are as fast at this size";
  }
  if (!blas_takes(gemm)) return "strides that BLAS does not take";
  return cpu_openblas_available() ? NULL : "no OpenBLAS found";
}

// ---- the grid ----------------------------------------------------------------------------------

typedef struct job {
  const cpu_gemm_kernels *kernels;
  const cpu_gemm *gemm;
  const cpu_gemm_batch *batch;
  bool f64, openblas;
  int64_t block_rows, block_cols;  // of a rectangle
  int64_t grid_rows, grid_cols;
  cpu_workspaces *workspaces;
} job;

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// About |pieces| rectangles, close to squares, of whole register tiles.
static void lay_grid(job *work, int64_t pieces) {
  const int64_t m = work->gemm->m, n = work->gemm->n;
  const int64_t tile_rows = work->kernels->tile_rows, tile_cols = work->kernels->tile_cols;
  int64_t grid_rows = 1, grid_cols = 1;
  while (grid_rows * grid_cols < pieces) {
    const int64_t rows = ceil_div(m, grid_rows), cols = ceil_div(n, grid_cols);
    if (rows >= cols && rows > tile_rows) {
      grid_rows++;
    } else if (cols > tile_cols) {
      grid_cols++;
    } else if (rows > tile_rows) {
      grid_rows++;
    } else {
      break;
    }
  }
  work->block_rows = ceil_div(ceil_div(m, grid_rows), tile_rows) * tile_rows;
  work->block_cols = ceil_div(ceil_div(n, grid_cols), tile_cols) * tile_cols;
  work->grid_rows = ceil_div(m, work->block_rows);
  work->grid_cols = ceil_div(n, work->block_cols);
}

// ---- running -----------------------------------------------------------------------------------

static int64_t element_bytes(const job *work) { return work->f64 ? 8 : 4; }

// |data| may be NULL with 0 elements: an operand that is packed.
static const void *after(const job *work, const void *data, int64_t elements) {
  return elements == 0 ? data : (const char *)data + elements * element_bytes(work);
}

// Product |index| of the batch.
static cpu_gemm product_at(const job *work, int64_t index) {
  cpu_gemm gemm = *work->gemm;
  gemm.a = after(work, gemm.a, index * work->batch->a_step);
  gemm.b = after(work, gemm.b, index * work->batch->b_step);
  gemm.c = (char *)gemm.c + index * work->batch->c_step * element_bytes(work);
  return gemm;
}

static void run_openblas(const job *work, const cpu_gemm *gemm, cpu_gemm_range range) {
  const int64_t c_offset = range.row_begin * gemm->c_row + range.col_begin;
  const cpu_blas_block block = {
      .m = range.row_end - range.row_begin,
      .n = range.col_end - range.col_begin,
      .k = gemm->k,
      .a = after(work, gemm->a, range.row_begin * gemm->a_row),
      .a_row = gemm->a_row,
      .a_col = gemm->a_col,
      .b = after(work, gemm->b, range.col_begin * gemm->b_col),
      .b_row = gemm->b_row,
      .b_col = gemm->b_col,
      .c = (char *)gemm->c + c_offset * element_bytes(work),
      .c_row = gemm->c_row,
      .alpha = gemm->alpha,
      .beta = gemm->beta,
  };
  cpu_openblas_multiply(work->f64, &block);
}

// Rectangles [begin, end) of the batch.
static void run_rectangles(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  const bool openblas = work->openblas && cpu_openblas_stays_on_thread();
  void *workspace = openblas ? NULL : cpu_workspace_claim(work->workspaces);
  const int64_t per_product = work->grid_rows * work->grid_cols;
  for (int64_t task = begin; task < end; task++) {
    const cpu_gemm gemm = product_at(work, task / per_product);
    const int64_t row = task % per_product / work->grid_cols, col = task % work->grid_cols;
    cpu_gemm_range range = {row * work->block_rows, (row + 1) * work->block_rows,
                            col * work->block_cols, (col + 1) * work->block_cols};
    if (range.row_end > gemm.m) range.row_end = gemm.m;
    if (range.col_end > gemm.n) range.col_end = gemm.n;
    if (openblas) {
      run_openblas(work, &gemm, range);
    } else {
      work->kernels->multiply(&gemm, range, workspace);
    }
  }
  if (!openblas) cpu_workspace_release(work->workspaces, workspace);
}

// Small products: on the caller, in memory on its stack.
static void run_here(const job *work) {
  _Alignas(64) char workspace[STACK_WORKSPACE_BYTES];
  const cpu_gemm_range all = {0, work->gemm->m, 0, work->gemm->n};
  for (int64_t i = 0; i < work->batch->count; i++) {
    const cpu_gemm gemm = product_at(work, i);
    work->kernels->multiply(&gemm, all, workspace);
  }
}

// ---- matrix times vector -----------------------------------------------------------------------

static void run_vector_rows(void *closure, int64_t begin, int64_t end) {
  const job *work = closure;
  work->kernels->multiply_vector(work->gemm, begin, end);
}

// y = A x where C has one column; the transposed product where it has one row.
static bool run_as_vector(const job *work) {
  cpu_gemm gemm = *work->gemm;
  if (work->batch->count != 1 || gemm.alpha == 0 || gemm.a == NULL || gemm.b == NULL) return false;
  if (gemm.m == 1 && gemm.n > 1) {
    gemm.m = gemm.n;
    gemm.n = 1;
    gemm.a = work->gemm->b;
    gemm.a_row = work->gemm->b_col;
    gemm.a_col = work->gemm->b_row;
    gemm.b = work->gemm->a;
    gemm.b_row = work->gemm->a_col;
    gemm.c_row = 1;
  }
  const bool by_rows = gemm.a_col == 1 && gemm.b_row == 1;
  if (gemm.n != 1 || !(by_rows || gemm.a_row == 1)) return false;
  job rows = {.kernels = work->kernels, .gemm = &gemm};
  cpu_parallel_for(gemm.m, cpu_grain(gemm.k), run_vector_rows, &rows);
  return true;
}

// About how many rectangles a product is worth.
static int64_t pieces_wanted(const job *work, double product_work) {
  const int64_t threads = cpu_host->thread_count(), count = work->batch->count;
  if (threads == 1) return 1;
  if (work->openblas) return ceil_div(threads, count);
  const int64_t wanted = count >= 4 * threads ? 1 : ceil_div(2 * threads, count);
  const double most = product_work / SERIAL_WORK;
  return most < (double)wanted ? (int64_t)most : wanted;
}

tn_status cpu_gemm_run(tn_kernel_ctx *ctx, tn_dtype dtype, const cpu_gemm *gemm,
                       cpu_gemm_batch batch, bool openblas) {
  if (gemm->m == 0 || gemm->n == 0 || batch.count == 0) return TN_OK;
  job work = {.kernels = cpu_gemm_kernels_for(dtype),
              .gemm = gemm,
              .batch = &batch,
              .f64 = dtype == TN_F64,
              .openblas = openblas};
  if (!openblas && run_as_vector(&work)) return TN_OK;
  const uint64_t bytes = work.kernels->workspace_bytes(gemm->m, gemm->n, gemm->k);
  const double product_work = (double)gemm->m * (double)gemm->n * (double)(gemm->k + 1);
  const double all_work = product_work * (double)batch.count;
  if (!openblas && all_work < 2.0 * SERIAL_WORK && bytes <= STACK_WORKSPACE_BYTES) {
    run_here(&work);
    return TN_OK;
  }
  lay_grid(&work, all_work < 2.0 * SERIAL_WORK ? 1 : pieces_wanted(&work, product_work));
  const int64_t tasks = batch.count * work.grid_rows * work.grid_cols;
  cpu_workspaces workspaces;
  const tn_status status = cpu_workspaces_open(&workspaces, ctx, bytes, tasks);
  if (status != TN_OK) return status;
  work.workspaces = &workspaces;
  const double task_work = all_work / (double)tasks;
  const int64_t grain = task_work >= SERIAL_WORK ? 1 : (int64_t)(SERIAL_WORK / task_work);
  cpu_parallel_for(tasks, grain, run_rectangles, &work);
  return TN_OK;
}
