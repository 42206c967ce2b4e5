# SPDX-License-Identifier: Apache-2.0
"""Headers with one change each, and what must be said about it."""

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from . import compare, dwarf, headers, layout

# (header, text, instead, part of the message, whether it is growth)
PLANTED = (
    ("plugin.h", "  void (*log)(", "  void *planted;\n  void (*log)(",
     "tn_host_api.planted is new at offset 24, not at the end", False),
    ("plugin.h", "  void (*log)(", "  void *planted;\n  void (*log)(",
     "tn_host_api.log moved from offset 24 to 32", False),
    ("plugin.h", "  int32_t rank;\n  tn_dtype dtype;", "  tn_dtype dtype;\n  int32_t rank;",
     "tn_view.rank moved from offset 24 to 28", False),
    ("plugin.h", "  tn_dtype dtype;\n  uint32_t flags;", "  uint32_t dtype;\n  uint32_t flags;",
     "tn_view.dtype is 'uint32_t', not 'tn_dtype' any more", False),
    ("plugin.h", "  int32_t (*thread_count)(void);\n\n", "  int64_t (*thread_count)(void);\n\n",
     "tn_host_api.thread_count is 'int64_t (*)(void)'", False),
    ("plugin.h", "  char cpu_features[64];", "  char cpu_features[96];", "has 96 bytes instead of 64", False),
    ("plugin.h", "  } immediate;", "    char planted[24];\n  } immediate;", "tn_view.immediate has 24 bytes", False),
    ("plugin.h", "  const void *attrs;\n", "  const void *attrs;\n  void *planted;\n",
     "tn_args.planted is new at offset 32, at its end", True),
    ("plugin.h", "  const void *attrs;\n", "  const void *attrs;\n  uint32_t planted;\n",
     "tn_args ends in 4 bytes of padding", None),
    ("plugin.h", "  uint64_t memory_bytes;", "  tn_args planted;\n  uint64_t memory_bytes;",
     "tn_device_properties.planted holds a tn_args, which grows", None),
    ("plugin.h", "TN_VIEW_IMMEDIATE = 1u << 1", "TN_VIEW_IMMEDIATE = 1u << 3", "TN_VIEW_IMMEDIATE is 8 instead", False),
    ("plugin.h", "#define TN_NOTE_TYPE 0x544e", "#define TN_NOTE_TYPE 0x544f", "TN_NOTE_TYPE is 21583", False),
    ("plugin.h", '#define TN_NOTE_OWNER "Tenon"', '#define TN_NOTE_OWNER "Tenor"', "TN_NOTE_OWNER is", False),
    ("types.h", "typedef int32_t tn_status;", "typedef int64_t tn_status;", "the alias tn_status is int64_t", False),
    ("types.h", "X(OUT_OF_RANGE, 2,", "X(OUT_OF_RANGE, 22,", "TN_OUT_OF_RANGE is 22 instead of 2", False),
    ("types.h", "  X(OUT_OF_RANGE, 2,", "  X(PLANTED, 99, \"planted\") X(OUT_OF_RANGE, 2,", "TN_PLANTED is new: 99", True),
    ("op_args.h", "  tn_scalar alpha;\n} tn_add_Tensor_attrs;",
     "  tn_scalar alpha;\n  TN_SLOT bool planted;\n} tn_add_Tensor_attrs;",
     "tn_add_Tensor_attrs.planted is new at offset 24, at its end", True),
    ("op_args.h", "  tn_scalar alpha;\n} tn_add_Tensor_attrs;",
     "  tn_scalar alpha;\n  tn_dtype a;\n  bool planted;\n} tn_add_Tensor_attrs;",
     "tn_add_Tensor_attrs.planted does not start on 8 bytes", None),
    ("op_args.h", "TN_ARG_add_Tensor_self = 1", "TN_ARG_add_Tensor_self = 2", "TN_ARG_add_Tensor_self is 2", False),
    ("plugin.h", "  void (*quiesce)(void);", "  unsigned quiesce : 1;", "a field without a name", None),
)


@contextmanager
def planted(include, header, text, instead):
    """A copy of the headers with |instead| in place of |text|."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder).resolve() / "include"
        shutil.copytree(include, copy)
        path = copy / "tenon" / header
        source = path.read_text(encoding="utf-8")
        if text not in source:
            raise headers.HeaderError(f"'{text}' does not stand in {header}: plant elsewhere")
        path.write_text(source.replace(text, instead, 1), encoding="utf-8")
        yield copy


def said(include, header, text, instead, before):
    """Every message about |header| with |instead| in place of |text|, and whether all is growth."""
    try:
        with planted(include, header, text, instead) as copy:
            after = layout.measure(copy)
    except headers.HeaderError as error:
        return [str(error)], None
    changes = compare.differences(before, after)
    rules = list(compare.broken_rules(after))
    return [c.text for c in changes] + rules, None if rules else all(c.grown for c in changes)


def second_opinion_holds(include, before):
    """Whether libabigail sees no difference where there is none, and one that is planted."""
    with tempfile.TemporaryDirectory() as folder:
        recorded = Path(folder) / "types.abi"
        dwarf.describe(include, before, recorded)
        same = dwarf.report(include, before, recorded)
        with planted(include, *PLANTED[0][:3]) as copy:
            other = dwarf.report(copy, before, recorded)
    return not same and "planted" in other


def run(include):
    """Prints what was not said; the exit status."""
    before, failed = layout.measure(include), 0
    if compare.differences(before, before) or layout.parse(layout.render(before), before.version) != before:
        failed += 1
        print("a layout differs from itself")
    for header, text, instead, expected, grown in PLANTED:
        messages, is_growth = said(include, header, text, instead, before)
        if not any(expected in message for message in messages) or is_growth != grown:
            failed += 1
            print(f"planted {instead!r}: expected '{expected}' (growth: {grown}), "
                  f"got {messages or 'nothing'} (growth: {is_growth})")
    if not dwarf.missing() and not second_opinion_holds(include, before):
        failed += 1
        print("abidiff does not see the planted field, or sees one that is not there")
    print(f"abi: {len(PLANTED)} planted changes, {failed} not described as they should be")
    return 1 if failed else 0
