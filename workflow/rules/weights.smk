"""Pretrained weights: downloaded, verified, converted to timm's names."""


localrules:
    weights,


# A checkpoint: the digest of the converted tensors is a part of the identities of the runs that start from them.
checkpoint weights:
    input:
        ancient(lambda wildcards: JOBS.weights_inputs(wildcards.weights)),
    output:
        RESULTS / "weights/{weights}/{key}.json",
    log:
        "logs/weights/{weights}-{key}.log",
    benchmark:
        RESULTS / "benchmarks/weights/{weights}-{key}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        name=lambda wildcards: JOBS.weights[wildcards.weights],
    message:
        "Fetching and converting the weights {params.name}"
    shell:
        "ivvit weights {params.name:q} --key {wildcards.key} 2>&1 | tee {log:q}"
