"""Weights & Biases without a network: one run however often training was stopped; nothing waits."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from training_runs import job, stop_at, train_stopped

from ivvit.ground.errors import UserError
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train
from ivvit.tracking import open_tracking

SETTINGS = {"validation": {"every": 1}, "names": ["shades"], "runtime": {"wandb": True}}
_KINDS = "full", "first", "middle", "last"


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.fixture
def wandb():
    return pytest.importorskip("wandb", reason="wandb is not installed: pip install wandb")


def records(file: Path) -> Iterator[bytes]:
    """Those of a `.wandb` file, which is LevelDB's log: blocks of 32 KiB with (checksum, length, kind, bytes)."""
    content, place, record = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        length, kind = struct.unpack_from("<HB", content, place + 4)
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if 32768 - place % 32768 < 7:  # no room for a header: the block's end
            place += 32768 - place % 32768
        if _KINDS[kind - 1] in ("full", "last"):
            yield record
            record = b""


def parts(folder: Path) -> list[tuple[str, dict[str, object], set[tuple[str, int, float]]]]:
    """(id, configuration, {(name, iteration, value)}) of each start's file, in their order."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = []
    for file in sorted((folder / "wandb").glob("*run-*/*.wandb"), key=lambda path: path.stat().st_mtime_ns):
        read = [Record.FromString(record) for record in records(file)]
        runs = [record.run for record in read if record.WhichOneof("record_type") == "run"]
        if not runs:  # one that never began
            continue
        config = {item.key: json.loads(item.value_json) for item in runs[0].config.update}
        values = set()
        for record in (one for one in read if one.WhichOneof("record_type") == "history"):
            row = {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
            values |= {(name, row["iteration"], value) for name, value in row.items() if "/" in name}
        found.append((runs[0].run_id, config, values))
    return found


def numbers(folder: Path) -> set[tuple[str, int, float]]:
    """What W&B should have of a run, from its history."""
    return {
        (f"{row['phase']}_{key}/{row['dataset']}", int(row["iteration"]), float(row[key]))
        for row in read_rows(folder / "history.csv") for key in ("loss", "top1", "top5", "lr", "weight") if row[key]
    }  # fmt: skip


def test_a_stopped_run_is_one_run_with_all_numbers(data, tmp_path, wandb):
    assert train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3), tracking=open_tracking) == 1
    starts = parts(tmp_path)
    assert [key for key, _, _ in starts] == 2 * [(tmp_path / "wandb/id").read_text()]
    assert starts[0][1]["optimizer.shades.lr"] == 1e-3
    sent = {(name, step): value for _, _, values in starts for name, step, value in values}
    expected = {(name, step): value for name, step, value in numbers(tmp_path)}
    assert "val_top1/shades" in {name for name, _ in expected}
    assert sent == pytest.approx(expected)


def test_a_dead_network_holds_nothing_up_and_loses_nothing(data, tmp_path, wandb, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens
    monkeypatch.setattr("ivvit.tracking.wandb._SECONDS", 0.5)
    train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)
    assert {step for name, step, _ in parts(tmp_path)[-1][2] if name == "train_loss/shades"} == set(range(1, 7))


def test_wandb_is_not_installed(data, tmp_path, monkeypatch):
    monkeypatch.setattr("ivvit.tracking.wandb.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"runtime.wandb is true, but wandb is not installed: `pip install wandb`"):
        train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)
