"""docs/configuration.md, from the same models as the JSON schema; `python -m ivvit.config.reference` writes it."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ivvit.config.schema import schema

PATH = Path(__file__).parents[2] / "docs" / "configuration.md"
_HEAD = """\
# Configuration reference

Generated from the models in `ivvit/config/` by `make schema`. Editors that know YAML show the same as completion, from
`config/schema.json`. A wrong key or value gives one message, with file, line, key and the nearest known name, before
anything runs. `<name>` is a name that you choose. It becomes a folder, so it is made of letters, digits and
`. _ = + -`.

Everything but `runtime`, `results` and where data lies is part of the identities of results: see
[What makes a result stale](staleness.md).
"""
_SAME_AS = {"ExperimentEntry": ("Defaults", "defaults"), "RuntimeOverrides": ("RuntimeOptions", "runtime")}
_PLURAL = {"integer": "integers", "number": "numbers", "string": "strings"}
Schema = dict[str, Any]


class _Reference:
    """Walks through the schema, section by section; each is described where it is met first."""

    def __init__(self, root: Schema) -> None:
        self._root, self._defs = root, root["$defs"]
        self._places: dict[str, str] = {}

    def text(self) -> str:
        """The page."""
        todo = [("", self._root)]
        sections = []
        while todo:
            place, section = todo.pop(0)
            sections.append("\n".join(self._section(place, section)))
            todo = [*self._inner(place, section), *todo]
        return _HEAD + "\n" + "\n\n".join(sections) + "\n"

    def _inner(self, place: str, section: Schema) -> Iterator[tuple[str, Schema]]:
        """The sections that this one's keys hold, and that have not been met."""
        for key, field in _own(section, self._defs).items():
            for name, suffix in _references(field):
                if name not in self._places:
                    self._places[name] = f"{place}.{key}{suffix}".strip(".")
                    yield self._places[name], {**self._defs[name], "title": name}

    def _section(self, place: str, section: Schema) -> Iterator[str]:
        one_of = section.get("properties", {}).get("name", {}).get("const")
        yield f"## `{place}`{f': {one_of}' if one_of else ''}\n" if place else "## The file\n"
        known = _SAME_AS.get(section.get("title", ""))
        intro = section.get("description", "") if place else ""
        if known:
            intro += f" All keys of `{known[1]}`" + (", and:" if _own(section, self._defs) else ".")
        if intro:
            yield f"{textwrap.fill(intro.strip(), 120)}\n"
        for key, field in _own(section, self._defs).items():
            if key == "name" and one_of:
                continue
            yield self._entry(key, field, key in section.get("required", []))

    def _entry(self, key: str, field: Schema, required: bool) -> str:
        default = field.get("default")
        said = "required" if required else ""
        if "default" in field and default not in (None, {}, []) and len(json.dumps(default)) < 60:
            said = f"default `{_yaml(default)}`"
        kind = self._kind(field)
        about = "; ".join(part for part in (kind, said) if part)
        description = " ".join(self._description(field).split())
        text = f"- **`{key}`** ({about})" + (f": {description}" if description else "")
        return textwrap.fill(text, 120, subsequent_indent="  ", break_on_hyphens=False, break_long_words=False)

    def _description(self, field: Schema) -> str:
        """The field's own, or what the one definition says that it refers to."""
        names = {name for name, _ in _references(field)}
        inherited = self._defs[names.pop()].get("description", "") if len(names) == 1 else ""
        return field.get("description") or inherited

    def _kind(self, field: Schema) -> str:
        if "$ref" in field or "allOf" in field:
            return "keys below"
        if "anyOf" in field or "oneOf" in field:
            kinds = [self._kind(one) for one in field.get("anyOf") or field["oneOf"] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
        if "enum" in field:
            return " or ".join(f"`{_yaml(value)}`" for value in field["enum"])
        if "const" in field:
            return f"`{_yaml(field['const'])}`"
        if field.get("type") == "array":
            items = field.get("items") or (field.get("prefixItems") or [{}])[0]
            kind = self._kind(items)
            word, _, rest = kind.partition(" ")
            return f"list of {_PLURAL.get(word, word)} {rest}".strip()
        if field.get("type") == "object":
            inner: Any = field.get("additionalProperties") or next(
                iter(field.get("patternProperties", {}).values()), {}
            )
            return f"by name: {self._kind(inner)}" if isinstance(inner, dict) and inner else "keys and values"
        return f"{field.get('type', 'anything')}{_range(field)}"


def _own(section: Schema, defs: Schema) -> dict[str, Schema]:
    """A section's keys, without those that it has in common with another."""
    properties = dict(section.get("properties", {}))
    known = _SAME_AS.get(section.get("title", ""))
    common = defs[known[0]]["properties"] if known else {}
    return {key: field for key, field in properties.items() if key not in common}


def _references(field: Any, suffix: str = "") -> Iterator[tuple[str, str]]:
    """(definition, `.<name>` if it is met below a name) of all definitions that a field refers to."""
    if isinstance(field, list):
        for one in field:
            yield from _references(one, suffix)
    elif isinstance(field, dict):
        for key, value in field.items():
            if key == "$ref":
                yield value.rpartition("/")[2], suffix
            elif key in ("additionalProperties", "patternProperties"):
                yield from _references(value, f"{suffix}.<name>")
            elif key not in ("discriminator", "default"):
                yield from _references(value, suffix)


def _range(field: Schema) -> str:
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    said = [f"{word} {field[key]:g}" for key, word in bounds.items() if key in field and abs(field[key]) < 1e6]
    return f" {' '.join(said)}" if said else ""


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)


def reference_text() -> str:
    """The page's text."""
    return _Reference(schema()).text()


if __name__ == "__main__":
    PATH.write_text(reference_text(), encoding="utf-8")
