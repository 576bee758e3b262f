"""Data sets: the demo's are made; all are validated; videos are extracted into the frame store."""


localrules:
    frames,


if CONFIG.file.demo:

    # A checkpoint: before it, there are no files by whose names, sizes and times the manifests' keys could be known.
    checkpoint demo:
        output:
            JOBS.checks.demo,
        log:
            "logs/demo.log",
        benchmark:
            RESULTS / "benchmarks/demo.tsv"
        threads: 1
        resources:
            mem_mb=lambda wildcards, attempt: 1000 * attempt,
            runtime=lambda wildcards, attempt: 30 * attempt,
        message:
            "Making the demo's data sets and weights"
        shell:
            "ivvit demo 2>&1 | tee {log:q}"


# A checkpoint: the digest of the samples is a part of the identities of all that is trained on them.
checkpoint validate:
    input:
        ancient(lambda wildcards: JOBS.data_inputs()),
    output:
        RESULTS / "manifests/{dataset}/{key}/manifest.json",
    log:
        "logs/validate/{dataset}-{key}.log",
    benchmark:
        RESULTS / "benchmarks/validate/{dataset}-{key}.tsv"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    message:
        "Validating {wildcards.dataset}"
    shell:
        "ivvit validate {wildcards.dataset:q} --key {wildcards.key} --workers {threads} 2>&1 | tee {log:q}"


rule extract:
    input:
        ancient(lambda wildcards: JOBS.extract_inputs(wildcards.dataset)),
    output:
        touch(RESULTS / "frames/{dataset}/{key}/{shard}-of-{shards}.done"),
    log:
        "logs/extract/{dataset}-{key}-{shard}-of-{shards}.log",
    benchmark:
        RESULTS / "benchmarks/extract/{dataset}-{key}-{shard}-of-{shards}.tsv"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 480 * attempt,
    message:
        "Extracting frames of {wildcards.dataset}, part {wildcards.shard} of {wildcards.shards}"
    shell:
        "ivvit extract {wildcards.dataset:q} --key {wildcards.key} --shard {wildcards.shard}"
        " --shards {wildcards.shards} --workers {threads} 2>&1 | tee {log:q}"


# No checkpoint: what is stored is known from the manifest and the store's settings before any frame is.
rule frames:
    input:
        ancient(lambda wildcards: JOBS.frames_inputs(wildcards.dataset, wildcards.key)),
    output:
        RESULTS / "frames/{dataset}/{key}.json",
    log:
        "logs/frames/{dataset}-{key}.log",
    benchmark:
        RESULTS / "benchmarks/frames/{dataset}-{key}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    message:
        "Checking the frame store of {wildcards.dataset}"
    shell:
        "ivvit extract {wildcards.dataset:q} --key {wildcards.key} --only-check 2>&1 | tee {log:q}"
