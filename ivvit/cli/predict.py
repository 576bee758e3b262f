"""What a trained model sees in images and videos: the most probable classes, of videos over all and window by window.

Heads trained on images see images, heads trained on videos see videos, unless --dataset names some.
A video is shown in windows that slide over all of it; --clips N places N clips evenly, as an evaluation does, and
gives its numbers. Damaged files are named and passed over; the exit status is 1 then.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.cli.common import count
from ivvit.ground.errors import FAILURE, OK
from ivvit.ground.files import check_writable, write_text

if TYPE_CHECKING:
    from ivvit.use.outcome import FileResult

EXAMPLES = """\
  ivvit predict results/experiments/msca/seed0 holiday.jpg clips/ --top 3
  ivvit predict model.safetensors 'videos/**/*.mp4' --dataset UCF101 --csv --out predictions.csv
  ivvit predict model.safetensors clip.mp4 --clips 10 --crops 3     as an evaluation of ten clips and three crops
  ivvit predict model.safetensors photos/ --html page.html          with pictures
"""
_FEW = 4  # files that worker processes would not be worth it for


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("model", help="a run's folder, or its model.safetensors, wherever it was copied to")
    parser.add_argument("files", nargs="+", metavar="FILE", help="images and videos, folders of them, patterns")
    parser.add_argument("--dataset", nargs="+", default=[], metavar="HEAD", help="the heads to use")
    parser.add_argument("--top", type=count(), default=5, help="classes to show (5)")
    parser.add_argument("--clips", type=count(), help="clips per video, placed as in an evaluation")
    parser.add_argument("--crops", type=int, choices=(1, 3), default=1, help="crops per image or clip (1)")
    parser.add_argument("--stride", type=_seconds, help="seconds from one window to the next (a window's length)")
    parser.add_argument("--batch-size", type=count(), default=16, help="images or clips at a time (16)")
    parser.add_argument("--workers", type=count(0), help="processes that read files (by the CPUs; 0 for few files)")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="where to compute (a GPU where there is one)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a row per file, head, window and class")
    form.add_argument("--json", action="store_true", help="all of it, nested")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file instead of the terminal")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page with pictures, complete in itself")


def run(args: argparse.Namespace) -> int:
    """Predict; the status is 1 if a file cannot be read."""
    for target in (args.out, args.html):
        if target is not None:
            check_writable(target)
    from ivvit.data.layouts.files import printable
    from ivvit.use.listing import list_files
    from ivvit.use.page import page
    from ivvit.use.report import as_csv, as_json, as_text

    paths = list_files(args.files)
    found, classes = _predict(args, paths)
    text = (as_csv if args.csv else as_json if args.json else as_text)(found, classes, args.top).rstrip("\n") + "\n"
    if args.out is None:
        sys.stdout.write(text)
    else:
        write_text(args.out, text)
    if args.html is not None:
        write_text(args.html, page(found, classes, args.top, Path(args.model)))
    damaged = [result for result in found if result.damage]
    if damaged and args.out is None and not (args.csv or args.json):  # the text has named them
        print(f"{len(damaged)} of {len(found)} files cannot be read", file=sys.stderr)
    else:
        for result in damaged:
            print(f"{printable(result.path)} cannot be read: {result.damage}", file=sys.stderr)
    return FAILURE if damaged else OK


def _predict(args: argparse.Namespace, paths: list[str]) -> "tuple[list[FileResult], dict[str, list[str]]]":
    from ivvit.runs.memory import enough_memory
    from ivvit.use.device import device_of
    from ivvit.use.load import load_run
    from ivvit.use.predict import Predictor
    from ivvit.use.protocol import Protocol

    run = load_run(args.model)
    device = device_of(args.device)
    with enough_memory("--batch-size, or compute with --device cpu"):
        model = run.model.to(device)
    workers = _workers(len(paths)) if args.workers is None else args.workers
    protocol = Protocol(args.clips, args.crops, args.stride)
    predictor = Predictor(model, run.card, device, protocol, args.batch_size, workers, args.html is not None)
    with _progress(len(paths)) as advance:
        found = []
        for result in predictor.files(paths, args.dataset):
            found.append(result)
            advance()
    return found, dict(run.classes)


def _workers(files: int) -> int:
    return 0 if files <= _FEW else min(8, len(os.sched_getaffinity(0)))


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal; gives what moves it on by one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("files"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("files", total=total)
        yield lambda: progress.advance(task)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0, found {text!r}")
    return value
