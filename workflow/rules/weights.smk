"""Pretrained weights: downloaded, verified, converted to timm's names."""


checkpoint weights:
    input:
        lambda wildcards: JOBS.weights_needs(wildcards.weights, gate),
    output:
        RESULTS / "weights/{weights}.json",
    log:
        "logs/weights/{weights}.log",
    benchmark:
        RESULTS / "benchmarks/weights/{weights}.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        source=lambda wildcards: JOBS.weights_key(JOBS.weights[wildcards.weights]),
        name=lambda wildcards: JOBS.weights[wildcards.weights],
    message:
        "Fetching and converting the weights {params.name}"
    shell:
        "ivvit weights {params.name:q} --lock {output} 2>&1 | tee {log}"
