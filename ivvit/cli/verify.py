"""Evaluate a bundle's models again on the data as it lies here, and compare sample by sample.

Files are checked against the bundle's hashes. No manifest, no frame store and no configuration are needed: --root names
the folder with datasets/. The exit status is 1 if a sample differs by more than the precision allows, or is not usable.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.cli.common import count
from ivvit.ground.errors import FAILURE, OK

if TYPE_CHECKING:
    from ivvit.use.verify import Verified

EXAMPLES = """\
  ivvit verify msca.tar --root ~/data_root
"""
_SHOWN = 10


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--root", type=Path, default=Path(), metavar="DATA", help="a root_path (this folder)")
    parser.add_argument("--workers", type=count(0), default=0, help="processes that read files (0)")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where to compute (a GPU where there is one)")


def run(args: argparse.Namespace) -> int:
    """Verify; the status is 1 unless all agrees."""
    from ivvit.use.bundle import open_bundle
    from ivvit.use.device import device_of
    from ivvit.use.verify import require_data, verify

    device, root, agree = device_of(args.device), args.root.expanduser(), True
    with tempfile.TemporaryDirectory(prefix="ivvit-verify-") as folder:
        about = open_bundle(args.bundle, Path(folder))
        require_data(root, about)
        for found in verify(about, Path(folder), root, device, args.workers):
            agree &= found.agrees
            print("\n".join(_lines(found)), flush=True)
    print(f"{args.bundle}: {'all samples agree' if agree else 'samples differ'}", file=sys.stderr)
    return OK if agree else FAILURE


def _lines(found: "Verified") -> list[str]:
    said, here = (f"{100 * value:.2f}" for value in found.top1)
    lines = [
        f"seed {found.seed}, {found.dataset} ({found.split}): top-1 {said} in the bundle, {here} here; "
        f"{found.num_samples:,} samples, largest difference of a probability {found.largest:.1e} "
        f"(tolerated {found.tolerance:g}), {len(found.different):,} differ, {len(found.unusable):,} not usable"
    ]
    if found.votes:
        lines.append("  not compared: the numbers of nearest neighbours, for which all training samples are needed")
    lines += [f"  differs: {path}" for path in found.different[:_SHOWN]]
    return lines + [f"  not usable: {path}: {reason}" for path, reason in list(found.unusable.items())[:_SHOWN]]
