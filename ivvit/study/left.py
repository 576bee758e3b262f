"""How far a study is, for who only wants to know."""

from ivvit.study.job import StudyJob
from ivvit.study.records import quiet_optuna


def trials_left(job: StudyJob) -> int:
    """How many of the n_trials are not finished; nothing is made, mended or waited for."""
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
