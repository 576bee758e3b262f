"""Reading YAML 1.2 files: duplicate keys are errors, and every key knows its line."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_NODES = 200_000
"""Keys and values of a file with its aliases spelled out: a grid of thousands has fewer, a bomb of aliases has more."""


class _Loader(_Base):
    """A safe loader that reads YAML 1.2's scalars and refuses duplicate keys."""

    yaml_implicit_resolvers = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise UserError(f"{self.name}:{line}: a key must be a word, not a list or a mapping")
            if key.value in seen and key.tag != _MERGE:
                raise UserError(f"{self.name}:{line}: duplicate key {key.value!r} (first in line {seen[key.value]})")
            seen[key.value] = line
        return super().construct_mapping(node, deep)


_MERGE = "tag:yaml.org,2002:merge"


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = node.value.replace("_", "")
    return int(text, 0) if text.lstrip("+-")[:2].lower() in ("0x", "0o") else int(text)


# YAML 1.1, which PyYAML reads, takes 010 for 8, 1:30 for 90, `on` and `no` for truth values, 2020-01-01 for a date and
# 1e-5 for a word. These are YAML 1.2's scalars (chapter 10.3), with Python's underscores in numbers.
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
for _tag, _pattern, _first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(0o[0-7]+|0x[0-9a-fA-F]+|[0-9][0-9_]*)$", list("-+0123456789")),
    (
        "float",
        r"^([-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$",
        list("-+.0123456789"),
    ),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file; errors name the file, the line and the column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    try:
        value = _parse(text, str(path))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UserError(f"{path}{place}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply for a configuration; is it the right file?") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: must hold keys and values (a mapping), found {type(value).__name__}")
    return value


def read_assignment(text: str, option: str) -> tuple[str, Any]:
    """`key=value` of a command line; the value as in a file.

    Raises:
        UserError: it has another form; the message names the option.
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        hint = "" if "=" in text else f" (the name of an experiment goes before {option}, which takes several values)"
        raise UserError(f"{option} {text}: write key=value, for instance optimizer.lr=1e-4{hint}")
    try:
        return key.strip(), _parse(value, f"{option} {text}")
    except (yaml.YAMLError, RecursionError):
        raise UserError(f"{option} {text}: {value!r} is not a valid value; quote it as in a YAML file") from None


def _parse(text: str, name: str) -> Any:
    loader = _Loader(text)
    loader.name = name
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MOST_NODES:
            raise UserError(f"{name}: its aliases (*name) stand for more than {MOST_NODES:,} values; write fewer")
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are with aliases spelled out; shared ones are counted once and added each time."""
    if id(node) not in known:
        known[id(node)] = 1  # of an alias to what it is in, which constructing refuses
        parts = node.value if not isinstance(node, yaml.ScalarNode) else ()
        inner = [part for entry in parts for part in (entry if isinstance(entry, tuple) else (entry,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in inner)
    return known[id(node)]


def line_finder(path: Path) -> Callable[[str], int | None]:
    """A function from a dotted key to its line in the file, or None where the file does not have it."""

    @cache
    def nodes() -> yaml.Node | None:
        try:
            return yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=_Base)
        except (OSError, yaml.YAMLError):
            return None

    # not before an error needs it: a thousand experiments take a tenth of a second
    return lambda key: _line(nodes(), key)


def _line(node: yaml.Node | None, path: str, best: int | None = None) -> int | None:
    if not isinstance(node, yaml.MappingNode):
        return best
    for key, value in node.value:
        if path == key.value or path.startswith(f"{key.value}."):  # keys may have dots themselves
            return _line(value, path[len(key.value) + 1 :], key.start_mark.line + 1)
    return best
