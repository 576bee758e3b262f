"""Turns a validation error into sentences: the key's path, what was found, what is allowed, the nearest known name."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from ivvit.config.base import Section
from ivvit.config.experiment import NAME, NAME_RULE
from ivvit.config.models import MODELS
from ivvit.ground.errors import UserError
from ivvit.ground.names import did_you_mean, unknown

MOST = 10  # problems shown in one message


def explain(
    error: ValidationError, model: type[BaseModel], source: str, prefix: str = "", where: Any = None
) -> UserError:
    """One message for all problems of a validation error; `where(path)` may add a line number."""
    told: dict[str, list[Mapping[str, Any]]] = {}
    problems = error.errors(include_url=False)
    for problem in problems[: 3 * MOST]:  # nobody reads thousands
        told.setdefault(".".join([prefix, *_visible(problem["loc"])]).strip("."), []).append(problem)
    lines = []
    for path, same in told.items():
        if any(other.startswith(f"{path}.") for other in told) and all(map(_wanted, same)):
            continue  # it is meant as the member of a union whose keys are told of
        line = where(path) if where else None
        lines.append(f"{source}{f':{line}' if line else ''}: {path or 'the file'}: {_together(same, model)}")
    return UserError(shortened("\n".join(lines), max(0, len(problems) - 3 * MOST)))


def shortened(message: str, unseen: int = 0) -> str:
    """The first lines of a message, and how many more problems there are."""
    lines, more = [], unseen
    for line in message.splitlines():
        if told := re.fullmatch(r"\.\.\. and (\d+) more", line):
            more += int(told[1])
        else:
            lines.append(line)
    more += max(0, len(lines) - MOST)
    return "\n".join([*lines[:MOST], *([f"... and {more} more"] if more > 0 else [])])


def _together(problems: list[Mapping[str, Any]], model: type[BaseModel]) -> str:
    """One sentence about a value: several problems of one are those of a union's members, none of which it is."""
    texts = list(dict.fromkeys(_sentence(problem, model) for problem in problems))
    if len(texts) == 1:
        return texts[0]
    if all(problem["type"] == "literal_error" for problem in problems):
        allowed = [name for problem in problems for name in _allowed(problem["ctx"]["expected"])]
        return _choice(problems[0]["input"], allowed)
    wanted = list(dict.fromkeys(filter(None, map(_wanted, problems))))
    if not wanted:
        return "; ".join(texts)
    whole = min(problems, key=lambda problem: len(_visible(problem["loc"])))
    shown = repr(whole["input"])
    return f"must be {' or '.join(wanted)}; found {shown[:80]}"


_WANTED = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}


def _wanted(problem: Mapping[str, Any]) -> str:
    """What one member of a union takes."""
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "literal_error":
        return " or ".join(_allowed(context["expected"]))
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return "keys and values"
    if kind in ("tuple_type", "list_type"):
        return "a list"
    for bound, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if bound in context:
            return f"{words} {context[bound]}"
    stem, _, rest = kind.partition("_")
    return _WANTED.get(stem, "") if rest in ("type", "parsing", "from_float") else ""


_TYPES = re.compile(r"(constrained-)?(int|float|bool|str)")
"""Members of a union, which pydantic names in the location; sections go by their classes' names."""


def _visible(loc: tuple[Any, ...]) -> list[str]:
    """The parts of a location that a user wrote (pydantic adds names of types, functions and chosen models)."""
    parts = [
        str(part)
        for part in loc
        if isinstance(part, int) or not (_TYPES.fullmatch(part) or part in _sections() or set(part) & set("[]()"))
    ]
    return [
        part for before, part in zip(["", *parts], parts, strict=False) if not (before == "model" and part in MODELS)
    ]


@cache
def _sections() -> frozenset[str]:
    """The names of all sections' classes."""
    found, queue = set[str](), [Section]
    while queue:
        queue += (inner := queue.pop().__subclasses__())
        found |= {section.__name__ for section in inner}
    return frozenset(found)


def _sentence(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    kind, found, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        known = sorted(_fields_at(model, problem["loc"][:-1]))
        return unknown("key", str(problem["loc"][-1]), known)
    if kind == "missing":
        return "is required and missing"
    if kind in ("literal_error", "union_tag_invalid"):
        return _choice(context.get("tag", found), _allowed(context.get("expected") or context["expected_tags"]))
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return f"must hold keys and values (a mapping); found {str(found)[:80]!r}"
    if kind in ("tuple_type", "list_type"):
        return f"must be a list, such as [0, 1]; found {str(found)[:80]!r}"
    if kind == "string_pattern_mismatch" and context.get("pattern") == NAME:
        return f"is not a valid name: {NAME_RULE}; found {str(found)[:60]!r}"
    if kind == "string_type" and problem["loc"] and problem["loc"][-1] == "[key]":
        return f"a name must be text; write it in quotes: {str(found)!r}"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    shown = repr(found)
    return message if kind == "value_error" and shown[0] in "{[" else f"{message}; found {shown[:80]}"


def _allowed(expected: str) -> list[str]:
    """The names in pydantic's `'a', 'b' or 'c'`."""
    return [name.strip().strip("'") for name in expected.replace(" or ", ", ").split(",")]


def _choice(found: Any, names: list[str]) -> str:
    return f"found {found!r}; {did_you_mean(str(found), names)}allowed: {', '.join(names)}"


def _fields_at(model: Any, loc: tuple[Any, ...]) -> set[str]:
    """The keys allowed at a location, following models through containers and unions."""
    models = _models(model)
    for part in loc:
        inner = [m.model_fields[part].annotation for m in models if part in getattr(m, "model_fields", {})]
        if inner:
            models = [found for annotation in inner for found in _models(annotation)]
        else:  # a key of a mapping, or a union's tag
            models = [
                m for m in models if m.model_fields.get("name") is None or m.model_fields["name"].default == part
            ] or models
    return {field for m in models for field in m.model_fields}


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in get_args(annotation) for model in _models(inner)]
