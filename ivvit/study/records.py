"""A study's record in its storage: which trials there are and how they ended."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ivvit.ground.errors import UserError
from ivvit.study.job import StudyJob

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial


class Records:
    """The trials of one study. A trial is created with all its parameters in one write."""

    def __init__(self, job: StudyJob) -> None:
        """Open the study's storage; of several processes that open it first, one creates the study.

        Raises:
            UserError: the storage cannot be reached, or its journal is damaged.
        """
        import optuna

        job.folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(job.folder / "study.lock")
        with quiet_optuna(), self.alone():
            self._storage = _open(job)
            try:
                self._study = optuna.load_study(study_name=job.title, storage=self._storage)
            except KeyError:
                self._study = optuna.create_study(
                    study_name=job.title, storage=self._storage, directions=job.directions
                )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other workers from creating trials."""
        with self._lock:
            yield

    def trials(self) -> list["FrozenTrial"]:
        """All trials by number, as they are now."""
        return self._study.get_trials(deepcopy=False)

    def places(self, count: int) -> list["FrozenTrial"]:
        """The first `count` trials that count; one that a person marked as failed is replaced."""
        return [trial for trial in self.trials() if trial.state.name != "FAIL"][:count]

    def trial(self, number: int) -> "FrozenTrial":
        """One trial, as it is now."""
        return self.trials()[number]

    def create(self, trial: "FrozenTrial") -> int:
        """Record a running trial with all its parameters; returns its number."""
        trial_id = self._storage.create_new_trial(self._study._study_id, template_trial=trial)
        return self._storage.get_trial(trial_id).number

    def report(self, number: int, step: int, value: float) -> None:
        """Record an intermediate value."""
        self._storage.set_trial_intermediate_value(self._id(number), step, value)

    def note(self, number: int, **attributes: Any) -> None:
        """Record something about an unfinished trial."""
        for key, value in attributes.items():
            self._storage.set_trial_user_attr(self._id(number), key, value)

    def note_for_optuna(self, number: int, attributes: dict[str, Any]) -> None:
        """Record what Optuna's own code expects to find."""
        for key, value in attributes.items():
            self._storage.set_trial_system_attr(self._id(number), key, value)

    def complete(self, number: int, values: list[float]) -> None:
        """Record how a trial ended."""
        self._study.tell(number, values, skip_if_finished=True)

    def prune(self, number: int) -> None:
        """Record that a trial was pruned."""
        import optuna

        self._study.tell(number, state=optuna.trial.TrialState.PRUNED, skip_if_finished=True)

    def _id(self, number: int) -> int:
        return self.trial(number)._trial_id


def trials_left(job: StudyJob) -> int:
    """How many of the n_trials are not finished; creates, repairs and waits for nothing."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    journal, url = job.folder / "journal.log", job.options.storage
    if url is None and not journal.is_file():
        return job.options.n_trials
    try:
        with quiet_optuna():
            storage = url or JournalStorage(JournalFileBackend(str(journal)))
            trials = optuna.load_study(study_name=job.title, storage=storage).get_trials(deepcopy=False)
    except KeyError:  # the storage has no such study yet
        return job.options.n_trials
    finished = sum(trial.state.is_finished() and trial.state.name != "FAIL" for trial in trials)
    return max(0, job.options.n_trials - finished)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Optuna without its messages about every trial and about features that may change."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        warnings.filterwarnings("ignore", message=".*is not divisible by `step`.*")
        warnings.filterwarnings("ignore", category=UserWarning, module=r"optuna\.importance")  # about few trials
        yield


def _open(job: StudyJob) -> "BaseStorage":
    from optuna.storages import JournalStorage, RDBStorage

    from ivvit.study.journal import SoundJournal

    url = job.options.storage
    if url is None:
        return JournalStorage(SoundJournal(job.folder / "journal.log"))
    try:
        return RDBStorage(url)
    except Exception as error:  # SQLAlchemy's, a driver's or an import's: all mean the same here
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"study {job.name}: storage {_without_password(url)} cannot be used: {reason}; "
            "check the address and that its driver is installed, or leave storage out for a journal file"
        ) from None


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"
