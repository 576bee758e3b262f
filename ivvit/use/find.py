"""From what a user names to the file of a trained model."""

from pathlib import Path

from ivvit.ground.errors import UserError
from ivvit.runs.model_file import NAME


def find_model(path: Path | str) -> Path:
    """The model's file: `path` itself, or that of a folder: a run's, or an experiment's with one seed.

    Raises:
        UserError: there is none, or several.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; name a model.safetensors, or the folder of a finished run")
    return path


def _in_folder(folder: Path) -> Path:
    if (folder / NAME).is_file():
        return folder / NAME
    seeds = sorted(folder.glob(f"seed*/{NAME}"))
    if len(seeds) > 1:
        found = ", ".join(file.parent.name for file in seeds)
        raise UserError(f"{folder} holds several models ({found}); name one of them")
    if seeds:
        return seeds[0]
    if (folder / "state").is_dir():
        raise UserError(f"{folder} has no {NAME} yet: its run is not finished; start it again, it goes on")
    raise UserError(f"{folder} has no {NAME}; name the folder of a finished run, or the file itself")
