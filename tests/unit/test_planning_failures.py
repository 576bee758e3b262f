"""The messages of all jobs that failed, from the ends of their logs."""

import os
from pathlib import Path

from ivvit.planning.failures import failures


def test_each_failed_job_is_told(tmp_path: Path) -> None:
    texts = {
        "train/a.log": "loading\nerror: a: the disk is full;\n  make room\n",
        "study/b.log": "x\nTraceback (most recent call last):\n  File\nValueError: odd\n",
        "validate/fine.log": "validated\n",
        "validate/old.log": "error: long ago\n",
        "validate/bytes.log": "\ufffd",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    os.utime(tmp_path / "validate/old.log", (1, 1))
    (tmp_path / "train/nowhere.log").symlink_to("nowhere")
    found = {str(log.relative_to(tmp_path)): message for log, message in failures(tmp_path, since=2)}
    assert found == {"train/a.log": "error: a: the disk is full;\n  make room", "study/b.log": "ValueError: odd"}
