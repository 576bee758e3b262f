"""One job per run; its path is its identity, so a run that exists is never stale."""


rule train:
    input:
        ancient(lambda wildcards: JOBS.train_inputs(wildcards.identity, wildcards.seed)),
    output:
        RESULTS / "runs/{identity}/seed{seed}/model.safetensors",
    log:
        "logs/train/{identity}-seed{seed}.log",
    benchmark:
        RESULTS / "benchmarks/train/{identity}-seed{seed}.tsv"
    threads: shared("cpus")
    resources:
        **placed(),
        mem_mb=lambda wildcards, attempt: asked(wildcards).mem_mb(attempt),
        runtime=shared("minutes"),
    params:
        # not a resource: those in words must be the same for all jobs of a group
        experiment=lambda wildcards: JOBS.name(wildcards.identity),
    message:
        "Training {params.experiment}, seed {wildcards.seed}"
    shell:
        "ivvit train --identity {wildcards.identity} --seed {wildcards.seed} 2>&1 | tee {log:q}"


rule evaluate:
    input:
        ancient(rules.train.output),
        ancient(
            lambda wildcards: JOBS.evaluate_inputs(
                wildcards.identity, wildcards.seed, wildcards.evaluation
            )
        ),
    output:
        RESULTS / "runs/{identity}/seed{seed}/evaluations/{evaluation}/metrics.json",
        RESULTS
        / "runs/{identity}/seed{seed}/evaluations/{evaluation}/predictions.parquet",
    log:
        "logs/evaluate/{identity}-seed{seed}-{evaluation}.log",
    benchmark:
        RESULTS / "benchmarks/evaluate/{identity}-seed{seed}-{evaluation}.tsv"
    threads: shared("cpus")
    resources:
        **placed(),
        mem_mb=lambda wildcards, attempt: asked(wildcards).mem_mb(attempt),
        runtime=shared("minutes_of_evaluation"),
    params:
        # not a resource: those in words must be the same for all jobs of a group
        experiment=lambda wildcards: JOBS.name(wildcards.identity),
    message:
        "Evaluating {params.experiment}, seed {wildcards.seed}"
    shell:
        "ivvit evaluate --identity {wildcards.identity} --seed {wildcards.seed} --evaluation {wildcards.evaluation}"
        " 2>&1 | tee {log:q}"
