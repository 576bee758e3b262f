"""Write a trained model in another form, checked against the model, with a model card (README.md).

onnx and torch-export give a file each for images and for clips, with an output for every head and any batch size; timm
gives the backbone, loadable by timm.create_model, and with --dataset one classifier; safetensors is the model's own
file. To publish the folder: `hf upload USER/NAME FOLDER`, after adding a licence to its README.md.
"""

import argparse
from pathlib import Path

from ivvit.cli.common import relative

EXAMPLES = """\
  ivvit export results/experiments/msca/seed0 --format onnx --out exported/
  ivvit export model.safetensors --format timm --dataset CIFAR100 --out exported/
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("model", help="a run's folder, or its model.safetensors, wherever it was copied to")
    forms = ("onnx", "torch-export", "timm", "safetensors")
    parser.add_argument("--format", choices=forms, required=True, help="the form")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--dataset", nargs="+", default=[], metavar="HEAD", help="the heads (all; timm: none)")
    parser.add_argument("--name", default="", help="what the model card calls the model (by its folder)")


def run(args: argparse.Namespace) -> None:
    """Export, and say what was written."""
    from ivvit.use.export.run import export
    from ivvit.use.load import load_run

    for written in export(load_run(args.model), args.format, args.out, args.dataset, args.name):
        print(f"{relative(written.file)}  (largest difference from the model: {written.difference:.1e})")
    print(relative(args.out / "README.md"))
