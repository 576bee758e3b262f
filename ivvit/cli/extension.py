"""Let a run with more iterations go on from the shorter one's end, or say why it begins anew."""

import os
from typing import Any

from ivvit.config.extension import obstacle
from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.ancestor import ancestor


def go_on(paths: Paths, identity: Identity, job: Any) -> None:
    """Prepare the folder of a training job that has not begun, where a shorter run of the same is there."""
    begun = (job.folder / "model.safetensors").exists() or (job.folder / "state").is_dir()
    if begun or "RANK" in os.environ:  # torchrun's processes find what was prepared before they were started
        return
    earlier = ancestor(paths, identity, job.seed)
    if earlier is None:
        return
    from ivvit.runs.extend import extend

    reached = earlier.parts["spec"]["iterations"]
    if reason := obstacle(identity.parts["spec"], reached):
        print(f"{job.name}: begins anew, and not where the run of {reached} iterations ended: {reason}")
    elif extend(job, earlier.folder) is not None:
        print(f"{job.name}: goes on from iteration {reached}, where the run in {earlier.folder.parent.name} ended")
