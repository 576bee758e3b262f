"""The files of a project: configuration, schema, the door to the package's rules, and profiles."""

from pathlib import Path

from ivvit.ground.files import write_text

PACKAGE = Path(__file__).parents[1]
WORKFLOW = PACKAGE / "workflow"
DEMO = PACKAGE / "demo" / "config.yaml"
SNAKEFILE = '''\
"""The rules are those of the installed package; `pip install` renews them. Rules of your own go below."""

from pathlib import Path

import ivvit


include: Path(ivvit.__file__).parent / "workflow" / "Snakefile"


workflow.default_target = "all"  # Snakemake takes none from a file that is included
'''
_IGNORED = "/data/\n/results/\n/logs/\n/.snakemake/\n"


def write_project(folder: Path, config: Path, text: str) -> list[Path]:
    """Write the configuration and whatever else a project needs and `folder` lacks; gives what was written."""
    from ivvit.config.schema import schema_text

    texts = {config: text, config.parent / "schema.json": schema_text()}
    if not (folder / "workflow" / "Snakefile").exists() and not (folder / "Snakefile").exists():
        texts |= {folder / "workflow" / "Snakefile": SNAKEFILE, folder / ".gitignore": _IGNORED}
        for profile in ("default", "slurm"):
            name = Path("profiles", profile, "config.yaml")
            texts[folder / "workflow" / name] = (WORKFLOW / name).read_text()
    written = [path for path in texts if path == config or not path.exists()]
    for path in written:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, texts[path])
    link = folder / "slurm"  # `--profile slurm` looks for it in the working directory
    if not link.is_symlink() and not link.exists() and (folder / "workflow/profiles/slurm").is_dir():
        link.symlink_to("workflow/profiles/slurm")
    return written


def demo_text() -> str:
    """The demo's configuration."""
    return DEMO.read_text(encoding="utf-8")
