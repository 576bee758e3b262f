"""The configuration, and which runs are wanted today."""

import re
import subprocess
import sys

from snakemake.exceptions import IncompleteCheckpointException, WorkflowError

sys.path.insert(0, workflow.basedir)

from ivvit.config import load_config
from ivvit.planning.resources import Request
from ivvit.ground.errors import UserError
from ivvit.planning import environment
from ivvit.planning.due import show_due, store_is_due
from ivvit.ledger.holders import show_living
from ivvit.identity.identity import Identities
from ivvit.planning.jobs import Jobs
from ivvit.identity.locks import Locks, Pending
from ivvit.identity.paths import slug

CONFIG_FILES = [str(path) for path in workflow.config_settings.configfiles] or [
    "config/config.yaml"
]
OVERRIDES = workflow.config_settings.config or {}
try:
    CONFIG = load_config(*CONFIG_FILES, overrides=OVERRIDES)
except UserError as error:
    raise WorkflowError(str(error)) from None

# Jobs read the configuration again from the same place, so their command lines stay the same.
environment.prepare(CONFIG_FILES, OVERRIDES)


def pending_frames(dataset):
    """What must come before the lock of a frame store counts, as far as Snakemake cannot see it by itself."""
    if (pending := gate("validate", dataset=dataset)) is not None:
        return pending
    return str(PATHS.frames(dataset)) if store_is_due(JOBS, dataset) else None


def gate(kind, **wildcards):
    """None when the checkpoint is done; else its target, which makes Snakemake come back when it is."""
    if kind == "weights":
        wildcards = {"weights": slug(wildcards["pretrain"])}
    if kind == "frames" and (pending := pending_frames(**wildcards)) is not None:
        return pending
    try:
        getattr(checkpoints, kind).get(**wildcards)
    except IncompleteCheckpointException as error:
        return error.targetfile
    return None


IDENTITIES = Identities(CONFIG, Locks(gate))
PATHS = IDENTITIES.paths
RESULTS = PATHS.results
JOBS = Jobs(CONFIG)


if workflow.is_main_process:
    show_due(JOBS)
    show_living(RESULTS)


wildcard_constraints:
    dataset="|".join(map(re.escape, CONFIG.datasets)),
    weights="|".join(map(re.escape, JOBS.weights)) or "none",
    study="|".join(map(re.escape, CONFIG.file.studies)) or "none",
    identity="[0-9a-f]{16}",
    evaluation="[0-9a-f]{16}",
    key="[0-9a-f]{16}",
    seed=r"\d+",
    n_trials=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def due(lock):
    """The mark that makes a check run (again)."""
    return str(PATHS.due(lock))


def refuse_until():
    """Snakemake looks for these jobs before the checks are done: it would find none, and say that there is nothing to do."""
    late = {"extract", "frames", "study_worker", "study", "train"}
    if asked := late & set(workflow.dag_settings.until):
        raise WorkflowError(
            f"--until {' '.join(sorted(asked))}: these jobs are not known before the checks are done; ask for"
            " `snakemake runs` (all trained runs, no tables) or for a file, such as results/frames/UCF101.json"
        )


def current_runs(wildcards):
    """The evaluations of runs with today's identities, and the checks that must be done before the others are known."""
    refuse_until()
    found = []
    for name, entry in CONFIG.entries.items():
        try:
            identity = IDENTITIES.experiment(name).digest
        except Pending as pending:
            found += pending.targets
        else:
            JOBS.names.setdefault(identity, name)
            evaluation = IDENTITIES.evaluation(name).digest
            found += [
                f"{PATHS.evaluation(identity, seed, evaluation)}/metrics.json"
                for seed in entry.seeds
            ]
    return list(dict.fromkeys(found))


def asked(wildcards):
    """What a run's job asks of the machine or the cluster."""
    return Request(JOBS.runtime(wildcards.identity))


def asked_by_worker(wildcards):
    """What a study's worker asks for: it trains one trial at a time, in one process."""
    return Request(JOBS.study_runtime(wildcards.study)).alone()


def study_reports(wildcards):
    """The reports of today's studies that are finished; asked for, so that the workflow's report has them."""
    found = []
    for name, options in CONFIG.file.studies.items():
        try:
            identity = IDENTITIES.study(name).digest
        except Pending:
            continue
        if PATHS.best(name, identity, options.n_trials).is_file():
            found.append(
                f"{PATHS.study(name, identity)}/report-{options.n_trials}.html"
            )
    return found


def show_results():
    """The end of a run that went well: the table, and where everything lies; nothing where no table was asked for."""
    if any(job.rule.name == "tables" for job in workflow.dag.jobs):
        subprocess.run([sys.executable, "-m", "ivvit", "results"], check=False)


def show_failure():
    """The end of a run that did not: what failed, and what to do."""
    subprocess.run([sys.executable, "-m", "ivvit", "status", "--failed"], check=False)
