"""Data sets: the demo's are made; all are validated; videos are extracted into the frame store."""


localrules:
    frames,


if CONFIG.file.demo:

    checkpoint demo:
        input:
            due(JOBS.demo_lock),
        output:
            JOBS.demo_lock,
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
            "ivvit demo --lock {output} 2>&1 | tee {log}"


checkpoint validate:
    input:
        ancient(lambda wildcards: JOBS.dataset_needs(gate)),
        due=lambda wildcards: due(PATHS.manifest(wildcards.dataset)),
    output:
        RESULTS / "manifests/{dataset}.json",
    log:
        "logs/validate/{dataset}.log",
    benchmark:
        RESULTS / "benchmarks/validate/{dataset}.tsv"
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    message:
        "Validating {wildcards.dataset}"
    shell:
        "ivvit validate {wildcards.dataset} --lock {output} --workers {threads} 2>&1 | tee {log}"


rule extract:
    input:
        ancient(lambda wildcards: JOBS.manifest_needs(wildcards.dataset, gate)),
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
        "ivvit extract {wildcards.dataset} --shard {wildcards.shard} --shards {wildcards.shards}"
        " --workers {threads} 2>&1 | tee {log}"


checkpoint frames:
    input:
        ancient(lambda wildcards: JOBS.shards(wildcards.dataset, gate)),
        due=lambda wildcards: due(PATHS.frames(wildcards.dataset)),
    output:
        RESULTS / "frames/{dataset}.json",
    log:
        "logs/frames/{dataset}.log",
    benchmark:
        RESULTS / "benchmarks/frames/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 1000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    message:
        "Checking the frame store of {wildcards.dataset}"
    shell:
        "ivvit extract {wildcards.dataset} --lock {output} 2>&1 | tee {log}"
