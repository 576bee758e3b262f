"""From a list of experiments to trained models, a study and tables; re-runs exactly what became stale.

Everything lies at its identity: the path of an output names, by a digest, all that it was made of. So an output that
exists is right, and what is due does not exist. That is why inputs are `ancient` throughout: their order in time says
nothing. Checkpoints are those rules whose outputs' contents name what comes after them.
"""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/results.smk"


rule all:
    default_target: True
    input:
        ancient(checked),
        ancient(runs),
        ancient(studies),
        ancient(tables),


rule runs:
    """All trained runs and nothing after them (--until cannot know them before the checks are done)."""
    input:
        ancient(checked),
        ancient(runs),


onsuccess:
    show_results()


onerror:
    show_failure()
