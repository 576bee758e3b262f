"""Kinetics as it is downloaded: {train,val}/<category>/*.mp4, also below a common folder."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.folders import read_folders


def read_kinetics(path: Path, options: DatasetOptions) -> Entries:
    """Videos by category; vanished ones are simply absent, which the check of counts reports.

    Raises:
        UserError: see `read_folders`.
    """
    return read_folders(path, options)
