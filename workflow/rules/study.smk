"""Hyperparameter studies: workers share the trials; the best parameters feed experiments."""


localrules:
    study,


rule study_worker:
    input:
        ancient(
            lambda wildcards: JOBS.worker_inputs(
                wildcards.study,
                wildcards.identity,
                wildcards.n_trials,
                wildcards.worker,
            )
        ),
    output:
        touch(RESULTS / "studies/{study}/{identity}/workers/{n_trials}-{worker}.done"),
    log:
        "logs/study/{study}-{identity}-{n_trials}-{worker}.log",
    benchmark:
        RESULTS / "benchmarks/study/{study}-{identity}-{n_trials}-{worker}.tsv"
    threads: lambda wildcards: asked_by_worker(wildcards).cpus
    resources:
        mem_mb=lambda wildcards, attempt: asked_by_worker(wildcards).mem_mb(attempt),
        runtime=lambda wildcards: asked_by_worker(wildcards).minutes,
        gpu=lambda wildcards: asked_by_worker(wildcards).gpu,
        gpu_model=lambda wildcards: asked_by_worker(wildcards).gpu_model,
    message:
        "Study {wildcards.study}, worker {wildcards.worker}: up to {wildcards.n_trials} trials in all"
    shell:
        "ivvit study work {wildcards.study:q} --identity {wildcards.identity} --n-trials {wildcards.n_trials}"
        " --worker {wildcards.worker} 2>&1 | tee {log:q}"


# A checkpoint: the best parameters are a part of the identities of the experiments that take them.
checkpoint study:
    input:
        ancient(
            lambda wildcards: JOBS.study_inputs(
                wildcards.study, wildcards.identity, wildcards.n_trials
            )
        ),
    output:
        RESULTS / "studies/{study}/{identity}/best-{n_trials}.yaml",
        report(
            RESULTS / "studies/{study}/{identity}/report-{n_trials}.html",
            caption="../report/study.rst",
            category=f"Studies of {CONFIG_NAMES}",
            subcategory="{study}",
            labels={"study": "{study}", "trials": "{n_trials}"},
        ),
    log:
        "logs/study/{study}-{identity}-{n_trials}.log",
    benchmark:
        RESULTS / "benchmarks/study/{study}-{identity}-{n_trials}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    message:
        "Study {wildcards.study}: choosing the best of {wildcards.n_trials} trials"
    shell:
        "ivvit study finish {wildcards.study:q} --identity {wildcards.identity} --n-trials {wildcards.n_trials}"
        " 2>&1 | tee {log:q}"
