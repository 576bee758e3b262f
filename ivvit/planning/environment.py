"""How a job finds the configuration that its workflow was started with."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ivvit.config import Config, load_config
from ivvit.ground.errors import UserError

VARIABLE = "IVVIT_CONFIG"


def prepare(files: list[str], overrides: dict[str, Any]) -> None:
    """Let this process's jobs find the same configuration and the same `ivvit`, and print line by line."""
    os.environ[VARIABLE] = json.dumps([files, overrides])
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    package = str(Path(__file__).parents[2])  # jobs must run the very code whose digest names their results
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    os.environ["PYTHONUNBUFFERED"] = "1"


def load_current(files: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> Config:
    """The configuration named by files, else the workflow's that this job belongs to, else config/config.yaml."""
    if files:
        return load_config(*files)
    if VARIABLE in environment:
        try:
            named, overrides = json.loads(environment[VARIABLE])
            paths, overrides = list(map(Path, named)), dict(overrides)
        except (ValueError, TypeError):
            raise UserError(
                f"the variable {VARIABLE} is not what snakemake sets for its jobs ({environment[VARIABLE][:80]!r}); "
                "unset it, and name a configuration with --config"
            ) from None
        return load_config(*paths, overrides=overrides)
    return load_config()
