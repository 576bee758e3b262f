"""Tables lie at their key: what they list, and how they are made."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ivvit.ground.digest import digest
from ivvit.ground.files import read_object
from ivvit.identity.entries import TABLES, WITHIN_TABLES
from ivvit.identity.identity import Identities
from ivvit.identity.locks import Pending

_TEMPLATE = Path(__file__).parents[1] / "results" / "report" / "report.html.j2"  # makes the report, and is no code


@dataclass(frozen=True)
class TableRun:
    """A run that tables list."""

    experiment: str
    seed: int
    identity: str
    evaluation: str
    accepted: str | None
    """Why a run of earlier code or data is taken for today's."""


def table_runs(identities: Identities) -> tuple[list[TableRun], dict[str, Pending]]:
    """The runs in the configuration's order; and the experiments that are not known yet, with what they wait for."""
    found, pending = [], {}
    for name, entry in identities.config.entries.items():
        try:
            identity, evaluation = identities.experiment(name).digest, identities.evaluation(name).digest
        except Pending as error:
            pending[name] = error
            continue
        why = _accepted(identities.paths.accepted(identity))
        found += [TableRun(name, seed, identity, evaluation, why) for seed in entry.seeds]
    return found, pending


def tables_key(identities: Identities, runs: list[TableRun]) -> str:
    """The key of the tables of these runs."""
    listed = [list(vars(run).values()) for run in runs]
    options = identities.config.file.results
    texts = [_published(options.references), _TEMPLATE.read_text(encoding="utf-8")]
    return digest([listed, options.model_dump(exclude={"path"}), texts, tables_code(identities)])


def tables_code(identities: Identities) -> str:
    """The digest of the code that makes the tables."""
    return identities.code.closure(TABLES, WITHIN_TABLES).digest


def _published(file: str | None) -> str | None:
    """The content of the file of published numbers; making the tables says what is wrong with it."""
    if file is not None:
        with suppress(OSError):
            return Path(file).expanduser().read_bytes().hex()
    return None


def _accepted(record: Path) -> str | None:
    why = read_object(record).get("why")
    return None if why is None else str(why)
