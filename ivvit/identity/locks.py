"""What finished checks and studies say, or that they have not been done."""

import json
from pathlib import Path
from typing import Any

import yaml


class Pending(Exception):
    """Some checks have not been done yet, so an identity is not known. `targets`: the files that they will write."""

    def __init__(self, targets: list[Path]) -> None:
        super().__init__(", ".join(map(str, targets)))
        self.targets = targets


class Locks:
    """Reads small JSON and YAML files, each once per version of the file.

    A damaged one counts as missing: it costs the experiments that need it, and no others.
    """

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any] | str]] = {}

    def read(self, path: Path) -> dict[str, Any]:
        """The content of a lock.

        Raises:
            Pending: the file is not there, or damaged.
        """
        content = self._content(path)
        if not isinstance(content, dict):
            raise Pending([path])
        return content

    def damage(self, path: Path) -> str | None:
        """What is wrong with a file that is there; None for one that is sound or missing."""
        content = self._content(path)
        return content if isinstance(content, str) else None

    def is_sound(self, path: Path) -> bool:
        """Whether a file is there and can be read."""
        return isinstance(self._content(path), dict)

    def _content(self, path: Path) -> dict[str, Any] | str | None:
        """A file's content, or what is wrong with it; None where there is none."""
        try:
            stat = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
        version = (stat.st_mtime_ns, stat.st_size)
        if self._read.get(path, (None,))[0] != version:
            self._read[path] = (version, _parse(path))
        return self._read[path][1]


def _parse(path: Path) -> dict[str, Any] | str:
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        return f"{path} cannot be read ({error.strerror})"
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        return f"{path} is damaged ({' '.join(str(error).split())[:200]})"
    if not isinstance(value, dict):
        return f"{path} is damaged (it holds no keys and values)"
    return value if not (missing := _required(path) - value.keys()) else f"{path} is damaged (no {min(missing)} in it)"


def _required(path: Path) -> set[str]:
    """What is read of a file: without that, it is half-written or another program's."""
    if path.name == "manifest.json":
        return {"digest", "digests", "classes", "counts"}
    if path.name.startswith("best-"):
        return {"parameters"}
    return {"sha256"} if path.parents[1].name == "weights" else set()
