"""A root_path that belongs to others: shared with another user, or read-only."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from privileges import bound_by_permissions
from test_weights_fetch import PLACES, model, put

from ivvit.ground.errors import UserError
from ivvit.weights.fetch import fetch

ORIGINAL = f"pretrained_weight/{PLACES['Kinetics400']}"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A root with weights, whose folders the test may make unwritable."""
    put(tmp_path / "root" / ORIGINAL, model().state_dict())
    yield tmp_path / "root"
    for folder in _folders(tmp_path / "root"):
        folder.chmod(0o755)


def _folders(root: Path) -> list[Path]:
    return [root, *(path for path in root.rglob("*") if path.is_dir())]


def _close(root: Path) -> None:
    for folder in _folders(root):
        folder.chmod(0o555)


def fetched(root: Path, lock: Path) -> dict[str, str]:
    with bound_by_permissions():
        fetch("Kinetics400", root=root, lock=lock)
    return json.loads(lock.read_text())


def test_weights_that_are_converted_need_no_right_to_write(root: Path, tmp_path: Path) -> None:
    expected = fetched(root, tmp_path / "first.json")
    (root / "pretrained_weight/checksums.json").unlink()
    files = {path for path in root.rglob("*") if path.is_file()}
    _close(root)
    assert fetched(root, tmp_path / "second.json") == expected
    assert {path for path in root.rglob("*") if path.is_file()} == files, "something was written"


def test_a_record_is_enforced_where_it_cannot_be_written(root: Path, tmp_path: Path) -> None:
    fetched(root, tmp_path / "lock.json")
    put(root / ORIGINAL, model(seed=1).state_dict())
    _close(root)
    with pytest.raises(UserError, match="when it was first seen"):
        fetched(root, tmp_path / "lock.json")


@pytest.mark.parametrize("missing", ["the conversion", "the file"])
def test_what_must_be_written_names_the_folder(root: Path, tmp_path: Path, missing: str) -> None:
    folder = root / "pretrained_weight/converted" if missing == "the conversion" else (root / ORIGINAL).parent
    if missing == "the file":
        (root / ORIGINAL).unlink()
    _close(root)
    with pytest.raises(
        UserError, match=rf"cannot write {folder}/.*: Permission denied; make the folder {folder} writable"
    ):
        fetched(root, tmp_path / "lock.json")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two users")
def test_two_users_share_a_root(root: Path, tmp_path: Path) -> None:
    """What one user left, locks included, does not keep the other from fetching other weights there."""
    expected = fetched(root, tmp_path / "first.json")
    put(root / "pretrained_weight" / PLACES["polyvit"], model("polyvit").state_dict())
    for path in (root, *root.rglob("*")):
        os.chown(path, 12345, 12345)
        if path.is_dir():
            path.chmod(0o777)
    assert fetched(root, tmp_path / "second.json") == expected
    with bound_by_permissions():
        fetch("polyvit", root=root, lock=tmp_path / "third.json")
    assert len(json.loads((root / "pretrained_weight/checksums.json").read_text())) == 2
    assert torch.load(root / ORIGINAL, weights_only=True)["state_dict"]
