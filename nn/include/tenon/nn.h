// SPDX-License-Identifier: Apache-2.0
//
// nn: layers, losses, optimisers, schedules and data, built on tensors and nothing else. Errors and
// ownership are the core's: NULL or a status says that a call failed, the thread's error says why,
// tensors that a call returns belong to the open scope or to the caller. Modules, optimisers and
// loaders are not tensors: no scope owns them, whoever creates one releases it.

#ifndef TENON_NN_H_
#define TENON_NN_H_

#include <tenon/nn/data.h>
#include <tenon/nn/init.h>
#include <tenon/nn/layers.h>
#include <tenon/nn/loss.h>
#include <tenon/nn/module.h>
#include <tenon/nn/optim.h>
#include <tenon/nn/schedule.h>
#include <tenon/nn/state.h>

#endif  // TENON_NN_H_
