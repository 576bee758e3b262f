"""Pack all that a paper's appendix needs of an experiment into one file: specification, lists of samples with hashes,
locks, code's digest and commit, versions, weights, metrics, predictions. `ivvit verify` checks it elsewhere.
"""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.cli.common import add_config, config_of, count, experiment_of, relative
from ivvit.cli.jobs import identity_of
from ivvit.ground.digest import digest
from ivvit.ground.errors import UserError
from ivvit.ground.files import check_writable
from ivvit.identity.identity import Identities

if TYPE_CHECKING:
    from ivvit.use.bundle import About, Sources

EXAMPLES = """\
  ivvit bundle msca --out msca.tar
  ivvit bundle msca --seed 0 1 --out msca.tar.gz
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment")
    parser.add_argument("--seed", nargs="+", type=count(0, 2**63 - 1), help="only these (all of the experiment)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .tar, or a .tar.gz")


def run(args: argparse.Namespace) -> None:
    """Write the bundle."""
    check_writable(args.out)
    from ivvit.use.bundle import write_bundle

    identities = Identities(config_of(args))
    name = experiment_of(identities.config, args.experiment)
    seeds = args.seed or list(identities.config.entries[name].seeds)
    sources = _sources(identities, name, seeds)
    write_bundle(_about(identities, name, sources), sources, args.out)
    print(f"{relative(args.out)}: {name}, seeds {', '.join(map(str, seeds))}, {args.out.stat().st_size / 1e6:.1f} MB")


def _sources(identities: Identities, name: str, seeds: list[int]) -> "Sources":
    from ivvit.use.bundle import Sources

    run, evaluation = identity_of(identities, name).digest, identities.evaluation(name).digest
    experiment, paths, checks = identities.resolved(name), identities.paths, identities.checks
    for seed in seeds:
        if not (paths.evaluation(run, seed, evaluation) / "metrics.json").is_file():
            raise UserError(f"{name}, seed {seed}: is not trained and evaluated as it is now; start `snakemake`")
    locks = {f"frames-{data}": checks.frames(data) for data, options in experiment.data.items() if options.uses_store}
    if experiment.pretrain != "none" and not experiment.pretrain.startswith("experiment:"):
        locks["weights"] = checks.weights(experiment.pretrain)
    return Sources(
        {seed: paths.run(run, seed) for seed in seeds},
        {seed: paths.evaluation(run, seed, evaluation) for seed in seeds},
        {data: checks.manifest(data) for data in experiment.data},
        {lock: path for lock, path in locks.items() if path.is_file()},
    )


def _about(identities: Identities, name: str, sources: "Sources") -> "About":
    from ivvit.use.bundle import About

    experiment, identity = identities.resolved(name), identity_of(identities, name)
    manifests = {data: json.loads(lock.read_text(encoding="utf-8")) for data, lock in sources.manifests.items()}
    provenance: dict[str, Any] = json.loads(
        (next(iter(sources.runs.values())) / "provenance.json").read_text(encoding="utf-8")
    )
    return About(
        name, identity.digest, {"digest": digest(identity.parts["code"]), **(provenance.get("git") or {})},
        provenance.get("versions", {}), list(sources.runs),
        {data: options.model_dump(mode="json") for data, options in experiment.data.items()},
        {data: lock["digests"] for data, lock in manifests.items()},
    )  # fmt: skip
