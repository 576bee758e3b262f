"""The manifest of a data set: what validation found out, as training reads it."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.numerics.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2


@dataclass(frozen=True)
class Manifest:
    """A data set's usable samples.

    `table` has a row per sample: split, path (relative to the root), label, group, frames, fps, width, height, duration
    (seconds), size (bytes), mtime_ns, sha256; and, for videos, time_base, first_pts, pts_step, pts and keys
    (see `Timeline`).
    """

    dataset: str
    classes: list[str]
    digest: str
    table: "pd.DataFrame"

    def split(self, name: str) -> "pd.DataFrame":
        """The rows of one split, in the manifest's order."""
        return self.table[self.table["split"] == name].reset_index(drop=True)


_KEYS = {"dataset", "digest"}  # of manifests and of frame stores


def read_lock(lock: Path) -> dict[str, Any]:
    """The small JSON of a manifest or a frame store.

    Raises:
        UserError: it is missing or not readable.
    """
    try:
        content = json.loads(Path(lock).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{lock} does not exist; make it with `ivvit validate` (or let Snakemake do it)") from None
    except ValueError as error:
        raise UserError(f"{lock} is not valid JSON ({error}); remove it and validate again") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(f"{lock} has format {found}, expected {FORMAT}; remove it and validate again")
    if missing := _KEYS - content.keys():
        raise UserError(f"{lock} is not what was written ({min(missing)} is missing); remove it and validate again")
    return content


def load_manifest(lock: Path) -> Manifest:
    """The manifest whose lock is `lock`; its table lies beside it as <stem>.parquet.

    Raises:
        UserError: one of the two files is missing or damaged, or they do not belong together.
    """
    import pyarrow.parquet as pq  # here, because a loader's workers need neither it nor pandas

    content = read_lock(lock)
    if not isinstance(content.get("class_names"), list):
        raise UserError(f"{lock} is not what was written: class_names is missing; remove it and validate again")
    file = table_file(lock)
    try:
        table = pq.read_table(file)
        frame = table.to_pandas()
    except FileNotFoundError:
        raise UserError(f"{file} is missing beside {lock}; validate {content['dataset']} again") from None
    except Exception as error:  # a damaged file makes Arrow raise almost anything
        raise UserError(f"{file} cannot be read ({error}); validate {content['dataset']} again") from error
    if (table.schema.metadata or {}).get(b"digest", b"") != str(content["digest"]).encode():
        raise UserError(f"{file} and {lock} are not of the same validation; validate {content['dataset']} again")
    if content.get("table_sha256", "") not in ("", sha256_of(file)):
        raise UserError(f"{file} is not what was written: its checksum differs; validate {content['dataset']} again")
    return Manifest(content["dataset"], content["class_names"], content["digest"], frame)


def table_file(lock: Path) -> Path:
    """Where the table of a lock lies."""
    return Path(lock).with_suffix(".parquet")


def timelines(rows: "pd.DataFrame") -> list[Timeline]:
    """The time lines of videos, in the order of the rows."""
    columns = ("frames", "fps", "time_base", "first_pts", "pts_step", "pts", "keys")
    return [
        Timeline(
            int(frames), float(fps), Fraction(base), int(first), int(step), pts,
            None if keys is None else keys.reshape(-1, 4),
        )
        for frames, fps, base, first, step, pts, keys in zip(*(rows[name] for name in columns), strict=True)
    ]  # fmt: skip
