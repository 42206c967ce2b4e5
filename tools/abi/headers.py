# SPDX-License-Identifier: Apache-2.0
"""The declarations that a plugin sees, read from the preprocessed headers.

The compiler expands macros and drops comments; what is left of our own headers is a short list of
declarations in a plain style (no bit-fields, no declarators in parentheses but function pointers),
which a few rules take apart. What they do not understand is an error, never skipped.
"""

import os
import re
import shlex
import subprocess
from collections import namedtuple

Field = namedtuple("Field", "name type")  # type None: a union without a name
Struct = namedtuple("Struct", "name fields")
Alias = namedtuple("Alias", "name type")

HEADERS = ("types.h", "philox.h", "half.h", "plugin.h", "op_args.h")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\w[\w.+-]*(?<![+-])|\.\.\.|->|<<|>>|[^\s\w]')
IDENTIFIER = re.compile(r"[A-Za-z_]\w*$")


class HeaderError(Exception):
    pass


def compiler():
    return shlex.split(os.environ.get("CC", "cc"))


def preprocess(include, *options):
    """The headers under |include| as the compiler sees them."""
    source = "".join(f"#include <tenon/{name}>\n" for name in HEADERS
                     if (include / "tenon" / name).is_file())
    command = [*compiler(), "-std=c11", "-E", *options, f"-I{include}", "-xc", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    if done.returncode != 0:
        raise HeaderError(done.stderr.strip())
    return done.stdout


def own_lines(text, include):
    """The lines that came from our headers."""
    ours, prefix = False, f"{include}/tenon/"
    for line in text.split("\n"):
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            ours = marker.group(1).startswith(prefix)
        elif ours and not line.startswith("#"):
            yield line


def closing(tokens, at):
    """The index of the bracket that closes the one at |at|."""
    depth = 0
    for i in range(at, len(tokens)):
        depth += (tokens[i] in "([{") - (tokens[i] in ")]}")
        if depth == 0:
            return i
    raise HeaderError(f"a bracket is not closed: {' '.join(tokens[at:at + 8])}")


def without_attributes(tokens):
    out, i = [], 0
    while i < len(tokens):
        if tokens[i] in ("__attribute__", "_Alignas"):
            i = closing(tokens, i + 1) + 1
        else:
            out.append(tokens[i])
            i += 1
    return out


def split(tokens, separator):
    """|tokens| cut at each |separator| that stands in no brackets."""
    parts, i = [[]], 0
    while i < len(tokens):
        if tokens[i] == separator:
            parts.append([])
            i += 1
        else:
            end = closing(tokens, i) if tokens[i] in ("(", "[", "{") else i
            parts[-1] += tokens[i:end + 1]
            i = end + 1
    return parts if parts[-1] else parts[:-1]


def declarations(tokens):
    """Each declaration at file scope, without its semicolon; bodies of functions are dropped."""
    start = i = 0
    while i < len(tokens):
        if tokens[i] == ";":
            yield tokens[start:i]
            start = i = i + 1
        elif tokens[i] in ("(", "[", "{"):
            body = tokens[i] == "{" and tokens[i - 1] == ")"
            i = closing(tokens, i) + 1
            if body:
                start = i
        else:
            i += 1


# ---- types -----------------------------------------------------------------------------------------

def spelled(tokens):
    """A type as people write it."""
    text = " ".join(tokens)
    for before, after in ((r"\( ", "("), (r" \)", ")"), (r" ,", ","), (r"\* (?=[*()])", "*"),
                          (r" \[ ?", "["), (r" \]", "]"), (r"\) \(", ")("), (r"(?<=\w) \((?!\*)", "(")):
        text = re.sub(before, after, text)
    return text


def without_name(tokens):
    """(name or None, tokens of the type) of one declarator with its specifiers."""
    for i in range(len(tokens) - 1):
        if tokens[i] == "(" and tokens[i + 1] == "*":  # a pointer to a function
            end = closing(tokens, i)
            inner = tokens[i + 1:end]
            name = inner[-1] if IDENTIFIER.match(inner[-1]) else None
            stars = inner[:-1] if name else inner
            parameters = closing(tokens, end + 1)
            if parameters != len(tokens) - 1:
                raise HeaderError(f"cannot read: {spelled(tokens)}")
            return name, [*tokens[:i], "(", *stars, ")", *parameter_types(tokens[end + 1:])]
    array = tokens.index("[") if "[" in tokens else len(tokens)
    last = tokens[array - 1]
    words = [t for t in tokens[:array] if t not in ("const", "*", "struct", "volatile", "static")]
    if len(words) > 1 and IDENTIFIER.match(last):
        return last, tokens[:array - 1] + tokens[array:]
    return None, tokens


def parameter_types(tokens):
    """( ... ) without the parameters' names, which are no part of a type."""
    out = ["("]
    for number, parameter in enumerate(split(tokens[1:-1], ",")):
        out += [","] if number else []
        out += without_name(parameter)[1]
    return [*out, ")"]


def members(tokens, prefix=""):
    """The fields of a struct's or a union's body; those of a union inside with its name before them."""
    for declaration in split(tokens, ";"):
        if declaration[0] in ("union", "struct") and declaration[1] == "{":
            end = closing(declaration, 1)
            if len(declaration) != end + 2:
                raise HeaderError(f"cannot read: {spelled(declaration)}")
            name = prefix + declaration[end + 1]
            yield Field(name, None)
            yield from members(declaration[2:end], name + ".")
            continue
        first, *others = split(declaration, ",")
        name, type_tokens = without_name(first)
        if name is None:
            raise HeaderError(f"a field without a name: {spelled(declaration)}")
        yield Field(prefix + name, spelled(type_tokens))
        for other in others:
            if len(other) != 1 or "*" in type_tokens or "[" in type_tokens:
                raise HeaderError(f"declare each on a line of its own: {spelled(declaration)}")
            yield Field(prefix + other[0], spelled(type_tokens))


# ---- everything ------------------------------------------------------------------------------------

def read(include):
    """(structs, aliases, names of constants) of the headers under |include|, in their order."""
    structs, aliases, constants = [], [], []
    tokens = without_attributes(TOKEN.findall("\n".join(own_lines(preprocess(include), include))))
    for declaration in declarations(tokens):
        typedef = declaration[0] == "typedef"
        rest = declaration[typedef:]
        if rest[0] == "struct" and len(rest) > 2 and rest[2] == "{":
            structs.append(Struct(rest[1], list(members(rest[3:closing(rest, 2)]))))
        elif rest[0] == "enum":
            if rest[1] != "{" or len(rest) != closing(rest, 1) + 1:
                raise HeaderError(f"enums have no names here: {spelled(rest)[:60]}")
            constants += [item[0] for item in split(rest[2:-1], ",")]
        elif typedef and rest[0] == "struct" and len(rest) == 3:
            continue  # the name of a struct whose body stands elsewhere
        elif typedef:
            name, type_tokens = without_name(rest)
            aliases.append(Alias(name, spelled(type_tokens)))
    return structs, aliases, constants + literals(include)


def literals(include):
    """Names of our macros that stand for one literal."""
    names = []
    for header in HEADERS:
        path = include / "tenon" / header
        if path.is_file():
            names += re.findall(r'^#define (TN_\w+) +(?:\d\w*|"[^"]*")(?: *//.*)?$',
                                path.read_text(encoding="utf-8"), re.M)
    return names
