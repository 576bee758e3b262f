"""Draw the exact training batch of a step, with labels, files and clip starts, to reveal wrong labels or frames."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of, count, dataset_of, experiment_of, relative
from ivvit.config import Experiment
from ivvit.ground.errors import UserError
from ivvit.ground.names import unknown
from ivvit.identity.identity import Identities

EXAMPLES = """\
  ivvit show msca --step 0                   the first batch of each data set
  ivvit show msca --step 120 --dataset UCF101 --out batch.png
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment")
    parser.add_argument("--step", type=count(0), required=True, help="the data set's batch, counted from 0")
    parser.add_argument("--dataset", nargs="+", help="by default all of the experiment")
    parser.add_argument("--seed", type=count(0, 2**63 - 1), help="by default the experiment's first")
    parser.add_argument("--out", type=Path, help="a PNG, or a folder for several (results/batches)")


def run(args: argparse.Namespace) -> None:
    """Write one sheet per data set."""
    from ivvit.data.places import dataset_folder
    from ivvit.numerics.pixels import pixels_of
    from ivvit.results.contact_sheet import contact_sheet
    from ivvit.results.words import class_words
    from ivvit.runs.inputs import open_train

    config = config_of(args)
    name = experiment_of(config, args.experiment)
    identities = Identities(config)
    experiment = identities.trainable(name)
    seed = config.entries[name].seeds[0] if args.seed is None else args.seed
    img_size, holdout = _image_size(experiment), experiment.validation.holdout
    for dataset in args.dataset or experiment.data:
        if dataset not in experiment.data:
            raise UserError(unknown(f"data set of {name}", dataset, experiment.data))
        manifest = identities.checks.manifest(dataset)
        if not identities.checks.locks.is_sound(manifest):
            raise UserError(
                f"{dataset} is not validated as it is now; start `snakemake`, or `ivvit validate {dataset}`"
            )
        data = open_train(
            dataset, dataset_of(config, dataset), config.root, manifest, img_size=img_size,
            num_frames=experiment.num_frames, seed=seed, holdout=holdout,
            recipe=experiment.recipe[dataset], pixels=pixels_of(experiment),
        )  # fmt: skip
        file = _file(args.out, config.results, f"{name}-seed{seed}-{dataset}-step{args.step}.png")
        words = class_words(dataset_folder(dataset_of(config, dataset), config.root), data.samples.classes)
        print(relative(contact_sheet(data, args.step, experiment.datasets[dataset].batch_size, file, words)))


def _file(out: Path | None, results: Path, name: str) -> Path:
    if out is not None and out.suffix == ".png":
        return out
    return (out or results / "batches") / name


def _image_size(experiment: Experiment) -> int:
    from ivvit.numerics.initial import image_size
    from ivvit.numerics.models import create_model

    backbone = experiment.backbone
    model = create_model(experiment.model.name, {"any": 2}, backbone=backbone.name, backbone_args=backbone.args)
    return image_size(model)
