"""The configuration, and whether the data sets and weights that it names are there."""

from collections.abc import Iterator
from pathlib import Path

from ivvit.config import Config
from ivvit.data.layouts import list_samples
from ivvit.doctor.finding import Finding
from ivvit.ground.errors import UserError
from ivvit.weights.fetch import FOLDER
from ivvit.weights.sources import find_source


def experiments(config: Config) -> Iterator[Finding]:
    """How many runs the configuration asks for."""
    runs = sum(len(entry.seeds) for entry in config.entries.values())
    count = len(config.entries)
    text = f"{count} experiment{'s' * (count != 1)}, {runs} run{'s' * (runs != 1)}"
    remedy = None if runs else "name one under `experiments:`; without, nothing is trained"
    yield Finding("configuration", "ok" if runs else "note", f"{config.source}: {text}", remedy)


def data_sets(config: Config) -> Iterator[Finding]:
    """The data sets in use, by the names of their files; what is in the files is for validation to see."""
    used = {name: options for entry in config.entries for name, options in config.experiment(entry).data.items()}
    for name, options in used.items():
        try:
            listing = list_samples(name, options, config.root)
        except UserError as error:
            if config.file.demo is not None:
                yield Finding("data sets", "ok", f"{name}: the demo's; made when the workflow starts")
            else:
                yield Finding(
                    "data sets", "wrong", str(error), "README, `Your own data`; or `ivvit init --root FOLDER`"
                )
            continue
        sizes = [f"{len(samples):,} {split}" for split, samples in listing.splits.items() if samples] or ["no samples"]
        counts = f"{name}: {len(listing.classes)} classes, {', '.join(sizes)}"
        if listing.missing:
            text = f"{counts}; {len(listing.missing):,} that its lists name are not there, such as {listing.missing[0]}"
            yield Finding("data sets", "wrong", text, f"complete the data, or raise datasets.{name}.max_damaged")
        elif not listing.splits.get("test") and any(_reports_on_test(config, entry, name) for entry in config.entries):
            remedy = "give some samples the split `test`, or set `evaluation: {split: val}` with a holdout"
            yield Finding("data sets", "wrong", f"{counts}; there is no test split to report on", remedy)
        else:
            yield Finding("data sets", "ok", counts)


def _reports_on_test(config: Config, entry: str, dataset: str) -> bool:
    experiment = config.experiment(entry)
    return dataset in experiment.data and experiment.evaluation.split == "test"


def weights(config: Config) -> Iterator[Finding]:
    """The pretrained weights in use: there, still to be downloaded, or to be put there by hand."""
    names = dict.fromkeys(config.experiment(entry).pretrain for entry in config.entries)
    for name in names:
        if name == "none" or name.startswith("experiment:"):
            continue
        source = find_source(name, config.sources)
        local = source.file is None
        place = config.root / (Path(source.location).expanduser() if local else Path(FOLDER, str(source.file)))
        if place.exists():
            yield Finding("weights", "ok", f"{name}: {place}")
        elif local and config.file.demo is not None:
            yield Finding("weights", "ok", f"{name}: the demo's; made when the workflow starts")
        elif local or source.kind == "hand":
            yield Finding("weights", "wrong", f"{name}: {place} is not there", "put the file there")
        else:
            remedy = f"nothing, where this machine has internet; else put the file at {place}"
            yield Finding("weights", "note", f"{name}: will be downloaded from {source}", remedy)
