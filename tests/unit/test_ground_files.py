"""Files appear whole or not at all; one that cannot be written is named, with a remedy."""

import errno
import json
import os
import threading

import pytest

from ivvit.ground.errors import UserError
from ivvit.ground.files import (
    UnwritableError,
    explained,
    replace_link,
    replacing,
    write_atomically,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path):
    write_text(tmp_path / "a", "before")
    with pytest.raises(ZeroDivisionError):
        write_atomically(tmp_path / "a", lambda file: file.write(b"half") / 0)
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "before"


def test_folders_are_made_and_text_is_utf8(tmp_path):
    write_text(tmp_path / "new" / "a", "ü\n")
    assert (tmp_path / "new" / "a").read_bytes() == "ü\n".encode()


def test_many_writers_of_one_file_never_mix(tmp_path):
    texts = [str(number) * 50_000 for number in range(8)]
    writers = [threading.Thread(target=write_text, args=(tmp_path / "a", text)) for text in texts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (tmp_path / "a").read_text() in texts and names(tmp_path) == ["a"]


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "plain").touch()
    write_text(tmp_path / "a", "")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_no_number_that_is_none(value, tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"loss": value})
    write_json(tmp_path / "b.json", {"b": 1, "a": "ü"})
    assert list(json.loads((tmp_path / "b.json").read_text())) == ["b", "a"] and names(tmp_path) == ["b.json"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("ENOSPC", "free some space"),
        ("EDQUOT", "quota"),
        ("EFBIG", "file size limit"),
        ("EACCES", "make .*/folder writable"),
        ("EPERM", "make .*/folder writable"),
        ("EROFS", "choose another folder"),
        ("ELOOP", "points back to itself"),
        ("ENAMETOOLONG", "shorter name"),
    ],
)
def test_a_refusal_names_the_file_and_a_remedy(code, remedy, tmp_path):
    number = getattr(errno, code)
    path = tmp_path / "folder" / "file"
    with pytest.raises(UserError, match=f"cannot write {path}: .*{remedy}") as caught, explained(path):
        raise OSError(number, os.strerror(number))
    assert isinstance(caught.value, OSError) and caught.value.errno == number
    assert caught.value.strerror == os.strerror(number)


def test_other_errors_pass(tmp_path):
    with pytest.raises(OSError) as caught, explained(tmp_path / "a"):
        raise OSError(errno.EIO, "Input/output error")
    assert not isinstance(caught.value, UserError)


def test_the_systems_own_refusals(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    for path in (tmp_path / "loop" / "a", tmp_path / ("a" * 250), tmp_path / "file" / "a"):
        with pytest.raises(UnwritableError, match="cannot write"):
            write_text(path, "")


def test_who_writes_by_name_does_so_too(tmp_path):
    with replacing(tmp_path / "a.csv") as temporary:
        temporary.write_text("x")
        assert names(tmp_path) == [temporary.name]
    assert names(tmp_path) == ["a.csv"]


def test_a_link_is_relative_and_replaced_at_once(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        replace_link(tmp_path / "links" / "now", tmp_path / "runs" / name)
    assert os.readlink(tmp_path / "links" / "now") == "../runs/two" and names(tmp_path / "links") == ["now"]
    (tmp_path / "links" / "file").touch()
    with pytest.raises(UserError, match="links/file is not a link"):
        replace_link(tmp_path / "links" / "file", tmp_path / "runs" / "one")
