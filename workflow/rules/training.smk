"""One job per run; its path is its identity, so a run that exists is never stale."""


rule train:
    input:
        ancient(lambda wildcards: JOBS.train_needs(wildcards.identity, wildcards.seed)),
    output:
        RESULTS / "runs/{identity}/seed{seed}/metrics.json",
    log:
        "logs/train/{identity}-seed{seed}.log",
    benchmark:
        RESULTS / "benchmarks/train/{identity}-seed{seed}.tsv"
    threads: lambda wildcards: JOBS.runtime(wildcards.identity).threads
    resources:
        # a resource and not a parameter: a new name for an experiment must not re-run it
        experiment=lambda wildcards: JOBS.name(wildcards.identity),
        mem_mb=lambda wildcards: int(JOBS.runtime(wildcards.identity).memory_gb * 1000),
        runtime=lambda wildcards: int(JOBS.runtime(wildcards.identity).hours * 60),
    message:
        "Training {resources.experiment}, seed {wildcards.seed}"
    shell:
        "ivvit train --identity {wildcards.identity} --seed {wildcards.seed} 2>&1 | tee {log}"
