// SPDX-License-Identifier: Apache-2.0
//
// kit: what the parts of the kit share. A run walks specs and dtypes; for each pair it builds the
// samples in an arena, runs the checks on every sample, and adds what it finds to one row. Checks
// never stop a run: they count and say what was wrong.

#ifndef TENON_CONFORMANCE_KIT_H_
#define TENON_CONFORMANCE_KIT_H_

#include <tenon/conformance.h>

// ---- memory that lives as long as one (operator, dtype) ----------------------------------------

typedef struct tn__arena {
  struct tn__arena_block *blocks;
  bool failed;
} tn__arena;
void *tn__arena_take(tn__arena *arena, size_t size_bytes);  // zeroed; NULL when memory is out
void tn__arena_free(tn__arena *arena);

struct tn_samples {
  const tn_op_spec *spec;
  tn_dtype dtype;
  bool full;
  uint64_t random;
  tn__arena arena;
  tn_sample **list;
  int32_t count, capacity;
};
void tn__samples_init(tn_samples *samples, const tn_op_spec *spec, tn_dtype dtype, bool full);
void tn__samples_free(tn_samples *samples);

struct tn_expected {
  tn__arena *arena;
  tn_operand results[TN_SPEC_MAX_RESULTS];
  double *scales[TN_SPEC_MAX_RESULTS];
  int32_t count;
};

// Asks the reference of |sample|'s spec, which has one, what the sample must give.
void tn__expect_of(const tn_sample *sample, tn_expected *expected);

// ---- layouts -----------------------------------------------------------------------------------

// How an operand lies in memory. MIXED gives each operand another one.
typedef enum tn__layout {
  TN__LAYOUT_CONTIGUOUS,  // memory of its own
  TN__LAYOUT_EMBEDDED,    // as dense, in the middle of memory full of canaries
  TN__LAYOUT_SPACED,      // step 2 along the last dimension, an offset
  TN__LAYOUT_TRANSPOSED,  // first dimension innermost
  TN__LAYOUT_REVERSED,    // negative strides
  TN__LAYOUT_EXPANDED,    // stride 0 along the first dimension; the values repeat
  TN__LAYOUT_MIXED,
  TN__LAYOUT_COUNT,
} tn__layout;
const char *tn__layout_name(tn__layout layout);

// An operand made into a tensor: the memory around it holds canaries.
typedef struct tn__placed {
  tn_tensor *base;  // 1-d, the whole storage
  tn_tensor *view;  // the operand
  uint8_t *bytes;   // what |base| holds at first
  int64_t base_numel;
  int64_t strides[TN_SPEC_MAX_DIMS], offset;
} tn__placed;

// owns: |placed| is released with tn__placed_release. errors: as recorded by the calls
tn_status tn__place(const tn_operand *operand, tn__layout layout, tn_device device,
                    tn__placed *placed);
void tn__placed_release(tn__placed *placed);
// Whether memory outside the operand (and, unless |written|, inside it) is as it was.
bool tn__placed_intact(const tn__placed *placed, const tn_operand *operand, bool written);

enum { TN__SEED = 20240229 };  // of every call

// ---- one call ----------------------------------------------------------------------------------

// A sample with tensors made of its operands.
typedef struct tn__prepared {
  const tn_sample *sample;
  tn__placed placed[TN_SPEC_MAX_OPERANDS];
  tn_value args[TN_SPEC_MAX_ARGS];
  tn_tensor *lists[TN_SPEC_MAX_OPERANDS];  // room of Tensor[] arguments
} tn__prepared;
tn_status tn__prepare(const tn_sample *sample, tn__layout layout, tn_device device,
                      tn__prepared *prepared);
void tn__prepared_release(tn__prepared *prepared);

// Results of a call, read back as doubles and as bytes.
typedef struct tn__outcome {
  tn_status status;
  tn_operand results[TN_SPEC_MAX_RESULTS];
  uint8_t *bytes[TN_SPEC_MAX_RESULTS];
  int32_t count;
  bool shares[TN_SPEC_MAX_RESULTS];  // whether a result lies in operand 0's storage
  char message[512];                 // of the recorded error
  char op[64], argument[64], backend[64];
  char provider[40], because[200];  // whose kernel ran, and why, where that is watched
  int64_t fallbacks;                // calls that ran on the cpu in place of the device
} tn__outcome;

// Calls |op| on what was prepared; seeds the generators first, so that a call can be repeated.
void tn__call_op(const tn_op *op, const tn__prepared *prepared, tn__arena *arena,
                 tn__outcome *outcome);

// The same, with the generators left as they are unless |seed|.
void tn__call_seeded(const tn_op *op, const tn__prepared *prepared, bool seed, tn__arena *arena,
                     tn__outcome *outcome);

// Calls the out form of |op|; the outcome has no results, which are read from |outs|.
void tn__call_out(const tn_op *op, const tn__prepared *prepared, tn_tensors outs,
                  tn__outcome *outcome);

// Appends |tensor| to what was read. errors: as tn_copy_to_host
tn_status tn__read_result(tn_tensor *tensor, tn__arena *arena, tn__outcome *outcome);

// ---- whose kernel ran --------------------------------------------------------------------------

// Has every call watched from now on. errors: OUT_OF_MEMORY
tn_status tn__witness_call(void);
// Of this thread's last call; "" for a view, for parts, and where nothing is watched.
void tn__witness_forget(void);
const char *tn__witness_served_by(void);
const char *tn__witness_because(void);
// Whether |provider| has a kernel for |op| with |key|.
bool tn__provider_claims(const char *provider, const char *op, tn_dtype key, tn_device device);

// ---- findings ----------------------------------------------------------------------------------

typedef struct tn__run {
  const tn_op_spec *spec;
  const tn_op *op;
  tn_op_traits traits;
  tn_dtype dtype;
  tn_device device;
  const char *provider;  // whose kernels are certified; NULL: whoever serves
  bool full, gradients;
  bool first_row;  // of its operator
  bool claimed;    // a kernel is registered for the row
  uint32_t done;   // TN__ONCE_* that this row has had
  tn_conformance_row *row;
} tn__run;

// Checks that the quick tier makes with one sample of a row; the full tier with each.
enum {
  TN__ONCE_STATE = 1u << 0,
  TN__ONCE_SPECIALS = 1u << 1,
  TN__ONCE_THREADS = 1u << 2,
  TN__ONCE_MEMORY = 1u << 3,
  TN__ONCE_ALIASES = 1u << 4,
};
// Whether |once| is still to be done, and then marks it as done.
bool tn__once(tn__run *run, uint32_t once);

// One check more; says what failed unless |holds|. Returns |holds|.
bool tn__check(tn__run *run, bool holds, const tn_sample *sample, const char *variant,
               const char *format, ...) TN_PRINTF(5, 6);

// Counts a form of a sample that nobody claims to serve; the first keeps |reason| as the row's
// note.
void tn__skip(tn__run *run, const tn_sample *sample, const char *variant, const char *reason);

// Whether a call failed because no kernel takes its dtype or its arguments, and said so. A kernel
// that was chosen and then says "unimplemented" is another matter.
bool tn__is_unserved(tn_status status, const char *backend);

// Judges a call that should have succeeded: true where it did; else it is a skip where nobody
// claims it, and a failed check where somebody does.
bool tn__check_called(tn__run *run, const tn_sample *sample, const char *variant,
                      const tn__outcome *outcome);
// The same of a call whose error is still recorded; takes the error.
bool tn__check_status(tn__run *run, const tn_sample *sample, const char *variant, tn_status status);

// Compares |outcome| with |expected|; |more_ulps| is allowed on top of the spec's tolerance.
// NULL when they agree, else what differs (in |text|).
const char *tn__compare(const tn_op_spec *spec, const tn__outcome *outcome,
                        const tn_expected *expected, double more_ulps, char *text,
                        size_t text_size);
bool tn__same_bits(const tn__outcome *a, const tn__outcome *b);

// ---- what a run is of --------------------------------------------------------------------------

// Whether |name| matches one of |globs|, comma separated; NULL and "" are all.
bool tn__matches(const char *globs, const char *name);
// errors: NOT_FOUND with the nearest name for a glob that matches nothing
tn_status tn__check_globs(const char *globs, const tn_op_spec *const *specs, int32_t count);

typedef struct tn__expectation {
  char glob[96], reason[256];
  uint64_t dtypes;
} tn__expectation;
typedef struct tn__expectations {
  tn__expectation *entries;
  int32_t count;
} tn__expectations;
// errors: INVALID_ARGUMENT naming the line; OUT_OF_MEMORY. Freed with tn__expectations_free in
// either case; |text| may be NULL.
tn_status tn__expectations_read(tn__expectations *list, const char *text);
// Turns the verdict of a finished row that is listed.
void tn__expectations_apply(const tn__expectations *list, tn__run *run);
void tn__expectations_free(tn__expectations *list);

// ---- checks, one file each ---------------------------------------------------------------------

// A copy of |sample| whose operands repeat along their first dimension; NULL when memory is out.
tn_sample *tn__repeat_values(const tn_sample *sample, tn__arena *arena);
bool tn__may_repeat(const tn__run *run, const tn_sample *sample);

// |expected| is what the spec's reference says of |sample|, nothing where the spec has none.
// Returns the contiguous call's outcome in |first|; false where there is none.
bool tn__check_values(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                      tn__arena *arena, tn__outcome *first);
void tn__check_inplace(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                       tn__arena *arena);
void tn__check_out(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                   tn__arena *arena);
void tn__check_aliases(tn__run *run, const tn_sample *sample, const tn_expected *expected,
                       tn__arena *arena);
void tn__check_specials(tn__run *run, const tn_sample *sample, tn__arena *arena);
void tn__check_state(tn__run *run, const tn_sample *sample, tn__arena *arena);
void tn__check_threads(tn__run *run, const tn_sample *sample, const tn__outcome *first);
void tn__check_memory(tn__run *run, const tn_sample *sample);
void tn__check_gradients(tn__run *run, const tn_sample *sample, const tn_expected *expected);
void tn__check_failing(tn__run *run, const tn_sample *sample, tn__arena *arena);
void tn__check_null_operands(tn__run *run, const tn_sample *sample, tn__arena *arena);
void tn__check_refusal(tn__run *run, tn_samples *samples);

#endif  // TENON_CONFORMANCE_KIT_H_
