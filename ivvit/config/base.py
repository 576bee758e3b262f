"""What every section of the configuration is built on."""

from functools import cache
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, model_validator
from pydantic.config import JsonDict


def off(value: JsonValue) -> JsonDict:
    """For `Field(json_schema_extra=off(value))`: with this value it is as if the key did not exist.

    The canonical specification leaves it out then, so that a new key makes no earlier result stale. It need not be the
    default.
    """
    return {"off": value}


def named(value: Any) -> Any:
    """Let `key: name` stand for `key: {name: name}`."""
    return {"name": value} if isinstance(value, str) else value


class Section(BaseModel):
    """A frozen section; unknown keys are errors, defaults are checked, descriptions come from the fields."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        defer_build=True,  # most sections are only parts of another
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """The section itself: it is frozen, and pydantic would copy each default for each of a thousand experiments."""
        return self

    @model_validator(mode="before")
    @classmethod
    def _no_truth_value_for_a_number(cls, value: Any) -> Any:
        """pydantic takes true for 1."""
        for key, found in value.items() if isinstance(value, dict) else ():
            values = found if isinstance(found, list | tuple) else (found,)
            if any(one is True or one is False for one in values) and not _takes_bool(cls, key):
                raise ValueError(f"{key}: found {found}, which is not a value it takes")
        return value


def _path(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; name a folder or file")
    bad = [character for character in value if character in "{}" or not character.isprintable()]
    if bad:
        raise ValueError(f"must not hold braces or control characters; found {bad[0]!r} in {value!r}")
    return value


PathText = Annotated[str, AfterValidator(_path)]
"""A path as users write it. Braces would be Snakemake's wildcards."""


@cache
def _takes_bool(model: type[BaseModel], key: str) -> bool:
    field = model.model_fields.get(key)
    return field is None or _has(field.annotation, (bool, Any))


def _has(annotation: Any, wanted: tuple[Any, ...]) -> bool:
    return annotation in wanted or any(_has(inner, wanted) for inner in get_args(annotation))
