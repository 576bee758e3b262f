"""The numbers that a study optimises, from a run's metrics."""

from statistics import fmean
from typing import Any

from ivvit.config.studies import Objective
from ivvit.ground.errors import UserError
from ivvit.study.job import StudyJob


def objective_values(job: StudyJob, metrics: dict[str, Any]) -> list[float]:
    """One value per objective: the metric's mean over the objective's data sets.

    Args:
        job: the study.
        metrics: {"datasets": {name: {"top1", "top5", "loss"}}}, of a validation.

    Raises:
        UserError: a data set was not validated, or the metric means nothing for it.
    """
    return [_value(job, objective, metrics["datasets"]) for objective in job.options.objective]


def objective_names(job: StudyJob) -> list[str]:
    """What the objectives are called in tables and figures: `top1`, `UCF101 top1`, `mean of A and B top1`."""
    return [_name(objective) for objective in job.options.objective]


def _value(job: StudyJob, objective: Objective, datasets: dict[str, dict[str, float]]) -> float:
    names = list(datasets) if objective.datasets == "all" else objective.datasets
    for name in names:
        if name not in datasets:
            raise UserError(f"study {job.name}: its trials do not train on {name}, which its objective looks at")
    values = {name: datasets[name][objective.metric] for name in names}
    if undefined := [name for name, value in values.items() if value is None]:
        raise UserError(
            f"study {job.name}: its objective top5 means nothing for {', '.join(undefined)}, which has fewer than six "
            "classes; take top1 or loss"
        )
    return fmean(values.values())


def _name(objective: Objective) -> str:
    if objective.datasets == "all":
        return objective.metric
    return f"{' + '.join(objective.datasets)} {objective.metric}"
