# SPDX-License-Identifier: Apache-2.0
"""What has changed between two layouts, and what no layout may do."""

from collections import namedtuple

# |grown|: a plugin that was built before cannot notice. Else it reads or writes the wrong thing.
Change = namedtuple("Change", "grown text")

GROWS_BY_STRIDE = {"tn_kernel_row"}  # arrays of these carry the distance between two
GROWS_WITH_ITS_LAST = {"tn_plugin_note"}  # the note's own header says how long it is


def is_attrs(name):
    return name.endswith("_attrs")


def grows(name, struct):
    """Whether fields may be added at the end: whoever reads it knows how long it is."""
    return "struct_size" in struct.fields or is_attrs(name) or name in GROWS_BY_STRIDE


def differences(old, new):
    changes = []
    for name in [*old.structs, *(n for n in new.structs if n not in old.structs)]:
        if name not in new.structs:
            changes.append(Change(False, f"{name} is gone"))
        elif name not in old.structs:
            changes.append(Change(True, f"{name} is new"))
        else:
            changes += struct_differences(name, old.structs[name], new.structs[name])
    for kind, before, after in (("the alias ", old.aliases, new.aliases), ("", old.constants, new.constants)):
        changes += value_differences(kind, before, after)
    return changes


def struct_differences(name, old, new):
    changes = []
    for field, was in old.fields.items():
        now = new.fields.get(field)
        if now is None:
            changes.append(Change(False, f"{name}.{field} is gone"))
        elif now.offset != was.offset:
            changes.append(Change(False, f"{name}.{field} moved from offset {was.offset} to {now.offset}"))
        elif now.size != was.size:
            changes.append(Change(False, f"{name}.{field} has {now.size} bytes instead of {was.size}"))
        elif now.type != was.type:
            changes.append(Change(False, f"{name}.{field} is '{now.type}', not '{was.type}' any more"))
    for field, now in new.fields.items():
        if field not in old.fields:
            at_end = now.offset >= old.size and grows(name, old)
            where = "at its end" if at_end else "not at the end of a struct that may grow"
            changes.append(Change(at_end, f"{name}.{field} is new at offset {now.offset}, {where}"))
    if new.size < old.size or (new.size != old.size and not changes and name not in GROWS_WITH_ITS_LAST):
        changes.append(Change(False, f"{name} has {new.size} bytes instead of {old.size}"))
    if new.align != old.align:
        changes.append(Change(False, f"{name} is aligned to {new.align} bytes instead of {old.align}"))
    return reordered(changes)


def reordered(changes):
    """What is new or gone first: it is why the others moved."""
    return sorted(changes, key=lambda change: " is new" not in change.text and " is gone" not in change.text)


def value_differences(kind, old, new):
    for name, value in old.items():
        if name not in new:
            yield Change(False, f"{kind}{name} is gone")
        elif new[name] != value:
            yield Change(False, f"{kind}{name} is {new[name]} instead of {value}")
    for name, value in new.items():
        if name not in old:
            yield Change(True, f"{kind}{name} is new: {value}")


def broken_rules(layout):
    """What would make growing impossible later, whatever the layout was before."""
    for name, struct in layout.structs.items():
        end = 0
        own = {f: field for f, field in struct.fields.items() if "." not in f}
        for field, (offset, size, type_) in own.items():
            if is_attrs(name):
                if offset % 8 != 0:
                    yield f"{name}.{field} does not start on 8 bytes: write TN_SLOT before it"
            elif offset != end:
                yield f"{name}: {offset - end} bytes of padding before {field}; declare them as reserved"
            end = offset + size
            inner = layout.structs.get(type_)
            if inner is not None and grows(type_, inner) and name not in GROWS_WITH_ITS_LAST:
                yield f"{name}.{field} holds a {type_}, which grows: point to it instead"
        if not is_attrs(name) and struct.size != end:
            yield (f"{name} ends in {struct.size - end} bytes of padding, so that its size would not tell "
                   "whether a small new field is there; declare them as reserved")
    for name in GROWS_WITH_ITS_LAST & layout.structs.keys():
        last = list(layout.structs[name].fields.values())[-1]
        if last.type not in layout.structs:
            yield f"{name}: what grows must stand last"
