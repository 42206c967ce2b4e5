#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the files of a new operator: ./dev new-op NAME [--compose].

  NAME        its schema name, ATen's where ATen has it: softplus, fmod.Tensor
  --compose   it is written with other operators: no kernel file

Each place to fill in holds an #error that says what belongs there, so that an operator that is not
finished does not build. No file that exists is touched.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

CORE = """// SPDX-License-Identifier: Apache-2.0
//
// {file}: what it computes, the idea, and how its gradient follows.

#include <tenon/ops.h>

#include "op_def.h"

// Shapes, dtypes and canonical attributes, without reading data. For a result like input 0 name
// tn__infer_same in the definition instead; POINTWISE operators need no infer.
static tn_status {file}_infer(tn_infer *infer) {{
#error "{file}: describe each result, or use tn__infer_same"
}}
{compose}
// Written with operators, so that gradients have gradients. Needs what .saves lists.
static tn_status {file}_vjp(tn_vjp *vjp, tn_tensor *const *grad_out, tn_tensor **grad_in) {{
#error "{file}: set grad_in[i] where tn_vjp_needs(vjp, i)"
}}

/// What it computes, as a formula. self: shapes and dtypes. Returns shape and dtype.
/// errors: INVALID_ARGUMENT for what. source: ATen `{name}`.
const tn_op_def tn_op_{ident} = {{
#error "{file}: write the comment above and these fields, then ./dev regen"
    .schema = "{name}(Tensor self) -> Tensor",
    .promote = TN_PROMOTE_NONE,
    .dtypes = TN_DTYPES_FLOATING,
    .infer = {file}_infer,
{compose_field}    .saves = {{TN_SAVE_INPUT(0)}},
    .save_count = 1,
    .vjp = {file}_vjp,
}};
"""

COMPOSE = """
// The formula, in other operators. With it and without a vjp the gradient is that of the parts.
static tn_status {file}_compose(tn_compose *compose) {{
#error "{file}: set each of compose->results"
}}
"""

KERNEL = """// SPDX-License-Identifier: Apache-2.0
//
// {file}: the formula, with the shapes of its operands; how the work is split.

#include "cpu.h"

// For a pointwise operator or a reduction a loop and a row beside the others will do: delete this.

// result [*], self [*], both row-major.
static tn_status {file}_run(void *self, tn_kernel_ctx *ctx, const tn_args *args) {{
#error "{file}: write args->views[TN_ARG_{ident}_result]"
}}

#error "{file}: which dtypes and layouts the rows take; X({file}) in families.def"
const tn_kernel_row cpu_{file}_rows[] = {{
    {{.op = "{name}",
     .dtypes = TN_DTYPE_BIT(TN_F32) | TN_DTYPE_BIT(TN_F64),
     .rank = TN_RANK_REFERENCE,
     .layout = TN_LAYOUT_CONTIGUOUS,
     .flags = TN_ROW_DETERMINISTIC,
     .run = {file}_run}},
}};
const uint64_t cpu_{file}_row_count = sizeof cpu_{file}_rows / sizeof cpu_{file}_rows[0];
"""

SPEC = """// SPDX-License-Identifier: Apache-2.0
//
// {file}: what {name} is held to: samples, errors, and the formula in double precision.

#include <tenon/conformance.h>

#error "{file}: samples, error inputs, the reference and tolerances"

const tn_op_spec tn_spec_{ident} = {{
    .op = "{name}",
}};
"""


def skeletons(name, composite):
    """{path: text} of a new operator's files."""
    file = name.split(".")[0].strip("_")
    words = {"name": name, "file": file, "ident": name.replace(".", "_"),
             "core": f"core/ops/{file}.c", "kernel": f"backends/cpu/{file}.c",
             "spec": f"conformance/ops/{file}.c"}
    words["compose"] = COMPOSE.format(**words) if composite else ""
    words["compose_field"] = f"    .compose = {file}_compose,\n" if composite else ""
    files = {words["core"]: CORE.format(**words), words["spec"]: SPEC.format(**words)}
    if not composite:
        files[words["kernel"]] = KERNEL.format(**words)
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--compose", action="store_true", help="written with other operators")
    parser.add_argument("--root", type=Path, default=ROOT, help="another source tree")
    options = parser.parse_args()
    if not re.fullmatch(r"_?[a-z][a-z0-9_]*(\.[A-Za-z]\w*)?", options.name):
        parser.error(f"'{options.name}': expected a schema name such as softplus or fmod.Tensor")
    files = skeletons(options.name, options.compose)
    existing = [path for path in files if (options.root / path).exists()]
    if existing:
        parser.error("there is already " + ", ".join(existing))
    for path, text in files.items():
        (options.root / path).parent.mkdir(parents=True, exist_ok=True)
        (options.root / path).write_text(text, encoding="utf-8")
        print(f"{path}: written; fill it in")
    print("then: ./dev regen, ./dev build, ./dev test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
