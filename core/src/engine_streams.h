// SPDX-License-Identifier: Apache-2.0
//
// engine_streams: the streams of one backward walk. Each node runs on the stream that its forward
// ran on; what a node hands on is used on the stream of the one that gets it, which waits for the
// giver's first. Leaves get theirs on the streams that were the caller's ("home") when the walk
// began. Invariant: a gradient that waits in a slot may be used on its owner's stream as it is.

#ifndef TENON_CORE_ENGINE_STREAMS_H_
#define TENON_CORE_ENGINE_STREAMS_H_

#include "autograd.h"
#include "stream_impl.h"

typedef struct tn__walk_streams {
  bool active;               // some device has more streams than its default one
  tn__thread_streams *home;  // the caller's current ones, put back when the walk ends
  tn_stream **used;          // retained: what nodes ran on
  int32_t used_count, used_capacity;
} tn__walk_streams;

// errors: OUT_OF_MEMORY for all of these; the backend's for all but the first
tn_status tn__walk_streams_begin(tn__walk_streams *walk);

// Makes the stream of |node| current; NULL: the caller's streams.
tn_status tn__walk_enter(tn__walk_streams *walk, const tn__node *node);

// Lets the stream on which |grad| will be used wait for the one on which it was made, the current
// one, and makes the former current. |giver| receives the latter, NULL where both are one.
tn_status tn__walk_hand_over(tn__walk_streams *walk, const tn__edge *edge, tn_tensor *grad,
                             tn_stream **giver);

// Puts the caller's streams back and makes them wait for all that the walk used.
tn_status tn__walk_streams_end(tn__walk_streams *walk);

#endif  // TENON_CORE_ENGINE_STREAMS_H_
