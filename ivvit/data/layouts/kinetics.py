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
    return read_folders(path, options, group=_video_id)


def _video_id(file: str) -> str:
    return re.sub(r"_\d+_\d+$", "", PurePosixPath(file).stem)
