"""Write a project into this folder: a configuration that runs on the data that is there, the rules, and profiles."""

import argparse
import os
import shutil
from dataclasses import replace
from pathlib import Path

from ivvit.cli.common import relative
from ivvit.config import load_config
from ivvit.ground.errors import UserError

EXAMPLES = """\
  ivvit init                            a project that makes its own small data sets: the demo
  ivvit init --root /data               one for the data sets in /data or /data/datasets
  ivvit init --root ~/videos            one for a folder of class folders, or of train/ and val/
  ivvit init --root /data --config config/mine.yaml
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--root", type=Path, metavar="FOLDER", help="where the data lies; without it, the demo's is made"
    )
    parser.add_argument(
        "--config",
        "--configfile",
        type=Path,
        default=Path("config/config.yaml"),
        metavar="FILE",
        help="the configuration to write (%(default)s)",
    )
    parser.add_argument("--force", action="store_true", help="replace a configuration that is there")


def run(args: argparse.Namespace) -> None:
    """Look, say what was found, and write."""
    from ivvit.project.write import demo_text, write_project

    if args.config.exists() and not args.force:
        raise UserError(f"{args.config} is there already; name another file with --config, or add --force")
    text = demo_text() if args.root is None else _for_data(Path(os.path.abspath(args.root.expanduser())))
    for path in write_project(Path(), args.config, text):
        print(f"wrote {relative(path)}")
    load_config(args.config)
    named = "" if args.config == Path("config/config.yaml") else f" --configfile {args.config}"
    checked = named.replace("--configfile", "--config")
    print(f"next:  ivvit doctor{checked};  snakemake --cores {os.cpu_count()}{named}")


def _for_data(root: Path) -> str:
    """The configuration for the data below a folder. Raises UserError where there is none."""
    from ivvit.project.configuration import Machine, configuration
    from ivvit.project.survey import FLAT, survey

    seen = survey(root)
    print(f"in {root}:")
    for one in seen.found:
        print(f"  {one.name}: {one}")
    for path, why in seen.left_out.items():
        print(f"  left out: {path.name}: {why}")
    if not seen.found:
        raise UserError(
            f"{root}: no data set was found; expected class folders (<class>/<files>), or"
            f" {{train,val}}/<class>/<files>, or a list of path,label[,split]; there, one folder down, or in datasets/"
        )
    base = root if seen.is_data_root else Path("data")
    found, paths = [], {}
    for one in seen.found:
        path = _split(one.path, one.media, base) if one.kind == FLAT else one.path
        found.append(replace(one, kind="list-file") if one.kind == FLAT else one)
        inside = path.absolute().is_relative_to(base.absolute())
        paths[one.name] = str(path.absolute().relative_to(base.absolute()) if inside else path.absolute())
    machine = Machine(gpus=_gpus(), cpus=len(os.sched_getaffinity(0)))
    return configuration(found, paths, str(base), str(root), machine)


def _split(folder: Path, media: str, base: Path) -> Path:
    """Write a list with splits for class folders that have none; beside the folder if that is below the root_path."""
    from ivvit.data.layouts.files import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS
    from ivvit.ground.files import write_text
    from ivvit.project.splits import split_list

    beside = folder.absolute().is_relative_to(base.absolute())
    target = folder.with_name(f"{folder.name}.csv") if beside else base / "datasets" / f"{folder.resolve().name}.csv"
    if not target.exists():  # one that was changed by hand is kept
        target.parent.mkdir(parents=True, exist_ok=True)
        prefix = f"{folder.name if beside else folder.absolute()}/"
        write_text(target, split_list(folder, VIDEO_EXTENSIONS if media == "video" else IMAGE_EXTENSIONS, prefix))
        print(f"wrote {relative(target)}: which samples train and which are reported on; change it as you like")
    return target


def _gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        return 0
    import torch

    return torch.cuda.device_count()
