// SPDX-License-Identifier: Apache-2.0
//
// layers: the modules that networks are made of. Parameters start as PyTorch's do, drawn from the
// device's generator. Options are given by name: tn_nn_conv2d(1, 16, TN_INTS(3), .padding =
// TN_INTS(1)). One number for a pair means both. Every constructor:
// owns: +1 result | errors: INVALID_ARGUMENT, INVALID_DTYPE, OUT_OF_MEMORY | threads: any

#ifndef TENON_NN_LAYERS_H_
#define TENON_NN_LAYERS_H_

// Options may be left out altogether, which -Wpedantic would speak of at every call.
#if defined(__GNUC__)
#pragma GCC system_header
#endif

#include <tenon/nn/module.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- with parameters. dtype and device are the parameters' (default: the default ones).

// y = x weight^T + bias; x [..., in] -> [..., out]. "weight" [out, in], "bias" [out].
typedef struct tn_nn_linear_options {
  uint32_t struct_size;
  tn_choice bias;  // default TN_YES
  tn_dtype dtype;
  tn_device device;
} tn_nn_linear_options;
TN_API tn_module *tn_nn_linear_with(int64_t in, int64_t out, const tn_nn_linear_options *options);
#define tn_nn_linear(in, out, ...) \
  tn_nn_linear_with(               \
      in, out, &(tn_nn_linear_options){.struct_size = sizeof(tn_nn_linear_options), __VA_ARGS__})

// Cross-correlation over images [N, in, H, W] or [in, H, W]. |kernel|: one number or two.
// "weight" [out, in / groups, kh, kw], "bias" [out].
typedef struct tn_nn_conv2d_options {
  uint32_t struct_size;
  tn_choice bias;    // default TN_YES
  tn_ints stride;    // default 1
  tn_ints padding;   // default 0
  tn_ints dilation;  // default 1
  int64_t groups;    // default 1
  tn_dtype dtype;
  tn_device device;
} tn_nn_conv2d_options;
TN_API tn_module *tn_nn_conv2d_with(int64_t in, int64_t out, tn_ints kernel,
                                    const tn_nn_conv2d_options *options);
#define tn_nn_conv2d(in, out, kernel, ...) \
  tn_nn_conv2d_with(                       \
      in, out, kernel,                     \
      &(tn_nn_conv2d_options){.struct_size = sizeof(tn_nn_conv2d_options), __VA_ARGS__})

// Normalises each channel of [N, channels, H, W] to mean 0 and variance 1, then scales and shifts.
// In training by the batch's statistics, which also update the running ones that evaluation uses.
// "weight", "bias", and the buffers "running_mean", "running_var", each [channels].
// source: Ioffe and Szegedy 2015; running_var takes the unbiased variance, as in PyTorch
typedef struct tn_nn_batch_norm2d_options {
  uint32_t struct_size;
  double eps;             // default 1e-5
  tn_opt_float momentum;  // of the running statistics; default 0.1
  tn_dtype dtype;
  tn_device device;
} tn_nn_batch_norm2d_options;
TN_API tn_module *tn_nn_batch_norm2d_with(int64_t channels,
                                          const tn_nn_batch_norm2d_options *options);
#define tn_nn_batch_norm2d(channels, ...)                                                        \
  tn_nn_batch_norm2d_with(                                                                       \
      channels, &(tn_nn_batch_norm2d_options){.struct_size = sizeof(tn_nn_batch_norm2d_options), \
                                              __VA_ARGS__})

// Rows of a table: indices [...] -> [..., width]. "weight" [count, width], drawn from N(0, 1).
typedef struct tn_nn_embedding_options {
  uint32_t struct_size;
  tn_opt_int padding_index;  // a row that starts as zeros and is not trained; default: none
  tn_dtype dtype;
  tn_device device;
} tn_nn_embedding_options;
TN_API tn_module *tn_nn_embedding_with(int64_t count, int64_t width,
                                       const tn_nn_embedding_options *options);
#define tn_nn_embedding(count, width, ...) \
  tn_nn_embedding_with(                    \
      count, width,                        \
      &(tn_nn_embedding_options){.struct_size = sizeof(tn_nn_embedding_options), __VA_ARGS__})

// ---- without parameters

typedef struct tn_nn_pool2d_options {
  uint32_t struct_size;
  tn_ints stride;   // default: the kernel
  tn_ints padding;  // default 0
  bool ceil_mode;   // a last window that hangs over the edge counts
} tn_nn_pool2d_options;
TN_API tn_module *tn_nn_max_pool2d_with(tn_ints kernel, const tn_nn_pool2d_options *options);
TN_API tn_module *tn_nn_avg_pool2d_with(tn_ints kernel, const tn_nn_pool2d_options *options);
#define tn_nn_max_pool2d(kernel, ...) \
  tn_nn_max_pool2d_with(              \
      kernel, &(tn_nn_pool2d_options){.struct_size = sizeof(tn_nn_pool2d_options), __VA_ARGS__})
#define tn_nn_avg_pool2d(kernel, ...) \
  tn_nn_avg_pool2d_with(              \
      kernel, &(tn_nn_pool2d_options){.struct_size = sizeof(tn_nn_pool2d_options), __VA_ARGS__})

// [N, ...] -> [N, product of the rest].
TN_API tn_module *tn_nn_flatten(void);

// In training zeroes each element with probability |p| and scales the rest by 1 / (1 - p).
TN_API tn_module *tn_nn_dropout(double p);

TN_API tn_module *tn_nn_relu(void);
TN_API tn_module *tn_nn_gelu(void);
TN_API tn_module *tn_nn_silu(void);
TN_API tn_module *tn_nn_tanh(void);
TN_API tn_module *tn_nn_sigmoid(void);

// Any function from a tensor to a tensor as a layer: tn_nn_function("softplus", my_softplus).
// |name| must outlive the module.
TN_API tn_module *tn_nn_function(const char *name, tn_tensor *(*function)(tn_tensor *));

// ---- one after the other

// A borrowed list of modules written in place.
typedef struct tn_modules {
  tn_module *const *data;
  int64_t count;
} tn_modules;
#define TN_MODULES(...)                            \
  ((tn_modules){(tn_module *const[]){__VA_ARGS__}, \
                (int64_t)(sizeof((tn_module *const[]){__VA_ARGS__}) / sizeof(tn_module *))})

// Feeds each layer's result to the next: tn_nn_sequential(TN_MODULES(tn_nn_linear(784, 10),
// tn_nn_relu())). The layers are called "0", "1", ...; as with tn_module_add, their references are
// taken over whatever happens, and NULL among them makes the call fail with the first error.
TN_API tn_module *tn_nn_sequential(tn_modules layers);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_LAYERS_H_
