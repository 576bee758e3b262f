"""The entry modules of each kind of job, and the reviewed list of modules that cannot change a number."""

TRAINING = ("ivvit.training.run",)
STUDY = ("ivvit.study.worker", "ivvit.study.choice")
VALIDATION = ("ivvit.data.validation.run",)
EXTRACTION = ("ivvit.data.extraction.run", "ivvit.data.extraction.lock")
CONVERSION = ("ivvit.weights.fetch",)
TABLES = ("ivvit.results.tables", "ivvit.results.figures")
DEMO = ("ivvit.demo.data", "ivvit.demo.motion", "ivvit.demo.weights")

_SPECIFIED = "its effect is the resolved specification, which is part of the identity itself"
_CONVERTED = "its effect is in the weights' digest; what a run loads has timm's names already, which it leaves alone"
_WHEN = "decides when a run pauses or who may go on, not what it computes"
_SAYS = "writes down what happened; nothing of it is read again"

# Pattern -> why no number can change. tests/unit/test_staleness_neutral.py trains with each replaced; same bits.
NEUTRAL: dict[str, str] = {
    "ivvit": "holds the version only",
    "ivvit.errors": "an exception class",
    "ivvit.slurm": "names the job that it runs in",
    "ivvit.config": _SPECIFIED,
    "ivvit.config.*": _SPECIFIED,
    "ivvit.study.journal": "keeps a study's record whole when a worker is killed, whatever is in it",
    "ivvit.training.deadline": _WHEN,
    "ivvit.training.lock": _WHEN,
    "ivvit.training.pace": _WHEN,
    "ivvit.training.devices": "chooses where to compute; devices and threads are runtime, and in the provenance",
    "ivvit.training.files": "writes files whole or not at all, whatever is in them",
    "ivvit.training.history": _SAYS,
    "ivvit.training.rows": _SAYS,
    "ivvit.training.sample_log": _SAYS,
    "ivvit.training.logs": _SAYS,
    "ivvit.training.progress": _SAYS,
    "ivvit.training.provenance": _SAYS,
    "ivvit.training.stopwatch": _SAYS,
    "ivvit.training.tracker": _SAYS,
    "ivvit.weights.checksums": "compares digests, and stops where they differ",
    "ivvit.weights.files": "writes files whole or not at all, whatever is in them",
    "ivvit.weights.google": _CONVERTED,
    "ivvit.weights.layouts": _CONVERTED,
}

# What a frame store does not depend on: its key has the manifest's digest.
_VALIDATED = "its effect is in the manifest, whose digest is part of the key"
NEUTRAL_FOR_EXTRACTION: dict[str, str] = NEUTRAL | {
    "ivvit.data.layouts": _VALIDATED,
    "ivvit.data.layouts.*": _VALIDATED,
    "ivvit.data.validation": _VALIDATED,
    "ivvit.data.validation.*": _VALIDATED,
}
# What converted weights do depend on, unlike training.
NEUTRAL_FOR_CONVERSION: dict[str, str] = {k: v for k, v in NEUTRAL.items() if v != _CONVERTED}
