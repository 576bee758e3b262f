"""Pretrained weights: downloaded, verified, converted to timm's names."""


localrules:
    weights,


checkpoint weights:
    input:
        ancient(lambda wildcards: JOBS.weights_needs(wildcards.weights, gate)),
        due=lambda wildcards: due(RESULTS / f"weights/{wildcards.weights}.json"),
    output:
        RESULTS / "weights/{weights}.json",
    log:
        "logs/weights/{weights}.log",
    benchmark:
        RESULTS / "benchmarks/weights/{weights}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        name=lambda wildcards: JOBS.weights[wildcards.weights],
    message:
        "Fetching and converting the weights {params.name}"
    shell:
        "ivvit weights {params.name:q} --lock {output} 2>&1 | tee {log}"
