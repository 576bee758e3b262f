"""What a training job asks of a machine or a cluster: Snakemake's resources, from `runtime:`."""

from dataclasses import dataclass

from ivvit.config.runtime import RuntimeOptions


@dataclass(frozen=True)
class Request:
    """The resources of one job; those that are None are not asked for.

    On one node, `gpu` counts GPUs. On several, `gres` counts them for each node, and Slurm starts a task a node.
    """

    runtime: RuntimeOptions

    @property
    def cpus(self) -> int:
        """CPUs on each node: those named, or one for each process that computes and each of a data set's workers."""
        options = self.runtime
        return options.cpus or max(1, options.gpus) * max(options.threads, options.workers + 1)

    def mem_mb(self, attempt: int) -> int:
        """Memory on each node in MB; half as much again with every attempt, as the last one may have run out of it."""
        return int(self.runtime.memory_gb * 1000 * (attempt + 1) / 2)

    @property
    def minutes(self) -> int:
        """The time limit. Not more with every attempt: a run goes on from its checkpoint."""
        return max(1, round(self.runtime.hours * 60))

    @property
    def minutes_of_evaluation(self) -> int:
        """The time limit of an evaluation, a quarter of a training's; it goes on from what it has as well."""
        return max(10, self.minutes // 4)

    @property
    def spread(self) -> bool:
        """Whether the job needs several nodes."""
        return self.runtime.nodes > 1

    @property
    def gpu(self) -> int | None:
        """GPUs of a job on one node."""
        return None if self.spread or not self.runtime.gpus else self.runtime.gpus

    @property
    def gpu_model(self) -> str | None:
        """Their model."""
        return self.runtime.gpu_model if self.gpu else None

    @property
    def gres(self) -> str | None:
        """GPUs on each of several nodes."""
        if not self.spread or not self.runtime.gpus:
            return None
        return ":".join(filter(None, ["gpu", self.runtime.gpu_model, str(self.runtime.gpus)]))

    @property
    def nodes(self) -> int | None:
        """Nodes, where there are several."""
        return self.runtime.nodes if self.spread else None

    @property
    def mpi(self) -> str | None:
        """Makes the plugin leave `srun` to us, which starts a task on each node."""
        return "srun" if self.spread else None

    @property
    def tasks_per_gpu(self) -> int | None:
        """0: one task a node, whatever its GPUs."""
        return 0 if self.spread else None

    def alone(self) -> "Request":
        """The request of a job that is one process."""
        return Request(self.runtime.model_copy(update={"gpus": min(1, self.runtime.gpus), "nodes": 1}))
