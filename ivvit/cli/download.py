"""Fetch pretrained weights into <root_path>/pretrained_weight/ and no more: the workflow converts them when needed.

Files that are there are kept. On a cluster, do this on a node that has internet.
"""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of
from ivvit.config import Config

DEFAULT = ["Kinetics400", "ImageNet-21k"]
EXAMPLES = """\
  ivvit download --root_path ~/data_root/    what the authors' download.sh fetches: Kinetics400 and ImageNet-21k
  ivvit download ImageNet-1k timm:vit_base_patch16_224.augreg_in21k
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("name", nargs="*", help=f"names as of `pretrain:` ({', '.join(DEFAULT)})")
    parser.add_argument("--root_path", type=Path, metavar="FOLDER", help="instead of the configuration's")


def run(args: argparse.Namespace) -> None:
    """Download, one after the other."""
    from ivvit.weights.fetch import original
    from ivvit.weights.sources import find_source

    config = config_of(args) if args.config or args.root_path is None else Config({}, "the command line")
    root = config.root if args.root_path is None else args.root_path.expanduser()
    for name in args.name or DEFAULT:
        print(f"{name}: {original(find_source(name, config.sources), root)}")
