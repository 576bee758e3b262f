"""Kinetics as it is downloaded: {train,val}/<category>/*.mp4, also below a common folder."""

import re
from pathlib import Path, PurePosixPath

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.folders import read_folders


def read_kinetics(path: Path, options: DatasetOptions) -> Entries:
    """Videos by category; vanished ones are simply absent, which the check of counts reports.

    A clip's group is the video's id: its name without the seconds in `<id>_000010_000020`.

    Raises:
        UserError: see `read_folders`.
    """
    entries = read_folders(path, options)
    entries.groups = {file: _video_id(file) for rows in entries.samples.values() for file, _ in rows}
    return entries


def _video_id(file: str) -> str:
    return re.sub(r"_\d+_\d+$", "", PurePosixPath(file).stem)
