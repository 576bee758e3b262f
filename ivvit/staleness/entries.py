"""The entry modules of each kind of job, and the reviewed list of modules that cannot change a number."""

TRAINING = "ivvit.training.run"
STUDY = "ivvit.study.worker"
VALIDATION = "ivvit.data.validation.run"
EXTRACTION = "ivvit.data.extraction.run"
CONVERSION = "ivvit.weights.fetch"
TABLES = ("ivvit.results.tables", "ivvit.results.figures")
DEMO = ("ivvit.demo.data", "ivvit.demo.motion", "ivvit.demo.weights")

# Pattern -> why no number can change. tests/faults/test_neutral_modules.py replaces each and compares bits.
NEUTRAL: dict[str, str] = {
    "ivvit": "holds the version only",
    "ivvit.errors": "an exception class",
    "ivvit.config": "its effect is the resolved specification, which is part of the identity itself",
    "ivvit.config.*": "its effect is the resolved specification, which is part of the identity itself",
}
