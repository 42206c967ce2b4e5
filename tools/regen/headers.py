# SPDX-License-Identifier: Apache-2.0
"""The public headers: op_args.h for kernels, ops.h for programs."""

import re

from .calls import calls_of, attr_type, option_type
from .text import banner, comment, define, wrap_list

GUARD_CXX = ["#ifdef __cplusplus", 'extern "C" {', "#endif", ""]
GUARD_CXX_END = ["#ifdef __cplusplus", "}", "#endif", ""]
SMALL_TYPES = ("bool", "tn_dtype", "tn_device")  # aligned to less than 8 bytes


def arg_enum(op):
    """The indices of an operator's views."""
    names = [] if op.returns_list else [r.name for r in op.results]
    fixed = [a.name for a in op.inputs if not a.is_list]
    names += fixed + ([op.list_arg.name] if op.list_arg else [])
    items = [f"TN_ARG_{op.ident}_{name} = {index}" for index, name in enumerate(names)]
    return wrap_list("enum { ", items, " };") if items else []


def op_args(ops):
    """plugin_api/include/tenon/op_args.h."""
    lines = ["// clang-format off"] + banner(
        "op_args: what a kernel needs to know of each operator's arguments: the struct behind "
        "tn_args.attrs, and the indices of results and tensors in tn_args.views. A list of tensors "
        "stands last: its elements start at its index. Structs grow at their end only.")
    lines += ["#ifndef TENON_OP_ARGS_H_", "#define TENON_OP_ARGS_H_", "",
              "#include <tenon/types.h>", "", *GUARD_CXX]
    for op in ops:
        if op.base:
            continue
        lines += comment(op.schema)
        lines += arg_enum(op)
        if op.attrs:
            lines.append(f"typedef struct tn_{op.ident}_attrs {{")
            for arg in op.attrs:
                note = {"bool[]": "  // 0 or 1 each", "int[]?": "  // absent: count -1",
                        "float[]?": "  // absent: count -1"}
                slot = "TN_SLOT " if attr_type(arg).strip() in SMALL_TYPES else ""
                lines.append(f"  {slot}{attr_type(arg)}{arg.name};{note.get(arg.type, '')}")
            lines.append(f"}} tn_{op.ident}_attrs;")
        lines.append("")
    return lines + GUARD_CXX_END + ["#endif  // TENON_OP_ARGS_H_"]


def doc_parts(doc):
    """(lines of the doc comment without its errors, the text after `errors:`)."""
    lines, errors, inside = [], [], False
    for line in doc:
        if inside and (not line or re.match(r"\w+:", line)):
            inside = False
        before, found, after = line.partition("errors:")
        if found:
            inside = True
            lines += [before.strip()] if before.strip() else []
            line = after.strip()
        if not inside:
            lines.append(line)
            continue
        clause, found, source = line.partition("source:")
        errors.append(clause.strip())
        if found:
            lines.append("source: " + source.strip())
            inside = False
    while lines and not lines[-1]:
        lines.pop()
    return lines, " ".join(e for e in errors if e).rstrip(".")


def doc_comment(op, call):
    """The comment above an operator's functions."""
    doc, errors = doc_parts(op.doc)
    if not doc:
        numbers = " and ".join(f"|{a.name}|" for a in op.args if a.is_immediate)
        doc = [f"{op.base.name} with a number as {numbers}."]
    lines = comment(op.schema)
    for line in doc:
        lines += comment(line) or ["//"]
    owns = "+1 result" if len(op.results) == 1 else "+1 each result"
    owns = "+1 list" if op.returns_list else owns
    if "TN_OP_VIEW" in op.flags:
        owns += ", a view of the first argument's storage"
    if call.into:
        owns = "nothing"
    errors = f"{errors}; as any operator" if errors else "as any operator"
    return lines + comment(f"owns: {owns} | errors: {errors} | threads: any")


def options_struct(call):
    """The struct of an operator's options."""
    if not call.options:
        return []
    lines = [f"typedef struct {call.options_type} {{", "  uint32_t struct_size;"]
    for arg in call.options:
        lines.append(f"  {option_type(arg)}{arg.name};  // {arg.fallback}")
    return lines + [f"}} {call.options_type};"]


def macro(call):
    """The macro that a C program calls, where it differs from the function."""
    if not call.needs_macro:
        return []
    parameters = call.names() + (["..."] if call.options else [])
    pieces = [f"{call.symbol}({', '.join(call.wrapped())}"]
    if call.options:
        pieces[0] += ", " if call.wrapped() else ""
        pieces.append(f"&({call.options_type}){{.struct_size = sizeof({call.options_type}),")
        pieces.append(" __VA_ARGS__})")
    else:
        pieces[0] += ")"
    return define(f"#define {call.name}({', '.join(parameters)})", pieces)


FORM_NOTES = {
    "inplace": "{0} into |{1}|: computed in the promoted dtype and cast back. owns: nothing | "
               "errors: as {0}; READ_ONLY; INVALID_DTYPE where the cast would lose a category | "
               "threads: any",
    "out": "{0} into {1}, which has the result's shape already and records no gradient. owns: "
           "nothing | errors: as {0}; READ_ONLY; INVALID_ARGUMENT for another shape; INVALID_DTYPE "
           "where the cast would lose a category | threads: any",
}


def declarations(op):
    """Everything that ops.h says about one operator."""
    calls = calls_of(op)
    lines = options_struct(calls[0])
    macros = []
    for call in calls:
        if call.form == "base":
            lines += doc_comment(op, call)
        else:
            into = op.args[0].name if call.form == "inplace" else " and ".join(
                f"|{name}|" for name in call.outs)
            lines += comment(FORM_NOTES[call.form].format(calls[0].name, into))
        lines += wrap_list(f"TN_API {call.returns}{call.symbol}(", call.parameters(), ");")
        macros += macro(call)
    if macros:
        lines += ["#ifndef __cplusplus", *macros, "#endif"]
    return lines + [""]


def ops_header(ops):
    """core/include/tenon/ops.h."""
    lines = ["// clang-format off"] + banner(
        "ops: every operator as a C function. Required arguments and tensors are positional, in "
        "the schema's order; a tensor that may be absent is TN_NONE. Results after the first come "
        "through trailing pointers, NULL where unwanted. The rest are options by name: "
        "tn_sum_dim(x, TN_DIMS(0), .keepdim = true). A number passes as any Scalar.")
    lines[-1:] = ["//", *comment(
        "What any operator may say: the error of a NULL operand, which is passed on; "
        "INVALID_ARGUMENT for shapes that do not fit, INVALID_DTYPE, DEVICE_MISMATCH, "
        "OUT_OF_MEMORY, UNIMPLEMENTED where no kernel accepts, and what the kernel reports. A call "
        "that fails returns NULL or a status other than TN_OK and records one error (error.h)."),
        "//", *comment("From C++ the macros are not there: call the functions named _with, with "
                       "NULL for the defaults, and make scalars with tn_scalar_int and its like."),
        ""]
    lines += ["#ifndef TENON_OPS_H_", "#define TENON_OPS_H_", "",
              *comment("Options may be left out altogether, which -Wpedantic would speak of at "
                       "every call."),
              "#if defined(__GNUC__)", "#pragma GCC system_header", "#endif", "",
              "#include <tenon/base.h>", "", *GUARD_CXX]
    for op in ops:
        lines += declarations(op)
    return lines + GUARD_CXX_END + ["#endif  // TENON_OPS_H_"]


