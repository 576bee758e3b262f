"""A fetch that is killed goes on where it stopped, and leaves nothing that looks finished."""

import io
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch
from weights_server import file, in_turn, serve

CODE = (
    "import sys; from pathlib import Path; from ivvit.weights.fetch import fetch; root = Path(sys.argv[1])\n"
    "fetch('w', root=root, lock=root / 'lock.json', sources={'w': {'url': sys.argv[2], 'file': 'w.pth'}})"
)


def checkpoint() -> bytes:
    state = {"cls_token": torch.zeros(1, 1, 8), "patch_embed.proj.weight": torch.randn(800, 3, 16, 16)}
    content = io.BytesIO()
    torch.save(state, content)
    return content.getvalue()


def start(root, server):
    environment = os.environ | {"NO_PROXY": "127.0.0.1"}
    return subprocess.Popen([sys.executable, "-c", CODE, root, f"{server.address}/w.pth"], env=environment)


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize("name", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_download_is_resumed_by_the_next_process(tmp_path, name):
    content, done = checkpoint(), threading.Event()

    def stall(handler):
        handler.send(200, content, send_at_most=1_000_000, ETag='"v1"')
        done.wait(60)

    part = tmp_path / "pretrained_weight/w.pth.part"
    with serve() as server:
        server.routes["/w.pth"] = in_turn(stall, file(content))
        first = start(tmp_path, server)
        wait_for(lambda: part.exists() and part.stat().st_size > 500_000)
        first.send_signal(name)
        assert first.wait() == -name
        done.set()
        assert not (tmp_path / "lock.json").exists()
        assert not (tmp_path / "pretrained_weight/w.pth").exists()
        had = part.stat().st_size
        assert start(tmp_path, server).wait() == 0
        assert [asked for _, asked in server.seen] == [None, f"bytes={had}-"]
    assert (tmp_path / "pretrained_weight/w.pth").read_bytes() == content
    assert (tmp_path / "lock.json").exists()
    assert not part.exists()
