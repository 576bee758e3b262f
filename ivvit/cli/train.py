"""Train runs: experiments by name, the rule's job by identity, or one given by options as in the paper's code.

But for the rule's job, a run is evaluated as well. Several are trained one after the other in one process, which starts
once, parents first; Snakemake finds them done.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ivvit.cli.common import add_config, config_of, count, experiment_of
from ivvit.cli.direct import add_direct, check_named, prepare
from ivvit.cli.evaluate import evaluate_today, table
from ivvit.cli.jobs import identity_of, link_run, train_job
from ivvit.cli.launch import launch, spreads
from ivvit.cli.planned import load_planned, remember_launched
from ivvit.cli.several import parents_first, train_due, train_several
from ivvit.ground.errors import STOPPED, UserError
from ivvit.ground.files import write_json
from ivvit.ground.holder import is_held
from ivvit.ground.ranks import launched, rank
from ivvit.identity.identity import Identities, Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.past import shorter_run
from ivvit.ledger.status import Status
from ivvit.ledger.unfinished import FAILURE
from ivvit.planning.jobs import Jobs, require_identity

EXAMPLES = """\
  ivvit train msca --seed 1                  an experiment of config/config.yaml
  ivvit train joint --config config/mine.yaml
  ivvit train small-1 small-2 small-3 --seeds  many short runs, with all their seeds, for one start of a process
  ivvit train --due                          all that `ivvit status` does not call fresh, likewise
  ivvit train -i 10000 -bsl 16 16 4 4 -dn Tiny-ImageNet CIFAR100 UCF101 Kinetics200 \\
    --model IV-ViT --pretrain Kinetics400 --root_path ~/data_root/
  ivvit train -dn UCF101 -bsl 4 --model MSCA --root_path ~/data_root/ --set model.shift=qk optimizer.lr=3e-5
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiments", nargs="*", metavar="experiment", help="experiments of the configuration")
    parser.add_argument("--identity", help="the run's identity; refused where no experiment has it any more")
    seeds = parser.add_mutually_exclusive_group()
    seeds.add_argument("--seed", type=count(0, 2**63 - 1), help="by default the experiment's first")
    seeds.add_argument("--seeds", action="store_true", help="all of each experiment's")
    seeds.add_argument("--due", action="store_true", help="all runs that are due (of these experiments, or of all)")
    add_direct(parser, "train")


def run(args: argparse.Namespace) -> int:
    """Train; returns the exit status."""
    if args.due:
        return _train_due(args)
    if not args.experiments and args.identity is None:
        jobs, name = prepare(args)
        names = [name]
    else:
        check_named(args, args.identity or args.experiments[0])
        jobs = Jobs(config_of(args))
        by_identity = [require_identity(jobs, args.identity)] if args.identity else []
        names = by_identity or [experiment_of(jobs.config, name) for name in args.experiments]
    chosen = {name: jobs.config.entries[name].seeds if args.seeds else [_seed(jobs, name, args)] for name in names}
    pairs = [(name, seed) for name, seeds in chosen.items() for seed in seeds]
    if len(pairs) == 1:
        return train_one(jobs, *pairs[0], evaluate=args.identity is None)
    return train_several(jobs, parents_first(jobs.config, pairs), partial(train_one, jobs, evaluate=True))


def _train_due(args: argparse.Namespace) -> int:
    check_named(args, args.experiments[0] if args.experiments else "each that is due")
    if args.identity is not None:
        raise UserError("--identity names one run, --due all that are due; give one of them")
    status = Status(config_of(args))
    names = [experiment_of(status.config, name) for name in args.experiments]
    return train_due(status, names, partial(train_one, status.jobs, evaluate=True))


def _seed(jobs: Jobs, name: str, args: argparse.Namespace) -> int:
    return jobs.config.entries[name].seeds[0] if args.seed is None else args.seed


def train_one(jobs: Jobs, name: str, seed: int, *, evaluate: bool) -> int:
    """Train an experiment with one seed, and perhaps evaluate it; what is finished already is not done again."""
    identities, config = jobs.identities, jobs.config
    identity = identity_of(identities, name)
    runtime = config.entries[name].runtime
    if spreads(runtime):
        remember_launched(identity)
    else:
        load_planned(identity, runtime.workers)
    for other, entry in config.entries.items():
        if seed in entry.seeds and _same(identities, other, identity.digest):
            evaluation, events = identities.evaluation(other).digest, runtime.tensorboard
            link_run(identities.paths, other, seed, identity.digest, evaluation, tensorboard=events)
    with _failures_recorded(identities.paths.run(identity.digest, seed)):
        job = train_job(identities, name, identity, seed)
        go_on(identities.paths, identity, job)
        if spreads(runtime):
            return launch(runtime, sys.argv[1:])
        from ivvit.runs.run import train
        from ivvit.study.team import is_main, process_group
        from ivvit.tracking import open_tracking

        with process_group():
            train(job, tracking=open_tracking)
            metrics = evaluate_today(identities, name, seed) if evaluate else None
    if metrics is not None and is_main():
        print(table({f"{name}-seed{seed}": metrics}))
    return 0


def go_on(paths: Paths, identity: Identity, job: Any) -> None:
    """Let a job that has not begun go on from a shorter run of the same, or say why it begins anew."""
    begun = paths.finished(identity.digest, job.seed).exists() or (job.folder / "state").is_dir()
    if begun or launched():  # torchrun's processes find what was prepared before they were started
        return
    earlier = shorter_run(paths, identity, job.seed)
    if earlier is None:
        return
    from ivvit.runs.extension import extend, obstacle

    if reason := obstacle(identity.parts["spec"], earlier.iterations):
        print(f"{job.name}: begins anew, and not where the run of {earlier.iterations} iterations ended: {reason}")
    elif (reached := extend(job, earlier.folder)) is not None:
        print(f"{job.name}: goes on from iteration {reached}, where the run in {earlier.folder.parent.name} ended")


@contextmanager
def _failures_recorded(folder: Path) -> Iterator[None]:
    """Leave a note of an error in the run's folder, for `ivvit status`; those of an earlier start are forgotten."""
    if rank() != 0:
        yield
        return
    note = folder / FAILURE
    try:
        yield
    except Exception as error:
        stopped = isinstance(error, UserError) and error.exit_code == STOPPED  # it saved its state and goes on
        refused = is_held(folder / "state" / "lock")  # by the process that trains this run and says how that ends
        if not stopped and not refused:
            kind = "error" if isinstance(error, UserError) else type(error).__name__
            with suppress(OSError):  # a full disk must not hide the error itself
                write_json(note, {"message": f"{kind}: {error}"})
        raise
    else:
        note.unlink(missing_ok=True)


def _same(identities: Identities, name: str, digest: str) -> bool:
    try:
        return identity_of(identities, name).digest == digest
    except UserError:
        return False
