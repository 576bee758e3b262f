"""From a list of experiments to trained models, a study and tables; re-runs exactly what became stale."""

from snakemake.utils import min_version

min_version("9.20")


include: "workflow/rules/common.smk"
include: "workflow/rules/weights.smk"
include: "workflow/rules/datasets.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/study.smk"
include: "workflow/rules/results.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        rules.tables.output,
        current_runs,
        study_reports,


rule runs:
    """All trained runs and nothing after them (--until cannot know them before the checks are done)."""
    input:
        current_runs,


onsuccess:
    show_results()


onerror:
    show_failure()
