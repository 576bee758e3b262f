"""Whether a longer run begins with the very iterations of a shorter one."""

from typing import Any


def obstacle(spec: dict[str, Any], reached: int) -> str | None:
    """Why a run of `reached` iterations is not the beginning of one with this specification; None if it is.

    Args:
        spec: the longer run's canonical specification; the shorter one's differs in `iterations` only.
        reached: the shorter run's iterations.
    """
    for name, schedule in spec["lr_schedule"].items():
        if schedule["name"] == "cosine" and schedule["period"] is None:
            return f"the cosine schedule of {name} spans all iterations, so every learning rate was another one"
        if schedule["name"] == "MultiStepLR" and any(milestone < 1 for milestone in schedule["milestones"]):
            return f"milestones of {name} are fractions of all iterations; give them as iterations to go on from there"
    every = spec["validation"]["every"]
    if spec["validation"]["keep"] == "best" and (every is None or reached % every):
        return f"the best model may be that of iteration {reached}, after which a longer run is not validated"
    return None
