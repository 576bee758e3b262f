"""How good a trained model's features are on another data set, without training: the vote of the nearest neighbours
among its training samples. (As an experiment: `freeze: all` trains a linear probe, `evaluation: {knn: 20}` has the
neighbours vote beside it.)
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ivvit.cli.common import add_config, config_of, count, dataset_of
from ivvit.ground.files import check_writable, write_text
from ivvit.identity.identity import Identities

EXAMPLES = """\
  ivvit knn results/experiments/msca/seed0 --dataset my-clips
  ivvit knn model.safetensors --dataset CIFAR100 --neighbours 10 --out knn.json
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("model", help="a run's folder, or its model.safetensors, wherever it was copied to")
    parser.add_argument("--dataset", required=True, metavar="NAME", help="a data set of the configuration")
    parser.add_argument("--neighbours", type=count(), default=20, help="that vote (20)")
    parser.add_argument("--split", choices=("test", "val"), default="test", help="whose samples ask (test)")
    parser.add_argument("--clips", type=count(), default=1, help="clips per video (1)")
    parser.add_argument("--crops", type=int, choices=(1, 3), default=1, help="crops per clip or image (1)")
    parser.add_argument("--batch-size", type=count(), default=16, help="samples at a time (16)")
    parser.add_argument("--workers", type=count(0), help="processes that read files (runtime.workers)")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where to compute (a GPU where there is one)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all numbers to this file, as JSON")


def run(args: argparse.Namespace) -> None:
    """Print the accuracy."""
    if args.out is not None:
        check_writable(args.out)
    from ivvit.evaluation.neighbours import knn_metrics
    from ivvit.numerics.precision import Precision
    from ivvit.runs.inputs import open_eval
    from ivvit.use.device import device_of
    from ivvit.use.knn import features_of
    from ivvit.use.load import load_run

    config, device = config_of(args), device_of(args.device)
    options, trained = dataset_of(config, args.dataset), load_run(args.model)
    card, model = trained.card, trained.model.to(device)
    workers = config.file.runtime.workers if args.workers is None else args.workers
    lock, views = Identities(config).checks.manifest(args.dataset), {"clips": args.clips, "crops": args.crops}
    train, test = (
        open_eval(
            args.dataset, options, config.root, lock, img_size=card.img_size, num_frames=card.num_frames, split=split,
            interpolation=card.pixels.interpolation, **views,
        )
        for split in ("train", args.split)
    )  # fmt: skip
    precision = Precision(card.precision, device)
    bank, asked = (features_of(model, data, precision, device, args.batch_size, workers) for data in (train, test))
    found = knn_metrics(bank, train.samples, asked, test.samples, args.split, args.neighbours, device)
    low, high = (100 * bound for bound in found.top1_interval)
    print(
        f"{args.dataset} ({args.split}), {args.neighbours} nearest neighbours of {len(train.samples):,}: top-1 "
        f"{100 * found.top1:.2f} [{low:.2f}, {high:.2f}] on {found.num_samples:,} samples"
    )
    if args.out is not None:
        write_text(args.out, json.dumps({"neighbours": args.neighbours, **views, **asdict(found)}, indent=1) + "\n")
