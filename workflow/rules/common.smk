"""The configuration, and what is to be made today."""

import atexit
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import RerunTrigger
from snakemake.workflow import Workflow

# a checkout's own package, and none that is installed beside it
sys.path.insert(0, str(Path(workflow.basedir).parent))

from ivvit.config import load_config
from ivvit.ground.encoding import names_are_utf8
from ivvit.ground.errors import UserError
from ivvit.ledger.forecast import forecast
from ivvit.ledger.holders import show_living
from ivvit.ledger.status import Status
from ivvit.planning import environment
from ivvit.planning.failures import failures
from ivvit.planning.jobs import Jobs
from ivvit.planning.resources import Request

if not names_are_utf8():
    raise WorkflowError(
        f"names of files are {sys.getfilesystemencoding()} in this locale, and would mean others than elsewhere; set"
        " PYTHONUTF8=1 (or LC_ALL=C.UTF-8) and start again"
    )

CONFIG_FILES = [str(path) for path in workflow.config_settings.configfiles] or [
    "config/config.yaml"
]
OVERRIDES = workflow.config_settings.config or {}
try:
    CONFIG = load_config(*CONFIG_FILES, overrides=OVERRIDES)
except UserError as error:
    raise WorkflowError(str(error)) from None

# In the titles of Snakemake's own report
CONFIG_NAMES = ", ".join(os.path.basename(file) for file in CONFIG_FILES)

# Jobs read the configuration again from the same place, so their command lines stay the same.
environment.prepare(CONFIG_FILES, OVERRIDES)

# Answers all questions about paths; the main process looks at the data sets' files, its jobs are told what it saw.
JOBS = Jobs(CONFIG, share=workflow.is_main_process)
RESULTS = JOBS.paths.results
STARTED = time.time()

# Paths say what is due. Snakemake's memory of a job's text, parameters and inputs would say otherwise (a data set whose
# files were only touched has another manifest's path), and is lost with .snakemake. Snakemake has no directive for this,
# and a profile (rerun-triggers) would not hold with --workflow-profile none.
Workflow.rerun_triggers = frozenset({RerunTrigger.MTIME})


if workflow.is_main_process:
    show_living(RESULTS)


wildcard_constraints:
    dataset="|".join(map(re.escape, CONFIG.datasets)),
    weights="|".join(map(re.escape, JOBS.weights)) or "none",
    study="|".join(map(re.escape, CONFIG.file.studies)) or "none",
    identity="[0-9a-f]{16}",
    key="[0-9a-f]{16}",
    seed=r"\d+",
    n_trials=r"\d+",
    worker=r"\d+",
    shard=r"\d+",
    shards=r"\d+",


def checked(wildcards):
    """Manifests, frame stores and weights in use. Asked for directly, so that a checkpoint changes what is asked for."""
    refuse_until()
    force_damaged()
    return JOBS.checked()


def parts(wildcards):
    """What makes frame stores and studies that are not done yet."""
    await_checkpoints()
    return JOBS.parts()


def runs(wildcards):
    """The runs of today; the checks that must be done first where they are not known yet."""
    await_checkpoints()
    return JOBS.runs(due=leaves_done_out())


def evaluations(wildcards):
    """The numbers of today's runs, or what must be done first."""
    await_checkpoints()
    return JOBS.evaluations(due=leaves_done_out())


def tables(wildcards):
    """The tables of today's runs, once all of these are known; their key names what they list."""
    await_checkpoints()
    return expand(rules.tables.output[0], key=JOBS.tables_keys())


def studies(wildcards):
    """The best parameters and the report of every study."""
    await_checkpoints()
    return JOBS.studies()


def leaves_done_out():
    """Whether only results that are to be made take part in the plan. What lies at its identity needs no job, and 10,000
    jobs that need not run take as long to plan as those that must. Where jobs are forced, or shown (a report, a graph, a
    summary), all take part.
    """
    settings = workflow.dag_settings
    forced = settings.forceall or settings.forcetargets or settings.forcerun
    return not forced and workflow.execution_settings is not None


def force_damaged():
    """What lies at a right path and is damaged is made again, as if it were not there: as by --forcerun, whose settings
    are not known before the rules are read. Asked again after each checkpoint, which may name more.
    """
    if workflow.is_main_process:
        workflow.dag.forcefiles.update(JOBS.damaged())


def await_checkpoints():
    """Ask what is named by checkpoints that are done only when Snakemake knows that: it may have been told to do them
    again. (Else it would make all jobs that read from them twice.) Those not done hold up only what they name.
    """
    for rule, named in JOBS.checkpoints():
        getattr(checkpoints, rule).get(**named)


def refuse_until():
    """Snakemake looks for the jobs of --until at its start: of those not known yet it would find none, and do nothing."""
    late = {"extract", "frames", "study_worker", "study", "train", "evaluate", "tables"}
    asked = late & set(workflow.dag_settings.until)
    if asked and JOBS.unknown():
        raise WorkflowError(
            f"--until {' '.join(sorted(asked))}: these jobs are not known before the checks are done; ask for"
            " `snakemake runs` (all trained runs, no tables), or for --until validate weights first"
        )
    asked = {"validate", "weights"} & set(workflow.dag_settings.until)
    if asked and CONFIG.file.demo:
        raise WorkflowError(
            f"--until {' '.join(sorted(asked))}: with `demo:`, these jobs are not known before the data is made; ask for"
            " `snakemake runs`, or run `ivvit demo` and `ivvit validate`"
        )


def asked(wildcards):
    """What a run's job asks of the machine or the cluster."""
    return Request(JOBS.runtime(wildcards.identity))


def shared(name):
    """What all runs' jobs ask for under this name; a function where they differ. (Of 20,000 jobs, functions take as long
    as the rest of a plan.)
    """
    first, *others = {
        getattr(Request(entry.runtime), name) for entry in CONFIG.entries.values()
    } or {None}
    return (lambda wildcards: getattr(asked(wildcards), name)) if others else first


def placed():
    """GPUs and nodes of runs' jobs; no more of them than are asked for, for None is no value."""
    found = {
        name: shared(name)
        for name in ("gpu", "gpu_model", "gres", "nodes", "tasks_per_gpu", "mpi")
    }
    found["tasks"] = found["nodes"]
    return {name: value for name, value in found.items() if value is not None}


def asked_by_worker(wildcards):
    """What a study's worker asks for: it trains one trial at a time, in one process."""
    return Request(JOBS.study_runtime(wildcards.study)).alone()


@atexit.register
def show_what_follows():
    """The end of a dry run before the checks: a graph that ends with them does not show what they are done for."""
    if workflow.is_main_process and workflow.dryrun and JOBS.unknown():
        print("After these checks will follow:", file=sys.stderr)
        for line in forecast(Status(CONFIG)):
            print(f"  {line}", file=sys.stderr)


def show_results():
    """The end of a run that went well: the table, and where everything lies; nothing where no table was asked for."""
    if any(job.rule.name == "tables" for job in workflow.dag.jobs):
        ivvit("results")
    show_changed()


def show_failure():
    """The end of a run that did not: the tables of what is there nevertheless, what failed, and what to do."""
    if any(job.rule.name == "all" for job in workflow.dag.jobs) and any(
        os.path.isfile(numbers) for numbers in JOBS.evaluations()
    ):
        ivvit("tables")
    for log, message in failures(Path("logs"), STARTED):
        print(f"{log}: {message}", file=sys.stderr)
    ivvit("status", "--failed")
    show_changed()


def ivvit(*arguments):
    """A command that has a result of its own to show; it changes nothing about how the workflow ended."""
    subprocess.run([sys.executable, "-m", "ivvit", *arguments], check=False)


def show_changed():
    """A data set that changed meanwhile: what was made is of what was there at the start."""
    for dataset in JOBS.changed():
        print(
            f"note: files of {dataset} changed while the workflow ran; start it again to take them in",
            file=sys.stderr,
        )
