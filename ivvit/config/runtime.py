"""How and where things run. Nothing here can change a result, so nothing here is in an identity."""

from typing import Any, Literal

from pydantic import Field, create_model

from ivvit.config.base import Section


class RuntimeOptions(Section):
    """How and where things run; never part of a result."""

    workers: int = Field(4, ge=0, le=1024)
    """Processes that prepare batches for each data set."""
    cpus: int | None = Field(None, ge=1)
    """CPUs of a training job on each node; by default one for each GPU and each of its `workers`, or `threads`."""
    threads: int = Field(1, ge=1)
    """Threads of a training job on CPU (recorded: sums in another order differ in the last bit)."""
    compile: bool = False
    """Compile the backbone's blocks: faster after a minute or two; recorded, as it rounds differently."""
    grad_checkpointing: bool = False
    """Compute the blocks again in the backward pass: about a third slower, far less memory, the same numbers."""
    checkpoint_minutes: float = Field(5, gt=0)
    """Minutes between checkpoints."""
    deadline_minutes: float = Field(3, ge=0)
    """Minutes before the job's time limit at which training saves and stops."""
    gpus: int = Field(1, ge=0, le=1024)
    """GPUs of a training job on each node."""
    nodes: int = Field(1, ge=1)
    """Nodes of a training job."""
    gpu_model: str | None = Field(None, pattern=r"^[\w.:-]+$")
    """The GPU model to ask the cluster for."""
    memory_gb: float = Field(16, gt=0)
    """Memory of a training job."""
    hours: float = Field(24, gt=0)
    """Time limit of a training job."""
    comet: bool = False
    """Track with Comet: online with COMET_API_KEY, offline without."""
    tensorboard: bool = False
    """Write TensorBoard events too."""
    wandb: bool = False
    """Track with Weights & Biases: online with WANDB_API_KEY, offline without."""
    listing: Literal["files", "folders"] = "files"
    """What is looked at, at every start, to notice changed data: sizes and times of all files, or folders' times only,
    which misses files replaced under their old names but is quick on a slow file server."""
    on_version_drift: str = Field("report", pattern="^(report|rerun)$")
    """Another version of torch, timm or av than the run's: only reported, or a reason to re-run."""


_OPTIONAL: dict[str, Any] = {
    name: (field.rebuild_annotation() | None, Field(None, description=field.description))
    for name, field in RuntimeOptions.model_fields.items()
    if name != "listing"  # data sets are shared by experiments
}
RuntimeOverrides: type[Section] = create_model(  # the same keys, all optional
    "RuntimeOverrides", __base__=Section, __doc__="Differences from the global `runtime:`.", **_OPTIONAL
)


def with_overrides(runtime: RuntimeOptions, overrides: Any) -> RuntimeOptions:
    """The global settings with an experiment's differences on top."""
    return runtime.model_copy(update=overrides.model_dump(exclude_none=True))
