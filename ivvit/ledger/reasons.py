"""Why a result is not today's: reasons, each with a text."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ivvit.config.canonical import flatten

Splits = dict[str, str]
"""Split -> its digest."""
DataDiff = Callable[[str, str, str], str | None]
"""(data set, old digest, new digest) -> `2 videos changed, 1 added`, or None where the old manifest is not kept."""

Kind = Literal[
    "spec", "code", "data", "classes", "frames", "weights", "versions",  # parts of an identity that differ
    "check", "study",  # what must be done before an identity is known
    "progress", "holder", "failure", "accepted", "drift", "damage",  # what else is to be said of a run
]  # fmt: skip


@dataclass(frozen=True)
class Reason:
    """One difference between two identities, or one thing that is to be said of a run."""

    kind: Kind
    subject: str
    """The key of the specification, the module, the data set, the weights, the check, the study."""
    old: Any = None
    new: Any = None
    detail: str = ""
    """What is known beyond that: which definitions or files changed."""

    @property
    def text(self) -> str:
        """In words."""
        if self.kind == "check":
            return self.detail
        if self.kind == "study":
            return f"study {self.subject} {self.detail}"
        if self.detail:
            return f"{self.subject}: {self.detail}" if self.subject else self.detail
        change = f"{_show(self.old)} -> {_show(self.new)}"
        named = {"frames": "frame store of ", "versions": "version of ", "weights": "weights "}
        if self.kind == "classes":
            return f"{self.subject}: {change} classes"
        return f"{named.get(self.kind, '')}{self.subject}".strip() + f": {change}"


def reasons(old: dict[str, Any], new: dict[str, Any], data_diff: DataDiff = lambda *_: None) -> list[Reason]:
    """One reason per difference between the parts of two identities; empty if they are equal."""
    return [
        *_specification(old.get("spec", {}), new["spec"]),
        *_specification({"search": old.get("search", {})}, {"search": new.get("search", {})}),
        *(Reason("code", module, detail=text) for module, text in _code(old.get("code", {}), new["code"])),
        *_data(old.get("data", {}), new["data"], data_diff),
        *_classes(old.get("classes", {}), new["classes"]),
        *_digests("frames", old.get("frames", {}), new["frames"]),
        *_digests("versions", old.get("versions", {}), new.get("versions", {})),
        *_digests("weights", _by_name(old.get("weights")), _by_name(new["weights"])),
    ]


def _specification(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Reason]:
    if old == new:
        return
    before, after = flatten(old), flatten(new)
    changed = {
        k: (before.get(k, "unset"), after.get(k, "unset"))
        for k in {**before, **after}
        if before.get(k, "unset") != after.get(k, "unset")
    }
    yield from (Reason("spec", key, was, now) for key, (was, now) in _collapse(changed, new).items())


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


def _code(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    """(module, what was edited in it).

    Nothing is said of a definition that only moved, nor of one whose text stayed and that refers to edited ones; if no
    text changed, it is what the names in it stand for.
    """
    if old == new:
        return
    before, after = _own(old), _own(new)
    gone, come = Counter(before.values()) - Counter(after.values()), Counter(after.values()) - Counter(before.values())
    edits: dict[str, list[str]] = {}
    for module, name in sorted({*before, *after}):
        was, is_ = before.get((module, name)), after.get((module, name))
        was_edited = was is not None and was != is_ and gone[was] > 0
        is_edited = is_ is not None and was != is_ and come[is_] > 0
        if was_edited or is_edited:
            edits.setdefault(module, []).append(f"{name or 'module level'} {_verb(was_edited, is_edited)}")
    if not edits:
        yield from _rewired(old, new)
    for module, names in edits.items():
        if len(names) == len(old.get(module, {})) and module not in new:
            yield module, "is no longer used"
        elif len(names) == len(new.get(module, {})) and module not in old:
            yield module, "is now used"
        else:
            yield module, ", ".join(names)


def _own(code: dict[str, dict[str, str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """(module, definition) -> (definition, digest of its own text)."""
    return {(m, name): (name, value.partition("-")[0]) for m, names in code.items() for name, value in names.items()}


def _rewired(old: dict[str, dict[str, str]], new: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    known = Counter((name, value) for names in old.values() for name, value in names.items())
    for module, names in new.items():
        for name, value in names.items():
            if not known[name, value]:
                yield module, f"{name or 'module level'} uses another definition of the same name"


def _verb(was: bool, is_: bool) -> str:
    return "changed" if was and is_ else "added" if is_ else "removed"


def _data(old: dict[str, Splits], new: dict[str, Splits], data_diff: DataDiff) -> Iterator[Reason]:
    for name in new:
        if name not in old:
            yield Reason("data", name, None, new[name], "now trained on")
            continue
        earlier = old[name] if isinstance(old[name], dict) else {}  # earlier versions had one digest of all
        for split in [split for split in new[name] if new[name][split] != earlier.get(split)]:
            before, after = earlier.get(split), new[name][split]
            where = "" if split == "train" else f" ({split})"
            detail = (before and data_diff(name, before, after)) or "content changed"
            yield Reason("data", f"{name}{where}", before, after, detail)
    yield from (Reason("data", name, old[name], None, "no longer trained on") for name in old if name not in new)


def _classes(old: dict[str, int], new: dict[str, int]) -> Iterator[Reason]:
    yield from (Reason("classes", n, old[n], count) for n, count in new.items() if n in old and old[n] != count)


def _digests(kind: Kind, old: dict[str, str | None], new: dict[str, str | None]) -> Iterator[Reason]:
    short = (lambda value: value) if kind != "weights" else _short
    for name in new:
        if old.get(name) != new[name]:
            yield Reason(kind, name, short(old.get(name)), short(new[name]))


def _by_name(weights: str | dict[str, str | None] | None) -> dict[str, str | None]:
    """A study that searches them has several."""
    return weights if isinstance(weights, dict) else {"": weights}


def _short(value: str | None) -> str | None:
    return None if value is None else value[:8]


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
