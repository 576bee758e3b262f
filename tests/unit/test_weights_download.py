"""Downloads from a local server that breaks off, redirects, asks for confirmation, and serves garbage."""

import hashlib
import io
import json
import os
import resource
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from safetensors.torch import save
from weights_server import file, in_turn, page, redirect, serve

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model
from ivvit.weights import load_converted
from ivvit.weights.fetch import fetch

PLACE = "pretrained_weight/mine/w.pth"


def checkpoint(seed: int = 0) -> bytes:
    generator = torch.Generator().manual_seed(seed)
    state = {"cls_token": torch.zeros(1, 1, 8), "blocks.0.attn.qkv.weight": torch.randn(12000, 8, generator=generator)}
    state["patch_embed.proj.weight"] = torch.randn(8, 3, 16, 16, generator=generator)
    content = io.BytesIO()
    torch.save({"state_dict": state}, content)
    return content.getvalue()


GOOD = checkpoint()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve() as running:
        yield running


@pytest.fixture
def get(server, tmp_path):
    """get(answer, **entry): fetch from that answer; returns the bytes that arrived."""

    def run(answer=None, kind="url", **entry):
        if answer is not None:
            server.routes["/w.pth"] = answer
        location = {kind: f"{server.address}/w.pth"} | entry
        sources = {"mine": location | {"file": "mine/w.pth"}}
        fetch("mine", root=tmp_path, lock=tmp_path / "mine.json", sources=sources, pause=0.01)
        return (tmp_path / PLACE).read_bytes()

    return run


def leftovers(root):
    folder = root / "pretrained_weight/mine"
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_download_is_converted_and_locked(get, tmp_path):
    assert get(file(GOOD)) == GOOD
    assert leftovers(tmp_path) == ["w.pth"]
    lock = json.loads((tmp_path / "mine.json").read_text())
    assert lock["sha256"] == hashlib.sha256((tmp_path / lock["path"]).read_bytes()).hexdigest()
    assert (lock["name"], lock["layout"], lock["format"]) == ("mine", "timm", 1)
    assert load_converted(tmp_path / "mine.json", tmp_path)["blocks.0.attn.qkv.weight"].shape == (12000, 8)


def test_a_file_that_is_there_is_not_downloaded_again(get, server):
    get(file(GOOD))
    get()
    assert len(server.seen) == 1


def test_a_broken_connection_goes_on_where_it_stopped(get, server):
    assert get(file(GOOD, breaks=[150_000, 70_000])) == GOOD
    assert [asked for _, asked in server.seen] == [None, "bytes=131072-", "bytes=196608-"]


def test_many_breaks_are_fine_while_it_gets_further(get, server):
    assert get(file(GOOD, breaks=[66_000] * 5)) == GOOD
    assert len(server.seen) == 6


def test_it_goes_on_without_an_etag(get, server):
    assert get(file(GOOD, breaks=[150_000], etag=None)) == GOOD
    assert server.seen[1][1] == "bytes=131072-"


def test_a_server_without_ranges_starts_anew(get):
    assert get(file(GOOD, breaks=[150_000], ranges=False)) == GOOD


def test_a_server_may_answer_with_less_than_was_asked_for(get, server):
    assert get(file(GOOD, breaks=[150_000], piece=100_000)) == GOOD
    assert [asked for _, asked in server.seen] == [None] + [
        f"bytes={131_072 + 100_000 * i}-" for i in range(len(server.seen) - 1)
    ]


@pytest.mark.parametrize(("old", "new", "longer"), [('"1"', '"2"', b""), (None, None, b"longer")])
def test_a_file_that_changed_meanwhile_is_not_patched_together(get, old, new, longer):
    other = checkpoint(seed=1)
    first = file(GOOD + longer, breaks=[150_000], etag=old)
    assert get(in_turn(first, file(other, etag=new))) == other


def test_redirects_are_followed(get, server):
    server.routes["/a"] = redirect("/b")
    server.routes["/b"] = file(GOOD, breaks=[150_000])
    assert get(redirect("/a")) == GOOD


def test_overload_is_waited_for(get, server):
    busy, later = page("busy", status=503), page("slow down", status=429, Retry_After="0")
    assert get(in_turn(busy, later, file(GOOD))) == GOOD
    assert len(server.seen) == 3


def test_overload_for_ever_is_an_error(get, tmp_path, server):
    with pytest.raises(
        UserError, match=r"cannot download weights 'mine' from http.*status 500.*put it at .*mine/w.pth"
    ):
        get(page("broken", status=500))
    assert len(server.seen) == 5
    assert not (tmp_path / "mine.json").exists()


def test_no_such_file_is_an_error_at_once(get, server):
    with pytest.raises(UserError, match=r"status 404.*put it at .*mine/w.pth"):
        get(None)
    assert len(server.seen) == 1


def test_no_network(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/w.pth"
    with pytest.raises(UserError, match=r"refused.*put it at .*downloads/127.0.0.1_.*_w-.*[.]pth"):
        fetch(address, root=tmp_path, lock=tmp_path / "lock.json", pause=0.001)


def test_a_page_instead_of_weights(get, tmp_path):
    with pytest.raises(UserError, match=r"HTML page \('Log in'\).*put it at .*mine/w.pth"):
        get(page("Log in"))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00garbage" * 5000, "not a checkpoint"),
        (b"\n<html>no content type</html>", "HTML page"),
        (GOOD[:-1000], "truncated"),
        (GOOD[:50_000] + b"\xff" + GOOD[50_001:], "checksum"),
        (b"", "truncated"),
    ],
)
def test_garbage_is_not_kept(get, tmp_path, content, message):
    with pytest.raises(UserError, match=rf"{message}.*put it at .*mine/w.pth"):
        get(file(content))
    assert leftovers(tmp_path) == []
    assert get(file(GOOD)) == GOOD  # and nothing of it is remembered


@pytest.mark.parametrize("length", [8, 64])
def test_a_published_checksum_is_enforced(get, tmp_path, length):
    published = hashlib.sha256(GOOD).hexdigest()[:length]
    with pytest.raises(UserError, match=f"{published} is published"):
        get(file(checkpoint(seed=1)), sha256=published)
    assert leftovers(tmp_path) == []
    assert get(file(GOOD), sha256=published) == GOOD


def test_what_was_seen_first_is_enforced_afterwards(get, tmp_path):
    get(file(GOOD))
    (tmp_path / PLACE).unlink()
    with pytest.raises(UserError, match=r"when it was first seen.*delete the entry 'mine/w.pth' of .*checksums.json"):
        get(file(checkpoint(seed=1)))
    record = tmp_path / "pretrained_weight/checksums.json"
    record.write_text(
        json.dumps({name: sha for name, sha in json.loads(record.read_text()).items() if "mine" not in name})
    )
    assert get() == checkpoint(seed=1)


def test_a_full_disk_names_the_file(get, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        with pytest.raises(UserError, match=r"cannot write .*mine/w.pth.*free some space"):
            get(file(GOOD))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert get(file(GOOD)) == GOOD


def test_a_full_device_names_the_file(tmp_path):
    from ivvit.ground.files import explained

    with pytest.raises(UserError, match=r"cannot write .*w.pth: No space left"), explained(tmp_path / "w.pth"):
        os.write(os.open("/dev/full", os.O_WRONLY), b"x")


def confirmation(server, answer):
    """Google Drive's page for large files, and behind its form the answer; both want the same cookie."""
    form = (
        '<form id="download-form" action="/usercontent/download" method="get">'
        '<input type="submit" value="Download anyway"/><input type="hidden" name="id" value="an-id">'
        '<input type="hidden" name="confirm" value="t"><input type="hidden" name="uuid" value="17-b"></form>'
    )

    def guarded(handler):
        confirmed = "id=an-id" in handler.path and "confirm=t" in handler.path and "uuid=17-b" in handler.path
        cookie = "nid=5" in handler.headers.get("Cookie", "")
        (answer if confirmed and cookie else page("not confirmed", status=403))(handler)

    server.routes["/usercontent/download"] = guarded
    return page("Google Drive - Virus scan warning", body=form, Set_Cookie="nid=5; Path=/")


def test_google_drives_confirmation_is_given(get, server):
    answer = confirmation(server, file(GOOD, breaks=[150_000]))
    assert get(answer, kind="gdrive") == GOOD
    assert ("bytes=131072-") in [asked for path, asked in server.seen if path.startswith("/usercontent")]


def test_google_drives_older_page_has_a_link(get, server):
    server.routes["/uc"] = file(GOOD)
    link = '<a id="uc-download-link" href="/uc?export=download&amp;confirm=AbC&amp;id=an-id">Download anyway</a>'
    assert get(page("Google Drive", body=link), kind="gdrive") == GOOD
    assert server.seen[-1][0] == "/uc?export=download&confirm=AbC&id=an-id"


def test_google_drive_without_confirmation(get):
    assert get(file(GOOD), kind="gdrive") == GOOD


def test_google_drive_refuses(get):
    with pytest.raises(UserError, match=r"Google Drive answered.*Quota exceeded.*put it at"):
        get(page("Google Drive - Quota exceeded"), kind="gdrive")


@pytest.mark.parametrize(
    "link",
    [
        "17_4XmIgx1lqz4SYBY3GQVwrE7R0nFFKj",
        "https://drive.google.com/file/d/17_4XmIgx1lqz4SYBY3GQVwrE7R0nFFKj/view?usp=sharing",
        "https://drive.google.com/open?id=17_4XmIgx1lqz4SYBY3GQVwrE7R0nFFKj",
    ],
)
def test_google_drives_links(link):
    from ivvit.weights.gdrive import drive_address

    expected = "https://drive.google.com/uc?export=download&id=17_4XmIgx1lqz4SYBY3GQVwrE7R0nFFKj"
    assert drive_address(link) == expected


def test_two_at_once_download_once(get, server):
    with ThreadPoolExecutor(2) as pool:
        server.routes["/w.pth"] = file(GOOD)
        assert [result.result() for result in [pool.submit(get), pool.submit(get)]] == [GOOD, GOOD]
    assert len(server.seen) == 1


def test_a_timm_tag_comes_from_the_hub(server, tmp_path, monkeypatch):
    vit = create_model("IV-ViT", {"A": 2}, backbone="test_vit").backbone
    state = {name: torch.randn(tensor.shape) for name, tensor in vit.state_dict().items()}
    state |= {"head.weight": torch.randn(1000, vit.embed_dim), "head.bias": torch.zeros(1000)}
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    server.routes["/timm/test_vit.r160_in1k/resolve/main/model.safetensors"] = redirect("/cdn")
    server.routes["/cdn"] = file(save(state), breaks=[50_000])
    fetch("timm:test_vit.r160_in1k", root=tmp_path, lock=tmp_path / "l.json")
    found = load_converted(tmp_path / "l.json", tmp_path)
    assert found.keys() == {name for name in state if not name.startswith("head.")}
    assert all(torch.equal(found[name], state[name]) for name in found)
    assert (tmp_path / "pretrained_weight/timm/test_vit.r160_in1k.safetensors").is_file()


def test_an_unknown_timm_tag(tmp_path):
    for tag, message in [("vit_tiny_patch16_224.nope", "nope"), ("vit_tinny", "does not know the tag 'vit_tinny'")]:
        with pytest.raises(UserError, match=message):
            fetch(f"timm:{tag}", root=tmp_path, lock=tmp_path / "l.json")
