# SPDX-License-Identifier: Apache-2.0
"""How a schema becomes a C call: which arguments are positional, which are options, their C types.

Positional are the arguments without a default and every tensor; the rest are options by name. A
zero-filled options struct asks for every default, so a field whose default is not zero has a type
with an "absent" value.
"""

import re
from dataclasses import dataclass

from .names import c_name, ident, inplace_name

POSITIONAL_TYPES = {
    "Tensor": "tn_tensor *", "Tensor?": "tn_tensor *", "Tensor[]": "tn_tensors ",
    "Tensor?[]": "tn_tensors ",
    "bool": "bool ", "bool?": "bool ", "bool[]": "tn_ints ", "int": "int64_t ",
    "int?": "tn_opt_int ", "int[]": "tn_ints ", "int[]?": "tn_ints ", "float": "double ",
    "float?": "tn_opt_float ", "float[]?": "tn_floats ", "Scalar": "tn_scalar ", "Scalar?": "tn_scalar ",
    "ScalarType": "tn_dtype ", "ScalarType?": "tn_dtype ", "Device": "tn_device ",
    "Device?": "tn_device ", "str": "const char *", "str?": "const char *",
    "Generator?": "tn_philox_state ",
}

ARG_KINDS = {
    "Tensor": "TENSOR", "Tensor?": "OPTIONAL_TENSOR", "Tensor[]": "TENSORS",
    "Tensor?[]": "OPTIONAL_TENSORS", "bool": "BOOL",
    "bool?": "BOOL", "bool[]": "INTS", "int": "INT", "int?": "OPT_INT", "int[]": "INTS",
    "int[]?": "INTS", "float": "FLOAT", "float?": "OPT_FLOAT", "float[]?": "FLOATS", "Scalar": "SCALAR",
    "Scalar?": "SCALAR", "ScalarType": "DTYPE", "ScalarType?": "DTYPE", "Device": "DEVICE",
    "Device?": "DEVICE", "str": "STRING", "str?": "STRING", "Generator?": "GENERATOR",
}


def arg_kind(arg):
    """The tn__arg_kind of an argument."""
    if arg.is_immediate:
        return "TN__ARG_OPTIONAL_IMMEDIATE" if arg.type == "Scalar?" else "TN__ARG_IMMEDIATE"
    return "TN__ARG_" + ARG_KINDS[arg.type]


def attr_type(arg):
    """The C type, with its space or star, of an argument's field in the attributes."""
    return POSITIONAL_TYPES[arg.type]


def list_values(text):
    """The integers of a list's default: '1' and '[1, 1]'."""
    return [{"True": "1", "False": "0"}.get(v, v) for v in re.findall(r"-?\w+", text)]


def list_variable(arg):
    """The array that holds a list's default; "" where it is empty or absent."""
    if arg.type not in ("int[]", "int[]?", "bool[]") or arg.fallback in (None, "None", "[]"):
        return ""
    return "ints_" + "_".join(v.replace("-", "minus") for v in list_values(arg.fallback))


def scalar_literal(text):
    if text in ("True", "False"):
        return f"{{TN_SCALAR_BOOL, 0, {{{int(text == 'True')}}}}}"
    if re.fullmatch(r"-?\d+", text):
        return f"{{TN_SCALAR_INT, 0, {{{text}}}}}"
    return f"{{TN_SCALAR_FLOAT, 0, {{.f = {text}}}}}"


def initializer(arg):
    """The C initializer of an attribute's default; of "absent" where there is none."""
    text, kind = arg.fallback, arg.type.rstrip("?")
    optional = arg.type.endswith("?")
    absent = text in (None, "None")
    if kind in ("int[]", "bool[]"):
        if list_variable(arg):
            return f"{{{list_variable(arg)}, {len(list_values(text))}}}"
        return "{NULL, -1}" if optional and absent else "{NULL, 0}"
    if kind == "float[]":
        return "{NULL, -1}"
    if kind in ("int", "float"):
        value = "0" if absent else text
        return f"{{{value}, {int(not absent)}}}" if optional else value
    if kind == "Scalar":
        return "{TN_SCALAR_NONE, 0, {0}}" if absent else scalar_literal(text)
    if kind == "str":
        return "NULL" if absent else '"' + text.strip("'") + '"'
    return {"bool": "true" if text == "True" else "false", "ScalarType": "TN_DTYPE_NONE",
            "Device": "{0, 0}", "Generator": "{0, 0}"}[kind]


def option_type(arg):
    """The C type of an option's field."""
    if arg.type == "bool" and arg.fallback == "True":
        return "tn_choice "
    if arg.type == "int" and arg.fallback != "0" and arg.name != "groups":
        return "tn_opt_int "
    if arg.type == "float" and float(arg.fallback) != 0:
        return "tn_opt_float "
    return POSITIONAL_TYPES[arg.type]


def option_given(arg):
    """(condition or "", value) with which an option replaces the default."""
    field = f"options->{arg.name}"
    kind = option_type(arg).strip()
    if kind == "tn_choice":
        return "", f"{field} != TN_NO"
    if kind == "tn_opt_int" or kind == "tn_opt_float":
        return f"{field}.present", field if arg.type.endswith("?") else field + ".value"
    if kind == "tn_scalar":
        return f"{field}.kind != TN_SCALAR_NONE", field
    if kind == "tn_ints":
        return f"{field}.count != 0", field
    if arg.type.startswith("str"):
        return f"{field} != NULL", field
    return (f"{field} != 0" if arg.name == "groups" else ""), field


@dataclass
class Call:
    """One generated function: an operator in one of its forms."""

    op: object
    form: str  # "base", "inplace", "out"

    @property
    def options(self):
        return [a for a in self.op.args if a.fallback is not None and a.type != "Generator?"
                and not a.type.startswith("Tensor")]

    @property
    def positional(self):
        return [a for a in self.op.args if a not in self.options and a.type != "Generator?"]

    @property
    def name(self):
        """What a program writes: tn_add_."""
        return "tn_" + c_name(self.op) + {"base": "", "inplace": "_", "out": "_out"}[self.form]

    @property
    def symbol(self):
        """What the library exports: tn_add__with."""
        return self.name + ("_with" if self.options else "")

    @property
    def options_type(self):
        return f"tn_{c_name(self.op)}_options"

    @property
    def into(self):
        """Whether results go into tensors that exist."""
        return self.form != "base" or self.op.writes_self

    @property
    def returns(self):
        if self.into:
            return "tn_status "
        return "tn_list *" if self.op.returns_list else "tn_tensor *"

    @property
    def outs(self):
        """Parameters that results are written into."""
        if self.form != "out":
            return []
        return ["out"] if len(self.op.results) == 1 else [r.name for r in self.op.results]

    @property
    def more(self):
        """Trailing parameters for the results after the first."""
        return [] if self.into else [r.name for r in self.op.results[1:]]

    @property
    def id(self):
        """The operator's id: an in-place form has its own."""
        name = inplace_name(self.op) if self.form == "inplace" else self.op.name
        return "TN__OP_" + ident(name)

    def parameters(self):
        """The C parameters, in order."""
        result = [f"tn_tensor *{name}" for name in self.outs]
        result += [POSITIONAL_TYPES[a.type] + a.name for a in self.positional]
        result += [f"tn_tensor **{name}" for name in self.more]
        if self.options:
            result.append(f"const {self.options_type} *options")
        return result or ["void"]

    def names(self):
        """The parameters' names, without options."""
        return self.outs + [a.name for a in self.positional] + self.more

    def wrapped(self):
        """The same as a macro passes them on: numbers become scalars."""
        scalars = {a.name for a in self.positional if a.type.startswith("Scalar")
                   and not a.type.startswith("ScalarType")}
        return [f"TN_SCALAR({n})" if n in scalars else n for n in self.names()]

    @property
    def needs_macro(self):
        return bool(self.options) or self.wrapped() != self.names()


def calls_of(op):
    """Every function of an operator."""
    return [Call(op, "base")] + [Call(op, form) for form in ("inplace", "out") if form in op.forms]
