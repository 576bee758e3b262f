"""A study's worker (`work`), or its end (`finish`): the jobs of the study's rules, also useful by hand."""

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ivvit.cli.common import add_config, config_of, count
from ivvit.cli.jobs import command_line, make_job, weights_of
from ivvit.cli.planned import load_planned
from ivvit.ground.errors import Failure, UserError
from ivvit.ground.names import unknown
from ivvit.identity.identity import Identities, Identity
from ivvit.identity.locks import Pending
from ivvit.ledger.studies import keep_parts
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit study work learning-rate             take part in it
  ivvit study finish learning-rate           choose the best of its trials
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("action", choices=["work", "finish"])
    parser.add_argument("study", help="a study of the configuration")
    parser.add_argument("--identity", help="the study's identity; refused where it is another one by now")
    parser.add_argument("--n-trials", type=count(), help="total number of trials (by default the configuration's)")
    parser.add_argument("--worker", type=count(0), default=0, help="this worker's number (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Work on trials, or choose the best."""
    config = config_of(args)
    if args.study not in config.file.studies:
        raise UserError(unknown("study", args.study, config.file.studies))
    identities = Jobs(config).identities
    identity = _identity(identities, args.study, args.identity)
    load_planned(identity, config.entries[config.file.studies[args.study].base].runtime.workers)
    job = study_job(identities, args.study, identity, args.n_trials)
    keep_parts(job.folder, identity)
    if args.action == "work":
        work(job, args.worker)
    else:
        from ivvit.study.finish import finish

        finish(job, job.folder / f"best-{job.options.n_trials}.yaml")


def study_job(identities: Identities, name: str, identity: Identity, n_trials: int | None = None) -> Any:
    """A StudyJob whose trials are training runs of the base experiment."""
    config = identities.config
    from ivvit.study.job import StudyJob

    options = config.file.studies[name]
    if n_trials is not None:
        options = options.model_copy(update={"n_trials": n_trials})
    folder = identities.paths.study(name, identity.digest)
    runtime = config.entries[options.base].runtime

    def trial(parameters: dict[str, Any], number: int, trial_folder: Path) -> Any:
        experiment = Identities(config).seen(config.trial(name, parameters))
        weights = weights_of(identities, experiment, options.seed)
        provenance = {"study": name, "trial": number, "parameters": parameters, "study_identity": identity.digest}
        provenance["command"] = command_line()
        label = f"{name}, trial {number}"
        job = make_job(identities, experiment, options.seed, trial_folder, weights, runtime, provenance, label)
        return replace(job, selects=True)

    return StudyJob(name=name, options=options, folder=folder, make_job=trial)


def work(job: Any, number: int = 0) -> None:
    """Run trials as worker `number`, each tracked as any other training."""
    from ivvit.runs.run import train
    from ivvit.study.worker import work
    from ivvit.tracking import open_tracking

    work(job, worker=number, train=partial(train, tracking=open_tracking))


def finish_all(identities: Identities, name: str) -> Path:
    """Work alone until the study is complete, then choose the best; gives the file of best parameters."""
    config, identity = identities.config, identities.study(name)
    load_planned(identity, config.entries[config.file.studies[name].base].runtime.workers)
    from ivvit.study.finish import finish

    job = study_job(identities, name, identity)
    keep_parts(job.folder, identity)
    best = job.folder / f"best-{job.options.n_trials}.yaml"
    work(job)
    finish(job, best)
    return best


def _identity(identities: Identities, name: str, expected: str | None) -> Identity:
    try:
        identity = identities.study(name)
    except Pending as pending:
        raise UserError(f"study {name}: not yet known: {pending}; start `snakemake`") from None
    if expected is not None and identity.digest != expected:
        raise Failure(
            f"study {name} has the identity {identity.digest} now, not {expected}: code, configuration, data or weights"
            " changed after this job was planned; nothing was run. Start snakemake again"
        )
    return identity
