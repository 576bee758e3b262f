"""Reading YAML files: duplicate keys are errors, 1e-5 is a number, and every key knows its line."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from yaml import SafeLoader as _Base
else:
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):
    """A safe loader that refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise UserError(
                    f"{self.name}:{key.start_mark.line + 1}: the key {key.value!r} stands twice"
                    f" (first in line {seen[key.value]}); remove one"
                )
            seen[key.value] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)
# YAML 1.1 reads 1e-5 as a string; everybody means the number.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file; errors name the file, the line and the column."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    loader = _Loader(text)
    loader.name = str(path)
    try:
        value = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UserError(f"{path}{place}: not valid YAML: {error.problem}") from None
    finally:
        loader.dispose()
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{path}: must hold keys and values (a mapping), found {type(value).__name__}")
    return value


def line_finder(path: Path) -> Callable[[str], int | None]:
    """A function from a dotted key to its line in the file, or None where the file does not have it."""

    def line(key: str) -> int | None:
        try:  # not before an error needs it: a thousand experiments take a tenth of a second
            return _line(yaml.compose(path.read_text(encoding="utf-8"), Loader=_Base), key)
        except (OSError, yaml.YAMLError):
            return None

    return line


def _line(node: yaml.Node | None, path: str, best: int | None = None) -> int | None:
    if not isinstance(node, yaml.MappingNode):
        return best
    for key, value in node.value:
        if path == key.value or path.startswith(f"{key.value}."):  # keys may have dots themselves
            return _line(value, path[len(key.value) + 1 :], key.start_mark.line + 1)
    return best
