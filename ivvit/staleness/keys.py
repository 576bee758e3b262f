"""What each finished check was done for, so that one that must be done again can be told without Snakemake."""

from pathlib import Path

from ivvit.staleness.jobs import Jobs


def record(jobs: Jobs, kind: str, name: str, key: str) -> None:
    """Remember the key that a validation, extraction or conversion was done for."""
    path = _path(jobs, kind, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(key)


def outdated(jobs: Jobs) -> dict[str, str]:
    """Lock file -> why its check must be done (again), for all that experiments use."""
    found = {}
    used = {name: data for entry in jobs.config.entries for name, data in jobs.config.experiment(entry).data.items()}
    for name, data in used.items():
        manifest, frames = jobs.paths.manifest(name), jobs.paths.frames(name)
        if reason := _reason(jobs, "validate", name, manifest, jobs.validation_key(name)):
            found[str(manifest)] = f"{name} {reason.format(done='validated')}"
        elif data.uses_store and (reason := _reason(jobs, "frames", name, frames, jobs.extraction_key(name))):
            found[str(frames)] = f"frames of {name} {reason.format(done='extracted')}"
    for name, pretrain in jobs.weights.items():
        lock = jobs.paths.weights(pretrain)
        if reason := _reason(jobs, "weights", name, lock, jobs.weights_key(pretrain)):
            found[str(lock)] = f"weights {pretrain} {reason.format(done='fetched')}"
    return found


def _reason(jobs: Jobs, kind: str, name: str, lock: Path, key: str) -> str | None:
    if not lock.is_file():
        return "must be {done} first"
    path = _path(jobs, kind, name)
    if path.is_file() and path.read_text() != key:
        return "changed and will be {done} again"
    return None


def _path(jobs: Jobs, kind: str, name: str) -> Path:
    return jobs.paths.results / "keys" / kind / name
