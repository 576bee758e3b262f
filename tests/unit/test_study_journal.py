"""The journal survives what Optuna's own does not: a torn last line."""

from pathlib import Path

import pytest
from optuna.storages.journal import JournalFileBackend

from ivvit.ground.errors import UserError
from ivvit.study.journal import SoundJournal

RECORDS = [{"op_code": 0, "text": "x" * 10}, {"op_code": 1, "text": "y" * 70_000}, {"op_code": 2}]


def read(path: Path) -> list[dict]:
    return list(SoundJournal(path).read_logs(0))


@pytest.mark.parametrize("cut", [1, 5, 69_000])
def test_torn_line_goes_and_what_follows_stays(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal.log"
    SoundJournal(path).append_logs(RECORDS[:2])
    path.write_bytes(path.read_bytes()[:-cut])
    SoundJournal(path).append_logs(RECORDS[2:])
    assert read(path) == [RECORDS[0], RECORDS[2]]


def test_torn_by_another_process_while_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    journal = SoundJournal(path)
    journal.append_logs(RECORDS[:1])
    with path.open("a") as file:
        file.write('{"op_code": 7, "te')
    journal.append_logs(RECORDS[2:])
    assert read(path) == [RECORDS[0], RECORDS[2]]


def test_optuna_alone_loses_the_study(tmp_path: Path) -> None:
    """Why SoundJournal is there: should this fail one day, it can go."""
    path = tmp_path / "journal.log"
    JournalFileBackend(str(path)).append_logs(RECORDS[:2])
    path.write_bytes(path.read_bytes()[:-5])
    JournalFileBackend(str(path)).append_logs(RECORDS[2:])
    JournalFileBackend(str(path)).append_logs(RECORDS[2:])
    with pytest.raises(ValueError, match=r"delimiter|Invalid|Extra|control character"):
        list(JournalFileBackend(str(path)).read_logs(0))


def test_only_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / "journal.log").write_text('{"op_code"')
    assert read(tmp_path / "journal.log") == []


def test_damage_elsewhere_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    SoundJournal(path).append_logs(RECORDS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\0\n" + lines[2])
    with pytest.raises(UserError, match=r"journal\.log: line 2 is damaged"):
        SoundJournal(path)
