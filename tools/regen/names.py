# SPDX-License-Identifier: Apache-2.0
"""The C names of operators: one rule, one table of exceptions, and an error where two meet."""

import re

from .schema import SchemaError

# What an overload adds to the name. "" drops it.
OVERLOADS = {
    "atol_rtol_float": "", "atol_rtol_tensor": "_tensor", "str_ord": "_str",
    "": "", "Tensor": "", "int": "", "self": "", "default": "", "Tensor_Tensor": "",
    "correction": "", "start_step": "", "low": "", "dims": "", "using_ints": "", "src": "",
    "Scalar": "_scalar", "Tensor_Scalar": "_scalar", "ScalarOther": "_scalar",
    "ScalarSelf": "_scalar_self", "dim_IntList": "_dim", "dim": "_dim", "dim_int": "_dim",
    "Tensor_mode": "_mode", "stable": "_stable", "Scalar_Tensor": "_scalar_self",
    "Scalar_mode": "_mode_scalar", "p": "_p", "m": "_m",
    "intlist": "_dims", "no_stats": "_no_stats", "vec": "_vec", "input": "", "value": "_scalar",
}

# Where the rule would give a name that is taken, or a worse one.
EXCEPTIONS = {
    "all.dims": "all_dims", "any.dims": "any_dims", "arange.start_step": "arange_step",
    "clamp.Tensor": "clamp_tensor", "fill.Scalar": "fill", "pow.Scalar": "pow_scalar_self",
    "squeeze.dims": "squeeze_dims",
    "view": "view_shape",  # tn_view is what kernels see of an operand
}


def c_name(op):
    """`add_scalar` of add.Scalar, without the tn_ in front."""
    if op.name in EXCEPTIONS:
        return EXCEPTIONS[op.name]
    name, _, overload = op.name.partition(".")
    if overload not in OVERLOADS:
        op.fail(f"no rule for the overload '{overload}'; add one to tools/regen/names.py")
    # A name that starts with _ would be one of the core's own in C.
    return ("aten" + name if name.startswith("_") else name) + OVERLOADS[overload]


def inplace_name(op):
    """The schema name of the in-place form: add_.Tensor."""
    name, dot, overload = op.name.partition(".")
    return f"{name}_{dot}{overload}"


def ident(name):
    """A schema name as a part of C identifiers."""
    return name.replace(".", "_")


def declared_by_hand(folder):
    """{name: header} of the functions and macros in public headers that people write."""
    taken = {}
    for path in sorted(folder.glob("*.h")):
        if path.name in ("ops.h", "op_args.h"):
            continue
        for name in re.findall(r"\b(tn_\w+)\(", re.sub(r"//.*", "", path.read_text("utf-8"))):
            taken[name] = path.name
    return taken


class Names:
    """Every C name that was given out, so that none is given twice."""

    def __init__(self, taken):
        self.taken = dict(taken)

    def claim(self, op, name):
        if name in self.taken:
            op.fail(f"the C name {name} is already that of {self.taken[name]}; add an exception "
                    "to tools/regen/names.py")
        self.taken[name] = op.name
        return name


def check_names(ops, folder, errors):
    """Reports every C name that two operators would have, or an operator and a hand-written one."""
    names = Names(declared_by_hand(folder))
    for op in ops:
        try:
            base = "tn_" + c_name(op)
            forms = [base] + [base + "_"] * ("inplace" in op.forms) + [base + "_out"] * (
                "out" in op.forms)
            for form in forms:
                names.claim(op, form)
                names.claim(op, form + "_with")
            names.claim(op, base + "_options")
        except SchemaError as error:
            errors.append(error)
