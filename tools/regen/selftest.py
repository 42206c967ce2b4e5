# SPDX-License-Identifier: Apache-2.0
"""Definitions with one mistake each, and what regen must say about it; and one without any."""

from .calls import calls_of
from .core import call_body
from .headers import declarations
from .schema import link, parse_text

ADD = """/// Adds.
const tn_op_def tn_op_add_Tensor = {
    .schema = "add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    .flags = TN_OP_POINTWISE,
    .forms = TN_FORM_INPLACE | TN_FORM_OUT,
};
"""
ADD_SCALAR = """const tn_op_def tn_op_add_Scalar = {
    .schema = "add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
    .base = &tn_op_add_Tensor,
};
"""

# (text, a part of the message)
PLANTED = (
    (ADD.replace("/// Adds.\n", ""), "expected a comment"),
    (ADD.replace("Scalar alpha", "Number alpha"), "unknown type 'Number'"),
    (ADD + ADD, "already defined"),
    (ADD.replace("alpha=1", "alpha=one"), "does not fit"),
    (ADD.replace(" -> Tensor", ""), "expected 'name(arguments) -> Tensor'"),
    (ADD.replace("Tensor other", "Tensor self"), "two arguments"),
    (ADD.replace("*, ", "*, \"\n        \""), "one literal on one line"),
    (ADD.replace("tn_op_add_Tensor", "tn_op_add"), "expected tn_op_add_Tensor"),
    (ADD.replace("TN_FORM_OUT", "TN_FORM_OUTSIDE"), "form 'TN_FORM_OUTSIDE'"),
    (ADD.replace("TN_OP_POINTWISE", "TN_OP_RANDOM"), "go together"),
    (ADD.replace("Scalar alpha=1", "Generator? generator=None"), "go together"),
    (ADD.replace("Tensor other", "Tensor class"), "reserved"),
    (ADD.replace("-> Tensor", "-> Tensor[]"), "neither form"),
    (ADD.replace("const tn_op_def", "static const tn_op_def"), "start its line"),
    (ADD.replace("};", "}"), "expected '};'"),
    (ADD_SCALAR, "there is no tn_op_add_Tensor"),
    (ADD + ADD_SCALAR.replace("Scalar alpha=1", "float alpha=1"), "is float here"),
    (ADD + ADD_SCALAR.replace("alpha", "beta"), "has no argument 'beta'"),
    (ADD + ADD_SCALAR.replace("Scalar other", "Tensor other"), "neither is here"),
)


def messages(text):
    """What regen says about |text|."""
    errors = []
    link(parse_text(text, "planted.c", errors), errors)
    return [str(error) for error in errors]


def run():
    """Prints what went wrong; the exit status."""
    failed = 0
    for number, (text, expected) in enumerate(PLANTED):
        said = messages(text)
        if not any(expected in message for message in said):
            failed += 1
            print(f"planted mistake {number}: expected '{expected}', got {said or 'nothing'}")
    said = messages(ADD + ADD_SCALAR)
    if said:
        failed += 1
        print(f"a definition without mistakes: {said}")
    errors = []
    ops = link(parse_text(ADD + ADD_SCALAR, "sound.c", errors), errors)
    text = "\n".join(line for op in ops for line in declarations(op))
    text += "\n".join(line for op in ops for call in calls_of(op) for line in call_body(call))
    for part in ("tn_add_with(tn_tensor *self, tn_tensor *other, const tn_add_options *options);",
                 "#define tn_add_scalar(self, other, ...)", "tn_status tn_add_out_with(",
                 "tn__immediate_init(&other_number, other)"):
        if part not in text:
            failed += 1
            print(f"the generated code lacks '{part}'")
    print(f"regen: {len(PLANTED)} planted mistakes, {failed} failures")
    return 1 if failed else 0
