"""The entry modules of each kind of job, and the packages within which their code counts.

A job's code is what its entries import within these packages: principle 2, what can change a number is one folder.
"""

NUMERICS = ("ivvit.numerics",)
TRAINING = ("ivvit.numerics.training",)
SELECTION = ("ivvit.evaluation.evaluate", "ivvit.evaluation.views", "ivvit.evaluation.summary")
EVALUATION = (*SELECTION, "ivvit.evaluation.metrics", "ivvit.evaluation.predictions", "ivvit.numerics.holdout")
NEIGHBOURS = ("ivvit.evaluation.neighbours",)  # of an evaluation that asks them
STUDY = ("ivvit.study.proposals", "ivvit.study.pruning", "ivvit.study.choice", "ivvit.study.objective")
VALIDATION = ("ivvit.data.validation.run",)
EXTRACTION = ("ivvit.data.extraction.run", "ivvit.data.extraction.lock")
CONVERSION = ("ivvit.weights.fetch",)
TABLES = (
    "ivvit.results.tables",
    "ivvit.results.figures",
    "ivvit.results.samples",
    "ivvit.results.report.page",
)
DEMO = ("ivvit.demo.data", "ivvit.demo.motion", "ivvit.demo.weights")

WITHIN_EVALUATION = ("ivvit.evaluation", *NUMERICS)
WITHIN_STUDY = ("ivvit.study", *WITHIN_EVALUATION)
WITHIN_VALIDATION = ("ivvit.data.validation", "ivvit.data.layouts", "ivvit.ground.lists", *NUMERICS)
WITHIN_EXTRACTION = ("ivvit.data.extraction", *NUMERICS)
WITHIN_CONVERSION = ("ivvit.weights",)
WITHIN_TABLES = ("ivvit.results", *WITHIN_EVALUATION)  # they show intervals and pixels
WITHIN_DEMO = ("ivvit.demo", "ivvit.numerics.models")
