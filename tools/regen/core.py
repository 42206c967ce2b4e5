# SPDX-License-Identifier: Apache-2.0
"""The core's generated sources: ids, the operator table, and the bodies of the typed calls."""

from .calls import (arg_kind, calls_of, initializer, list_values, list_variable, option_given,
                    option_type)
from .names import ident, inplace_name
from .text import banner, wrap_list


def entries(ops):
    """(name, op, form) of every entry of the table, sorted by name."""
    result = []
    for op in ops:
        form = "INPLACE" if op.writes_self else "SCALAR" if op.base else "BASE"
        result.append((op.name, op, form))
        if "inplace" in op.forms:
            result.append((inplace_name(op), op, "INPLACE"))
    result.sort()
    return result


def duplicate_entries(ops):
    """Messages about names or ids that two entries would share."""
    seen, problems = {}, []
    for name, op, _ in entries(ops):
        for key in (name, "TN__OP_" + ident(name)):
            if key in seen and seen[key] != (name, op.ident):
                problems.append(f"{op.path}:{op.line}: {name}: the table has {key} already, from "
                                f"{seen[key][0]}")
            seen[key] = (name, op.ident)
    return problems


def list_arrays(ops):
    """Arrays for the lists that are defaults."""
    arrays = {}
    for op in ops:
        for arg in op.attrs:
            if list_variable(arg):
                arrays[list_variable(arg)] = list_values(arg.fallback)
    return [f"static const int64_t {name}[] = {{{', '.join(values)}}};"
            for name, values in sorted(arrays.items())]


def op_ids(ops):
    """core/src/generated/op_ids.h."""
    lines = banner("op_ids: an operator's id, which is its position in the table.")
    lines += ["#ifndef TENON_CORE_OP_IDS_H_", "#define TENON_CORE_OP_IDS_H_", "", "enum {"]
    for index, (name, _, _) in enumerate(entries(ops)):
        lines.append(f"  TN__OP_{ident(name)} = {index},")
    lines.append(f"  TN__OP_COUNT = {len(entries(ops))}")
    return lines + ["};", "", "#endif  // TENON_CORE_OP_IDS_H_"]


def inplace_schema(op):
    """The schema of an in-place form, which marks what is written."""
    head, _, rest = op.schema.partition("(")
    arguments = rest.rpartition(") -> ")[0]
    return (f"{inplace_name(op)}({arguments.replace('Tensor', 'Tensor(a!)', 1)}) -> Tensor(a!)"
            if head else "")


def c_string(text):
    return "NULL" if text is None else '"' + text + '"'


def args_array(op):
    """The arguments of an operator, as its table entry shows them."""
    lines = [f"static const tn__arg args_{op.ident}[] = {{"]
    for arg in op.args:
        offset = "0" if arg.is_input else f"offsetof(tn_{op.run.ident}_attrs, {arg.name})"
        strings = [c_string(text) for text in (arg.name, arg.text, arg.fallback)]
        lines += wrap_list("    {", strings + [arg_kind(arg), offset], "},")
    return lines + ["};"]


def defaults_struct(op):
    """The attributes with every default."""
    if op.base or not op.attrs:
        return []
    fields = [f".{arg.name} = {initializer(arg)}" for arg in op.attrs]
    return wrap_list(f"static const tn_{op.ident}_attrs defaults_{op.ident} = {{", fields, "};")


def table_entry(name, op, form):
    """One entry, by field name so that the struct may grow."""
    run = op.run
    generator = next((a for a in run.attrs if a.type == "Generator?"), None)
    fields = [
        f".name = \"{name}\"",
        f".schema = \"{op.schema if name == op.name else inplace_schema(op)}\"",
        f".def = &tn_op_{run.ident}", f".id = TN__OP_{ident(name)}",
        f".run_id = TN__OP_{run.ident}", f".form = TN__FORM_{form}",
        f".arg_count = {len(op.args)}",
        f".tensor_count = {len([a for a in op.inputs if not a.is_list])}",
        f".result_count = {len(op.results)}",
    ]
    fields += [".has_list = true"] if op.list_arg else []
    fields += [".returns_list = true"] if op.returns_list else []
    if run.attrs:
        fields += [f".attrs_size = sizeof(tn_{run.ident}_attrs)",
                   f".defaults = &defaults_{run.ident}"]
    if any(a.type.startswith(("int[", "bool[", "float[", "str")) for a in run.attrs):
        fields.append(".attrs_point = true")
    if any(a.type.startswith(("int[", "bool[", "float[", "ScalarType")) for a in run.attrs):
        fields.append(".attrs_check = true")
    if generator:
        fields.append(f".generator_offset = offsetof(tn_{run.ident}_attrs, {generator.name})")
    if op.args:
        fields.append(f".args = args_{op.ident}")
    return [f"    [TN__OP_{ident(name)}] = {{", *(f"        {text}," for text in fields), "    },"]


def op_table(ops):
    """core/src/generated/op_table.c."""
    lines = banner("op_table: every operator and form, sorted by name.")
    lines += ['#include "op_table.h"', "", "#include <stddef.h>", "", '#include "op_ids.h"', ""]
    lines += [f"extern const tn_op_def tn_op_{op.ident};" for op in ops if not op.base]
    lines += ["", *list_arrays(ops), ""] if list_arrays(ops) else [""]
    for op in ops:
        lines += (args_array(op) if op.args else []) + defaults_struct(op) + [""]
    lines.append("const tn_op tn__op_table[] = {")
    for entry in entries(ops):
        lines += table_entry(*entry)
    return lines + ["};", "", "const int32_t tn__op_table_count = TN__OP_COUNT;"]


def op_aliases(ops):
    """core/src/generated/op_aliases.c."""
    taken = {op.name.split(".")[0] for op in ops}
    pairs = {}
    for op in ops:
        for alias in op.aliases:
            if alias in taken or alias in pairs:
                op.fail(f"alias '{alias}': an operator or another alias has that name")
            pairs[alias] = op.name.split(".")[0]
    lines = banner("op_aliases: other names of operators, sorted.")
    lines += ['#include "op_alias.h"', "", "const tn__op_alias tn__op_aliases[] = {"]
    lines += [f'    {{"{alias}", "{name}"}},' for alias, name in sorted(pairs.items())]
    return lines + ["};", "", f"const int32_t tn__op_alias_count = {len(pairs)};"]


# ---- the typed calls ----------------------------------------------------------------------------

REACHES = """
// Whether the caller's options struct, which may be an older and shorter one, has |field|.
#define REACHES(options, field) \\
  ((options)->struct_size >= \\
   (size_t)((const char *)(&(options)->field + 1) - (const char *)(options)))
"""

BARE = """
// A number given without TN_INT or TN_FLOAT lands in |value| and would pass for an absent option.
static bool is_bare(const char *op, const char *option, bool is_set, int64_t present) {
  if (!is_set || present != 0) return false;
  tn_error_set(TN_INVALID_ARGUMENT,
               "%s: option '%s' is a bare number; write TN_INT(..), or TN_FLOAT(..) for a real one",
               op, option);
  return true;
}
"""

LIST_OK = """
// Refuses a list that cannot be one.
static bool list_ok(const char *op, const char *argument, tn_tensors list) {
  if (list.count >= 0 && list.count <= TN__LONGEST_LIST && (list.count == 0 || list.data != NULL)) {
    return true;
  }
  tn_error_set(TN_INVALID_ARGUMENT, "%s: argument '%s': a list of %lld tensors%s", op, argument,
               (long long)list.count, list.data == NULL ? " without data" : "");
  return false;
}
"""

JOINED = """
// |fixed| and then the list: on |stack| where there is room, else allocated. NULL when there is no
// memory, which is recorded.
static tn_tensor **joined(tn_tensor **stack, tn_tensor *const *fixed, int32_t fixed_count,
                          tn_tensors list) {
  int64_t count = fixed_count + list.count;
  tn_tensor **inputs = stack;
  if (count > TN__STACK_INPUTS) inputs = malloc((size_t)count * sizeof *inputs);
  if (inputs == NULL) {
    tn_error_set(TN_OUT_OF_MEMORY, "no memory for a list of %lld tensors", (long long)count);
    return NULL;
  }
  memcpy(inputs, fixed, (size_t)fixed_count * sizeof *inputs);
  if (list.count > 0) memcpy(inputs + fixed_count, list.data, (size_t)list.count * sizeof *inputs);
  return inputs;
}
"""


def input_value(arg, optional):
    """The expression of one input, and the declaration it needs."""
    if not arg.is_immediate:
        return arg.name, ""
    number = f"{arg.name}_number"
    declare = f"  tn__immediate {number};"
    if optional:  # filled in from the options
        default = "TN_NONE" if arg.fallback == "None" else (
            f"tn__immediate_init(&{number}, (tn_scalar){initializer(arg)})")
        return default, declare
    value = f"tn__immediate_init(&{number}, {arg.name})"
    if arg.type == "Scalar?":
        value = f"{arg.name}.kind == TN_SCALAR_NONE ? TN_NONE : {value}"
    return value, declare


def inputs_code(call):
    """(lines, expression of the inputs, of their count, lines that free)."""
    op, failed = call.op, "return NULL;"
    if call.into:
        failed = "return TN_INVALID_ARGUMENT;"
    fixed, declares = [], []
    for arg in op.inputs:
        if arg.is_list:
            continue
        value, declare = input_value(arg, arg in call.options)
        fixed.append(value)
        declares += [declare] if declare else []
    if op.list_arg is None:
        if not fixed:
            return [], "NULL", "0", []
        return declares + wrap_list("  tn_tensor *inputs[] = {", fixed, "};"), "inputs", str(
            len(fixed)), []
    name = op.list_arg.name
    lines = [f'  if (!list_ok("{op.name}", "{name}", {name})) {failed}']
    if not fixed:
        return lines, f"{name}.data", f"(int32_t){name}.count", []
    lines += declares + ["  tn_tensor *stack[TN__STACK_INPUTS];"]
    lines += wrap_list("  tn_tensor *const fixed[] = {", fixed, "};")
    lines += [f"  tn_tensor **inputs = joined(stack, fixed, {len(fixed)}, {name});",
              "  if (inputs == NULL) "
              + ("return TN_OUT_OF_MEMORY;" if call.into else "return NULL;")]
    return lines, "inputs", f"{len(fixed)} + (int32_t){name}.count", [
        "  if (inputs != stack) free(inputs);"]


def attrs_code(call):
    """Lines that declare and fill in the attributes."""
    run = call.op.run
    given = {a.name: a for a in call.positional if not a.is_input}
    own = {a.name: a for a in call.op.args}
    fields = []
    for arg in run.attrs:
        if arg.type != "Generator?":
            value = arg.name if arg.name in given else initializer(own.get(arg.name, arg))
            fields.append(f".{arg.name} = {value}")
    lines = []
    if run.attrs:
        lines += wrap_list(f"  tn_{run.ident}_attrs attrs = {{", fields or ["0"], "};")
    return lines


def is_wrapped(arg):
    """Whether an option is a number that says whether it is given."""
    return option_type(arg).strip() in ("tn_opt_int", "tn_opt_float")


def bare_code(call):
    """Lines that refuse numbers without their wrapping, before anything is allocated."""
    failed = "return TN_INVALID_ARGUMENT;" if call.into else "return NULL;"
    lines = []
    for arg in filter(is_wrapped, call.options):
        field = f"options->{arg.name}"
        lines += [f"  if (options != NULL && REACHES(options, {arg.name}) &&",
                  f'      is_bare("{call.op.name}", "{arg.name}", {field}.value != 0, '
                  f"{field}.present)) {{", f"    {failed}", "  }"]
    return lines


def options_code(call):
    """Lines that let the options replace defaults."""
    if not call.options:
        return []
    inputs = [a for a in call.op.inputs if not a.is_list]
    array = "fixed" if call.op.list_arg else "inputs"
    lines = ["  if (options != NULL) {"]
    for arg in call.options:
        condition, value = option_given(arg)
        target = f"attrs.{arg.name}"
        if arg.is_immediate:
            target = f"{array}[{inputs.index(arg)}]"
            value = f"tn__immediate_init(&{arg.name}_number, {value})"
        test = f"REACHES(options, {arg.name})" + (f" && {condition}" if condition else "")
        line = f"    if ({test}) {target} = {value};"
        if len(line) <= 100:
            lines.append(line)
        else:
            lines += [f"    if ({test}) {{", f"      {target} = {value};", "    }"]
    return lines + ["  }"]


def return_code(call, inputs, count, attrs, frees):
    """The last lines of a call."""
    op = call.op
    lines = []
    if call.form == "out":
        lines += wrap_list("  tn_tensor *const outs[] = {", call.outs, "};")
        expression = f"tn__call_into({call.id}, {inputs}, {count}, {attrs}, outs, {len(call.outs)})"
    elif call.into:
        expression = f"tn__call_into({call.id}, {inputs}, {count}, {attrs}, {inputs}, 1)"
    elif call.more:
        lines += wrap_list("  tn_tensor **const more[] = {", call.more, "};")
        expression = f"tn__call_many({call.id}, {inputs}, {count}, {attrs}, more)"
    else:
        function = "tn__call_list" if op.returns_list else "tn__call_one"
        expression = f"{function}({call.id}, {inputs}, {count}, {attrs})"
    if not frees:
        return lines + [f"  return {expression};"]
    return lines + [f"  {call.returns}result = {expression};", *frees, "  return result;"]


def call_body(call):
    """One generated function."""
    if call.op.list_arg and any(a.is_immediate for a in call.options):
        call.op.fail("a list of tensors beside an optional number as an operand is not supported")
    symbol = call.symbol
    if call.needs_macro and not call.options:
        symbol = f"({symbol})"  # a macro of the same name exists
    before, inputs, count, frees = inputs_code(call)
    lines = wrap_list(f"{call.returns}{symbol}(", call.parameters(), ") {")
    lines += bare_code(call) + before + attrs_code(call) + options_code(call)
    attrs = "&attrs" if call.op.run.attrs else "NULL"
    return lines + return_code(call, inputs, count, attrs, frees) + ["}", ""]


def ops_source(ops):
    """core/src/generated/ops.c."""
    calls = [call for op in ops for call in calls_of(op)]
    lists = any(op.list_arg for op in ops)
    wrapped = any(is_wrapped(arg) for call in calls for arg in call.options)
    joins = any(op.list_arg and len(op.inputs) > 1 for op in ops)
    lines = banner("ops: the typed calls. Each lays its operands and attributes out on the stack "
                   "and enters the dispatcher.")
    lines += ["#include <tenon/ops.h>", ""]
    lines += ["#include <stdlib.h>", "#include <string.h>", ""] if joins else []
    lines += ["#include <tenon/error.h>", ""] if lists or wrapped else []
    lines += ['#include "op_ids.h"', '#include "op_table.h"', '#include "tensor_impl.h"', ""]
    lines += ["enum { TN__STACK_INPUTS = 16 };"] if joins else []
    lines += ["enum { TN__LONGEST_LIST = 1 << 30 };"] if lists else []
    lines += (REACHES.strip("\n").split("\n") + [""] if any(c.options for c in calls) else [])
    lines += (BARE.strip("\n").split("\n") + [""] if wrapped else [])
    lines += (LIST_OK.strip("\n").split("\n") + [""] if lists else [])
    lines += (JOINED.strip("\n").split("\n") + [""] if joins else [])
    lines += list_arrays(ops) + [""] if list_arrays(ops) else []
    for call in calls:
        lines += call_body(call)
    return lines[:-1]
