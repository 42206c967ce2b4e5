# SPDX-License-Identifier: Apache-2.0
"""Operator definitions, read from core/ops/*.c: the schema, the forms, the doc comment.

A definition is `const tn_op_def tn_op_<identifier> = {` at the start of a line, ended by `};` at
the start of a line, with a `.schema` of one string literal on one line and `///` lines right above.
Everything that cannot be derived from these is none of regen's business. Errors are collected, so
that one run names all of them.
"""

import re
from dataclasses import dataclass, field

TENSORS = ("Tensor", "Tensor?", "Tensor[]", "Tensor?[]")
ATTRIBUTES = ("bool", "bool?", "bool[]", "int", "int?", "int[]", "int[]?", "float", "float?", "float[]?",
              "Scalar", "Scalar?", "ScalarType", "ScalarType?", "Device", "Device?", "str", "str?",
              "Generator?")
FORMS = {"TN_FORM_INPLACE": "inplace", "TN_FORM_OUT": "out"}

DEFINITION = re.compile(r"^const tn_op_def tn_op_(\w+) = \{")
MENTION = re.compile(r"\btn_op_def\s+tn_op_\w+\s*=")
SCHEMA = re.compile(r"^(\w+(?:\.\w+)?)\((.*)\) -> (.+)$")
ARGUMENT = re.compile(r"^(\S+) (\w+)(?:=(.*))?$")
LENGTH = re.compile(r"\[(\d+)\]")
ALIAS = re.compile(r"^Tensor\([^)]*\)")
NUMBER = re.compile(r"^-?\d+(\.\d*)?(e-?\d+)?$")
# Words that cannot be fields or parameters in C, C++ or with <complex.h> included.
RESERVED = set("""auto bool break case catch char class const continue default delete do double else
enum explicit export extern false float for friend goto if inline int long mutable namespace new
operator private protected public register restrict return short signed sizeof static struct switch
template this throw true try typedef typename union unsigned using virtual void volatile while I
complex imaginary struct_size options inputs attrs more outs""".split())


class SchemaError(Exception):
    """One mistake, with the place where it stands."""

    def __init__(self, path, line, message):
        super().__init__(f"{path}:{line}: {message}")


@dataclass
class Arg:
    """One argument of a schema."""

    name: str
    text: str         # the type as written: "int[2]?"
    type: str         # without a length: "int[]?"
    fallback: object  # the default's text, None where required
    is_input: bool = False      # a type of TENSORS, or a Scalar that the base takes as one
    is_immediate: bool = False  # a Scalar for the base's Tensor

    @property
    def required(self):
        return self.fallback is None

    @property
    def is_list(self):
        """A list of tensors; one of Tensor?[] may have absent entries."""
        return self.type in ("Tensor[]", "Tensor?[]")


@dataclass
class Result:
    """One result of a schema."""

    name: str
    type: str  # "Tensor" or "Tensor[]"


@dataclass
class Op:
    """One definition."""

    name: str
    ident: str
    schema: str
    args: list
    results: list
    path: str
    line: int
    doc: list = field(default_factory=list)
    forms: set = field(default_factory=set)
    flags: set = field(default_factory=set)
    base_ident: str = ""
    base: object = None
    aliases: list = field(default_factory=list)

    @property
    def run(self):
        """The operator whose attributes, definition and kernels serve this one."""
        return self.base or self

    @property
    def inputs(self):
        return [arg for arg in self.args if arg.is_input]

    @property
    def attrs(self):
        return [arg for arg in self.args if not arg.is_input]

    @property
    def list_arg(self):
        return next((arg for arg in self.args if arg.is_list), None)

    @property
    def returns_list(self):
        return self.results[0].type == "Tensor[]"

    @property
    def writes_self(self):
        """A schema that is an in-place operator of its own: copy_."""
        return self.name.split(".")[0].endswith("_")

    def fail(self, message):
        raise SchemaError(self.path, self.line, f"{self.name}: {message}")


def split_top(text):
    """Splits at commas that are outside of brackets and quotes."""
    parts, depth, quote, start = [], 0, False, 0
    for position, char in enumerate(text):
        if char == "'":
            quote = not quote
        elif quote:
            continue
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    rest = text[start:].strip()
    return parts + [rest] if rest or parts else []


def check_default(arg, where):
    """Refuses defaults that do not fit the type."""
    text, kind = arg.fallback, arg.type
    if text is None:
        return
    optional = kind.endswith("?")
    shape = {
        "bool": text in ("True", "False"),
        "int": re.fullmatch(r"-?\d+", text) is not None,
        "float": NUMBER.match(text) is not None,
        "Scalar": NUMBER.match(text) is not None or text in ("True", "False"),
        "int[]": re.fullmatch(r"-?\d+|\[(-?\d+(, ?-?\d+)*)?\]", text) is not None,
        "bool[]": re.fullmatch(r"\[((True|False)(, ?(True|False))*)?\]", text) is not None,
        "str": re.fullmatch(r"'[^'\"\\]*'", text) is not None,
        "Tensor[]": text == "[]",
    }
    fits = text == "None" if optional and text == "None" else shape.get(kind.rstrip("?"), False)
    if not fits:
        raise SchemaError(*where, f"default '{text}' does not fit {arg.text} {arg.name}; expected "
                          "a number, 'text', True, False, [..] or, with '?', None")


def parse_args(text, where):
    """The arguments between a schema's parentheses."""
    args = []
    for part in split_top(text):
        if part == "*":
            continue
        part = ALIAS.sub("Tensor", part)
        match = ARGUMENT.match(part)
        if match is None:
            raise SchemaError(*where, f"argument '{part}': expected 'type name' or "
                              "'type name=default'")
        kind = LENGTH.sub("[]", match[1])
        if kind not in TENSORS and kind not in ATTRIBUTES:
            raise SchemaError(*where, f"argument '{match[2]}': unknown type '{match[1]}'; expected "
                              f"one of {', '.join(TENSORS + ATTRIBUTES)}")
        if match[2] in RESERVED:
            raise SchemaError(*where, f"argument '{match[2]}': the name is reserved in C or C++ "
                              "or by the generated code")
        arg = Arg(match[2], match[1], kind, match[3], is_input=kind in TENSORS)
        check_default(arg, where)
        args.append(arg)
    return args


def parse_results(text, where):
    """What stands behind the arrow."""
    parts = split_top(text[1:-1]) if text.startswith("(") else [text]
    results = []
    for index, part in enumerate(parts):
        words = ALIAS.sub("Tensor", part).split()
        if not words or len(words) > 2 or words[0] not in ("Tensor", "Tensor[]"):
            raise SchemaError(*where, f"result '{part}': expected 'Tensor', 'Tensor[]' or "
                              "'(Tensor name, Tensor name)'")
        name = words[1] if len(words) == 2 else "result" + (str(index) if index else "")
        results.append(Result(name, words[0]))
    if not results or (len(results) > 1 and any(r.type == "Tensor[]" for r in results)):
        raise SchemaError(*where, "results: expected tensors, or one Tensor[] alone")
    return results


def parse_schema(schema, where):
    """(name, args, results) of a schema's text."""
    match = SCHEMA.match(schema)
    if match is None:
        raise SchemaError(*where, f"schema '{schema}': expected 'name(arguments) -> Tensor' or "
                          "'name.overload(arguments) -> Tensor'")
    args, results = parse_args(match[2], where), parse_results(match[3], where)
    # Two of a kind would become two enumerators or two fields of one name.
    operands = [a.name for a in args if a.is_input] + [r.name for r in results]
    for names in ([a.name for a in args], operands):
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(*where, f"{match[1]}: two arguments or results are called "
                                  f"'{name}'")
    lists = [a for a in args if a.is_list]
    if len(lists) > 1:
        raise SchemaError(*where, f"{match[1]}: expected at most one list of tensors")
    return match[1], args, results


def doc_above(lines, index):
    """The `///` lines right above line |index|."""
    doc, at = [], index - 1
    while at >= 0 and (lines[at].startswith("///") or lines[at].startswith("// clang-format")):
        if lines[at].startswith("///"):
            doc.insert(0, lines[at][3:].strip())
        at -= 1
    return doc


def body_of(lines, index, path):
    """The lines of a definition that starts at |index|, without comments."""
    for end in range(index, len(lines)):
        if lines[end].startswith("};") or (end == index and lines[end].rstrip().endswith("};")):
            return [re.sub(r"(^|\s)//.*$", "", line) for line in lines[index:end + 1]]
    raise SchemaError(path, index + 1, "expected '};' at the start of a line after a definition")


def schema_of(body, path, line):
    """(schema, line) of the `.schema` in a definition's lines."""
    for offset, text in enumerate(body):
        at = text.find(".schema")
        if at < 0:
            continue
        rest, number = text[at:], line + offset
        if '"' not in rest and offset + 1 < len(body):  # `.schema =` and the literal below it
            offset, number = offset + 1, number + 1
            rest = rest.rstrip() + " " + body[offset].strip()
        match = re.match(r'\.schema\s*=\s*"([^"\\]*)"\s*(,|\}|$)', rest.rstrip())
        following = body[offset + 1].strip() if offset + 1 < len(body) else ""
        if match is None or (match[2] == "" and following.startswith('"')):
            raise SchemaError(path, number, "expected the schema as one literal on one line "
                              "(clang-format off around it where it is long)")
        return match[1], number
    raise SchemaError(path, line, 'expected .schema = "name(arguments) -> Tensor"')


def aliases_of(text, path, line):
    """The names in a definition's `.aliases`."""
    found = re.search(r'\.aliases\s*=\s*("?)([^",}]*(?:,[^",}]*)*)\1', text)
    if found is None:
        return []
    names = found[2].split(",")
    if not found[1] or not all(re.fullmatch(r"[a-zA-Z]\w*[a-zA-Z0-9]", name) for name in names):
        raise SchemaError(path, line, 'expected .aliases = "name,name", without an overload')
    return names


def parse_definition(lines, index, path):
    """The definition that starts at line |index|."""
    match = DEFINITION.match(lines[index])
    body = body_of(lines, index, path)
    schema, line = schema_of(body, path, index + 1)
    name, args, results = parse_schema(schema, (path, line))
    text = " ".join(body)
    forms = set()
    found = re.search(r"\.forms\s*=\s*([^,}]*)", text)
    for word in re.findall(r"\w+", found[1]) if found else []:
        if word not in FORMS:
            raise SchemaError(path, line, f"{name}: form '{word}'; expected {' | '.join(FORMS)}")
        forms.add(FORMS[word])
    found = re.search(r"\.flags\s*=\s*([^,}]*)", text)
    flags = set(re.findall(r"TN_OP_\w+", found[1])) if found else set()
    found = re.search(r"\.base\s*=\s*&tn_op_(\w+)", text)
    op = Op(name, match[1], schema, args, results, path, line, doc_above(lines, index), forms,
            flags, found[1] if found else "", aliases=aliases_of(text, path, line))
    if op.ident != name.replace(".", "_"):
        op.fail(f"the variable is tn_op_{op.ident}; expected tn_op_{name.replace('.', '_')}")
    if not op.doc and not op.base_ident:
        op.fail("expected a comment of /// lines right above the definition")
    if ("TN_OP_RANDOM" in flags) != any(a.type == "Generator?" for a in args) and not op.base_ident:
        op.fail("TN_OP_RANDOM and a 'Generator? generator=None' argument go together")
    return op


def parse_text(text, path, errors):
    """Every definition in a file's |text|."""
    ops, lines = [], text.split("\n")
    for index, line in enumerate(lines):
        if DEFINITION.match(line) is None:
            if MENTION.search(line) and not line.lstrip().startswith("//"):
                errors.append(SchemaError(path, index + 1, "expected a definition to start its line"
                                          " as 'const tn_op_def tn_op_<name> = {'"))
            continue
        try:
            ops.append(parse_definition(lines, index, path))
        except SchemaError as error:
            errors.append(error)
    return ops


def link_base(op, by_ident):
    """Connects a Scalar overload with its base, and checks that one can run as the other."""
    op.base = by_ident.get(op.base_ident)
    if op.base is None:
        op.fail(f".base: there is no tn_op_{op.base_ident}")
    if op.base.base_ident:
        op.fail(f".base: tn_op_{op.base_ident} has a base itself")
    tensors = {a.name: a for a in op.base.inputs}
    attrs = {a.name: a for a in op.base.attrs}
    for arg in op.args:
        if arg.name in tensors and arg.type in ("Scalar", "Scalar?"):
            arg.is_input = arg.is_immediate = True
            if arg.type == "Scalar?" and tensors[arg.name].type != "Tensor?":
                op.fail(f"'{arg.name}' may be absent here but not in {op.base.name}")
        elif arg.name not in attrs and not arg.is_input:
            op.fail(f"{op.base.name}, which runs, has no argument '{arg.name}'")
        elif arg.name in attrs and attrs[arg.name].type != arg.type:
            op.fail(f"'{arg.name}' is {arg.text} here and {attrs[arg.name].text} in {op.base.name}")
    if [a.name for a in op.inputs] != [a.name for a in op.base.inputs]:
        op.fail(f"expected the tensor operands of {op.base.name}, in its order: "
                + ", ".join(a.name for a in op.base.inputs))
    if not any(a.is_immediate for a in op.args) and len(op.args) == len(op.base.args):
        op.fail(f".base is for a Scalar where {op.base.name} takes a Tensor, or for fewer arguments "
                "than it takes; neither is here")


def check_forms(op):
    """Refuses forms that could not be generated."""
    if op.forms and op.returns_list:
        op.fail("an operator that returns Tensor[] has neither form")
    if op.forms and op.writes_self:
        op.fail("an in-place operator has no forms of its own")
    if op.writes_self or "inplace" in op.forms:
        if not op.args or op.args[0].type != "Tensor" or len(op.results) != 1:
            op.fail("an in-place form needs a Tensor as its first argument and one result")


def link(ops, errors):
    """Checks what takes more than one definition to see; the operators, sorted by name."""
    by_ident, by_name = {}, {}
    for op in ops:
        try:
            if op.name in by_name:
                op.fail(f"is already defined at {by_name[op.name].path}:{by_name[op.name].line}")
            if op.ident in by_ident:
                op.fail(f"tn_op_{op.ident} is already {by_ident[op.ident].name}")
            by_name[op.name] = by_ident[op.ident] = op
        except SchemaError as error:
            errors.append(error)
    for op in by_name.values():
        try:
            if op.base_ident:
                link_base(op, by_ident)
            check_forms(op)
        except SchemaError as error:
            errors.append(error)
    return sorted(by_name.values(), key=lambda op: op.name)


def read_ops(folder, root):
    """(operators sorted by name, errors) of every .c file in |folder|."""
    ops, errors = [], []
    for path in sorted(folder.glob("*.c")):
        shown = str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
        ops += parse_text(path.read_text(encoding="utf-8"), shown, errors)
    return link(ops, errors), errors
