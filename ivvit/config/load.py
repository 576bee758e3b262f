"""The way in: a configuration from files, or from what Snakemake has read."""

from pathlib import Path
from typing import Any

from ivvit.config.files import line_finder, read_yaml
from ivvit.config.resolve import Config
from ivvit.ground.errors import UserError

DEFAULT = Path("config/config.yaml")


def load_config(*paths: Path | str, overrides: dict[str, Any] | None = None) -> Config:
    """Read, merge (later files win) and resolve configuration files.

    Raises:
        UserError: for anything that cannot be right, with the file, the line and the key.
    """
    files = [Path(path) for path in paths] or [DEFAULT]
    raw: dict[str, Any] = {}
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such configuration file; name one with --config")
        raw = _update(raw, read_yaml(file))
    return Config(
        _update(raw, overrides or {}), ", ".join(map(str, files)), line_finder(files[0]) if len(files) == 1 else None
    )


def _update(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: _update(old.get(key), value) for key, value in new.items()}}
