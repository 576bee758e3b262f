"""Hyperparameter studies."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.base import Section, named
from ivvit.config.datasets import Holdout, HoldoutOptions
from ivvit.config.experiment import Seed

Scalar = bool | int | float | str


class Dimension(Section):
    """One searched key: {low, high}, with log or step, or {choices}."""

    low: int | float | None = None
    """The smallest value."""
    high: int | float | None = None
    """The largest value."""
    log: bool = False
    """Search on a logarithmic scale."""
    step: int | float | None = Field(None, gt=0)
    """Only multiples of it from `low`."""
    choices: tuple[Scalar, ...] | None = None
    """A fixed set of values."""
    when: dict[str, Scalar | tuple[Scalar, ...]] = {}
    """Only searched when these other keys of the space have (one of) these values."""

    @property
    def bounds(self) -> tuple[int | float, int | float]:
        """low and high of a range."""
        assert self.low is not None and self.high is not None, "a dimension with choices has no bounds"
        return self.low, self.high

    @property
    def is_int(self) -> bool:
        """Whether the values are whole numbers."""
        return all(isinstance(v, int) for v in (self.low, self.high, *([self.step] if self.step else [])))

    @model_validator(mode="before")
    @classmethod
    def _list_of_choices(cls, value: Any) -> Any:
        return {"choices": value} if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _sensible(self) -> "Dimension":
        if self.choices is not None:
            if self.low is not None or self.high is not None or self.log or self.step:
                raise ValueError("give either choices or low and high, not both")
            if not self.choices:
                raise ValueError("choices is empty; give at least one value")
            if len(set(map(repr, self.choices))) < len(self.choices):
                raise ValueError(f"choices must differ, found {list(self.choices)}")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or choices")
        if not self.low < self.high:
            raise ValueError(f"the range is empty: low {self.low:g} must be less than high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs low > 0, found {self.low:g}")
        if self.step and self.step > self.high - self.low:
            raise ValueError(f"step {self.step:g} is larger than the range from {self.low:g} to {self.high:g}")
        if self.log and self.step:
            raise ValueError("log and step exclude each other")
        return self


class Objective(Section):
    """What a study optimises: a metric of the validation at the end."""

    metric: Literal["top1", "top5", "loss"] = "top1"
    """loss is minimised, the others are maximised."""
    datasets: tuple[str, ...] | Literal["all"] = "all"
    """The data sets averaged over: all, one name, or a list."""

    @field_validator("datasets", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) and value != "all" else value

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Optuna's direction."""
        return "minimize" if self.metric == "loss" else "maximize"


class SamplerOptions(Section):
    """Which of Optuna's samplers proposes the parameters."""

    name: Literal["TPE", "GP", "CMA-ES", "grid", "random"] = "TPE"
    """Each as in Optuna; GP is for few and dear trials, CMA-ES for numbers alone."""
    startup_trials: int = Field(10, ge=1)
    """Random trials before the sampler's model is used (TPE, GP)."""
    grid_points: int = Field(5, ge=2)
    """grid: points of a continuous range."""


class PrunerOptions(Section):
    """Which of Optuna's pruners stops hopeless trials."""

    name: Literal["none", "median", "hyperband"] = "none"
    """They look at the trial's validations: set `validation.every` under the study's `set`."""
    startup_trials: int = Field(5, ge=0)
    """median: trials before any is pruned."""
    min_iterations: int = Field(1, ge=1)
    """Iterations before a trial may be pruned."""


def _list(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class StudyOptions(Section):
    """A search over keys of a base experiment."""

    base: str
    """The experiment whose keys are searched."""
    n_trials: int = Field(ge=1, le=1_000_000)
    """Total number of trials."""
    holdout: Holdout | None = HoldoutOptions()
    """What trials hold out of train where a data set has no val: it selects among them, and test stays unseen."""
    set: dict[str, Any] = {}
    """Dotted keys that trials have otherwise than the base experiment, for instance iterations: 1000."""
    space: dict[str, Dimension] = Field(min_length=1)
    """Dotted keys of the experiment, for instance optimizer.lr."""
    objective: Annotated[
        tuple[Objective, ...],
        BeforeValidator(_list, json_schema_input_type=Objective | list[Objective]),
        Field(min_length=1),
    ] = (Objective(),)
    """One objective, or several (which need `pick`)."""
    pick: int | None = Field(None, ge=0)
    """Several objectives: of the Pareto front, the trial that is best in this objective (0 is the first)."""
    sampler: Annotated[SamplerOptions, BeforeValidator(named, json_schema_input_type=str | SamplerOptions)] = (
        SamplerOptions()
    )
    pruner: Annotated[PrunerOptions, BeforeValidator(named, json_schema_input_type=str | PrunerOptions)] = (
        PrunerOptions()
    )
    seed: Seed = 0
    """Seed of the sampler and of every trial's training."""
    workers: int = Field(1, ge=1, le=10_000)
    """Jobs that work on the study at the same time; never part of the result."""
    storage: str | None = None
    """An SQLAlchemy URL (postgresql://...); by default a journal file beside the study."""

    @field_validator("storage")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is not None and "://" not in value:
            raise ValueError("must be an SQLAlchemy URL, such as postgresql://user@host/studies")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "StudyOptions":
        if len(self.objective) > 1:
            if self.pick is None or self.pick >= len(self.objective):
                raise ValueError(f"several objectives need pick: 0 to {len(self.objective) - 1}, found {self.pick}")
            if self.pruner.name != "none":
                raise ValueError(f"Optuna cannot prune several objectives; set pruner: none, found {self.pruner.name}")
            if self.sampler.name == "CMA-ES":
                raise ValueError("CMA-ES takes one objective; use sampler: TPE, GP, grid or random for several")
        for key, dimension in self.space.items():
            for other, values in dimension.when.items():
                choices = self.space[other].choices if other in self.space else None
                unknown = set(_list(values)) - set(choices or ())
                if choices is None or unknown:
                    raise ValueError(f"space.{key}.when: {other}: {values} is not a choice of the space's {other}")
        search_order(self.space)
        if self.sampler.name == "grid" and (points := grid_size(self.space, self.sampler.grid_points)) < self.n_trials:
            raise ValueError(
                f"the grid has {points} points, n_trials is {self.n_trials}; "
                f"set n_trials: {points}, more sampler.grid_points, or another sampler"
            )
        return self


def search_order(space: dict[str, Dimension]) -> list[str]:
    """The keys by name, each after the keys that its `when` looks at: the order of a YAML file must not matter.

    Raises:
        ValueError: conditions are circular.
    """
    done: list[str] = []
    while len(done) < len(space):
        ready = [key for key in sorted(space) if key not in done and all(other in done for other in space[key].when)]
        if not ready:
            raise ValueError(f"the conditions (when) of {', '.join(sorted(set(space) - set(done)))} are circular")
        done.append(ready[0])
    return done


def grid_size(space: dict[str, Dimension], points: int) -> int:
    """The points of a grid of which a continuous range has `points` values: at most so many, where some coincide."""
    return _combinations(space, search_order(space), points, {})


def _combinations(space: dict[str, Dimension], keys: list[str], points: int, chosen: dict[str, Any]) -> int:
    if not keys:
        return 1
    dimension, rest = space[keys[0]], keys[1:]
    if any(chosen.get(other) not in _list(values) for other, values in dimension.when.items()):
        return _combinations(space, rest, points, chosen)
    if dimension.choices is None:
        return _values(dimension, points) * _combinations(space, rest, points, chosen)
    if not any(keys[0] in space[key].when for key in rest):  # the same for each choice
        return len(dimension.choices) * _combinations(space, rest, points, chosen)
    return sum(_combinations(space, rest, points, {**chosen, keys[0]: choice}) for choice in dimension.choices)


def _values(dimension: Dimension, points: int) -> int:
    low, high = dimension.bounds
    if dimension.step is not None or (dimension.is_int and high - low < points):
        return int((high - low) / (dimension.step or 1) * (1 + 1e-12)) + 1
    return points
