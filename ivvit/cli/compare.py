"""How two trained models differ: specification, code, data, weights, versions, results, samples.

A model is an experiment's name (its first seed, or --seed), a run's folder, or a model.safetensors within one. Results
are compared on samples that both were evaluated on in the same protocol; the exit status is 0 whatever differs.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.cli.common import add_config, config_of, count
from ivvit.ground.errors import UserError
from ivvit.ground.names import unknown

if TYPE_CHECKING:
    from ivvit.use.compare import Samples

EXAMPLES = """\
  ivvit compare msca tokenshift
  ivvit compare results/experiments/msca/seed0 results/experiments/msca/seed1 --samples 100
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("first")
    parser.add_argument("second")
    parser.add_argument("--seed", type=count(0, 2**63 - 1), help="of experiments given by name (their first)")
    parser.add_argument("--samples", type=count(0), default=5, help="files to list that only one gets right (5)")
    parser.add_argument("--json", action="store_true", help="machine-readable, with all samples")


def run(args: argparse.Namespace) -> None:
    """Print the differences."""
    from ivvit.ledger.reasons import reasons
    from ivvit.use.compare import compare_samples
    from ivvit.use.find import find_model

    first, second = (find_model(_place(args, name)) for name in (args.first, args.second))
    before, after = _provenance(first), _provenance(second)
    told = {
        "differences": [reason.text for reason in reasons(before["parts"], after["parts"])],
        "versions": _changed(before.get("versions", {}), after.get("versions", {})),
        "commits": _changed({"commit": _commit(before)}, {"commit": _commit(after)}),
    }
    protocol, samples = compare_samples(first, second)
    if args.json:
        print(json.dumps({**told, "protocol": protocol, "samples": [asdict(found) for found in samples]}, indent=1))
        return
    print(f"{args.first} -> {args.second}")
    for title, lines in told.items():
        print(f"{title}:" + ("" if lines else " none"))
        print("".join(f"  {line}\n" for line in lines), end="")
    print(f"results ({', '.join(f'{key} {value}' for key, value in protocol.items())}):")
    for found in samples:
        print("\n".join(_lines(found, args)))


def _lines(found: "Samples", args: argparse.Namespace) -> list[str]:
    one, other = (f"{100 * value:.2f}" for value in found.top1)
    lines = [
        f"  {found.dataset}: top-1 {one} -> {other} on {found.num_samples:,} samples (p = {found.p:.2g}, {found.test})",
        f"    both right {found.both:,}, only {args.first} {len(found.only_first):,}, only {args.second} "
        f"{len(found.only_second):,}, neither {found.neither:,}",
    ]
    for name, paths in ((args.first, found.only_first), (args.second, found.only_second)):
        lines += [f"    only {name}: {path}" for path in paths[: args.samples]]
    return lines


def _place(args: argparse.Namespace, name: str) -> Path:
    """What is named: a path that exists, or else an experiment."""
    if Path(name).expanduser().exists():
        return Path(name)
    config = config_of(args)
    if name not in config.entries:
        raise UserError(f"{unknown('experiment', name, config.entries)}; nor is it a file or folder")
    seed = config.entries[name].seeds[0] if args.seed is None else args.seed
    return config.results / "experiments" / name / f"seed{seed}"


def _provenance(model: Path) -> dict[str, Any]:
    file = model.resolve().parent / "provenance.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read ({error}); only models in their run's folder can be compared") from None
    if not isinstance(content, dict) or "parts" not in content:
        raise UserError(f"{model}: its run was none of a configuration; it does not say what it was made of")
    return content


def _commit(provenance: dict[str, Any]) -> str:
    found = provenance.get("git") or {}
    return f"{found.get('commit', 'none')}{' and edits' if found.get('dirty') else ''}"


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    names = dict.fromkeys([*before, *after])
    return [f"{name}: {before.get(name)} -> {after.get(name)}" for name in names if before.get(name) != after.get(name)]
