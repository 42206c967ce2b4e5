// SPDX-License-Identifier: Apache-2.0
//
// state: a module's parameters and buffers as a folder of .npy files, each named by its path
// ("conv1.weight.npy"), so that NumPy reads what was trained here and the other way round.

#ifndef TENON_NN_STATE_H_
#define TENON_NN_STATE_H_

#include <tenon/nn/module.h>

#ifdef __cplusplus
extern "C" {
#endif

// Writes every parameter and buffer into |folder|, which is made if need be. Files are written
// beside their final names and moved there once all are complete, so that a save that fails half
// way leaves the earlier state. bf16, which .npy does not know, is written as f32.
// errors: INVALID_ARGUMENT when |folder| holds .npy files that are not this module's, which a load
// would refuse; IO_ERROR, OUT_OF_MEMORY
TN_API tn_status tn_module_save(tn_module *module, const char *folder);

// Reads what tn_module_save wrote into the module's tensors, on their devices and in their dtypes.
// Names and shapes must be exactly the module's. All files are read before anything is changed.
// errors: NOT_FOUND naming the file; INVALID_ARGUMENT for another shape or a file too many;
// INVALID_DTYPE for complex data; and tn_npy_load's
TN_API tn_status tn_module_load(tn_module *module, const char *folder);

#ifdef __cplusplus
}
#endif

#endif  // TENON_NN_STATE_H_
