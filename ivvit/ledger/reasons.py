"""Why two identities differ, in words."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ivvit.config.canonical import flatten

DataDiff = Callable[[str, str, str], str | None]
"""(data set, old digest, new digest) -> `2 videos changed, 1 added`, or None where the old manifest is not kept."""


def reasons(old: dict[str, Any], new: dict[str, Any], data_diff: DataDiff = lambda *_: None) -> list[str]:
    """One sentence per difference between the parts of two identities; empty if they are equal."""
    return [
        *_specification(old.get("spec", {}), new["spec"]),
        *_specification({"search": old.get("search", {})}, {"search": new.get("search", {})}),
        *_code(old.get("code", {}), new["code"]),
        *_data(old.get("data", {}), new["data"], data_diff),
        *_classes(old.get("classes", {}), new["classes"]),
        *_digests("frame store of {}", old.get("frames", {}), new["frames"]),
        *_digests("version of {}", old.get("versions", {}), new.get("versions", {})),
        *_digests("weights{}", _by_name(old.get("weights")), _by_name(new["weights"])),
    ]


def _specification(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    if old == new:
        return
    before, after = flatten(old), flatten(new)
    changed = {
        k: (before.get(k, "unset"), after.get(k, "unset"))
        for k in {**before, **after}
        if before.get(k, "unset") != after.get(k, "unset")
    }
    yield from (f"{key}: {_show(was)} -> {_show(now)}" for key, (was, now) in _collapse(changed, new).items())


def _collapse(changed: dict[str, tuple[Any, Any]], new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """`optimizer.lr` instead of the same change for every data set."""
    result = dict(changed)
    for section in ("optimizer", "lr_schedule"):
        names = list(new.get(section, {}))
        for field in {key.rpartition(".")[2] for key in changed if key.startswith(f"{section}.")}:
            keys = [f"{section}.{name}.{field}" for name in names]
            values = {str(changed.get(key)) for key in keys}
            if len(keys) > 1 and len(values) == 1 and keys[0] in changed:
                result[f"{section}.{field}"] = changed[keys[0]]
                for key in keys:
                    del result[key]
    return dict(sorted(result.items()))


def _code(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[str]:
    """What was edited. Nothing is said of a definition that only moved, nor of one whose text stayed and that refers to
    edited ones; if no text changed, it is what the names in it stand for."""
    if old == new:
        return
    before, after = _own(old), _own(new)
    gone, come = Counter(before.values()) - Counter(after.values()), Counter(after.values()) - Counter(before.values())
    edits: dict[str, list[str]] = {}
    for module, name in sorted({*before, *after}):
        was, is_ = before.get((module, name)), after.get((module, name))
        was_edited, is_edited = was != is_ and gone[was] > 0, was != is_ and come[is_] > 0
        if was_edited or is_edited:
            edits.setdefault(module, []).append(f"{name or 'module level'} {_verb(was_edited, is_edited)}")
    if not edits:
        yield from _rewired(old, new)
    for module, names in edits.items():
        if len(names) == len(old.get(module, {})) and module not in new:
            yield f"{module}: is no longer used"
        elif len(names) == len(new.get(module, {})) and module not in old:
            yield f"{module}: is now used"
        else:
            yield f"{module}: {', '.join(names)}"


def _own(code: dict[str, dict[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """(module, definition) -> (definition, digest of its own text)."""
    return {(m, name): (name, value.partition("-")[0]) for m, names in code.items() for name, value in names.items()}


def _rewired(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[str]:
    known = Counter((name, value) for names in old.values() for name, value in names.items())
    for module, names in new.items():
        for name, value in names.items():
            if not known[name, value]:
                yield f"{module}: {name or 'module level'} uses another definition of the same name"


def _verb(was: bool, is_: bool) -> str:
    return "changed" if was and is_ else "added" if is_ else "removed"


def _data(old: dict[str, str], new: dict[str, str], data_diff: DataDiff) -> Iterator[str]:
    for name in new:
        if name not in old:
            yield f"{name}: now trained on"
        elif old[name] != new[name]:
            yield f"{name}: {data_diff(name, old[name], new[name]) or 'content changed'}"
    yield from (f"{name}: no longer trained on" for name in old if name not in new)


def _classes(old: dict[str, int], new: dict[str, int]) -> Iterator[str]:
    yield from (f"{n}: {old[n]} -> {count} classes" for n, count in new.items() if n in old and old[n] != count)


def _digests(label: str, old: dict[str, str | None], new: dict[str, str | None]) -> Iterator[str]:
    for name in new:
        if old.get(name) != new[name]:
            yield f"{label.format(name)}: {_short(old.get(name))} -> {_short(new[name])}"


def _by_name(weights: str | dict[str, str | None] | None) -> dict[str, str | None]:
    """A study that searches them has several."""
    return {f" {name}": value for name, value in weights.items()} if isinstance(weights, dict) else {"": weights}


def _short(value: str | None) -> str:
    return "none" if value is None else value[:8]


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
