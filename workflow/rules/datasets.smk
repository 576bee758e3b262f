"""Data sets: the demo's are made; all are validated; videos are extracted into the frame store."""

if CONFIG.file.demo:

    checkpoint demo:
        output:
            JOBS.demo_lock,
        log:
            "logs/demo.log",
        benchmark:
            RESULTS / "benchmarks/demo.tsv"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            content=JOBS.demo_key(),
        message:
            "Making the demo's data sets and weights"
        shell:
            "ivvit demo --lock {output} 2>&1 | tee {log}"


checkpoint validate:
    input:
        lambda wildcards: JOBS.dataset_needs(gate),
    output:
        RESULTS / "manifests/{dataset}.json",
    log:
        "logs/validate/{dataset}.log",
    benchmark:
        RESULTS / "benchmarks/validate/{dataset}.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        key=lambda wildcards: JOBS.validation_key(wildcards.dataset),
    message:
        "Validating {wildcards.dataset}"
    shell:
        "ivvit validate {wildcards.dataset} --lock {output} --workers {threads} 2>&1 | tee {log}"


rule extract:
    input:
        ancient(lambda wildcards: JOBS.manifest_needs(wildcards.dataset, gate)),
    output:
        touch(RESULTS / "frames/{dataset}/shard-{shard}-of-{shards}.done"),
    log:
        "logs/extract/{dataset}-{shard}-of-{shards}.log",
    benchmark:
        RESULTS / "benchmarks/extract/{dataset}-{shard}-of-{shards}.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=480,
    params:
        key=lambda wildcards: JOBS.extraction_key(wildcards.dataset),
    message:
        "Extracting frames of {wildcards.dataset}, part {wildcards.shard} of {wildcards.shards}"
    shell:
        "ivvit extract {wildcards.dataset} --shard {wildcards.shard} --shards {wildcards.shards}"
        " --workers {threads} 2>&1 | tee {log}"


checkpoint frames:
    input:
        shards=ancient(lambda wildcards: JOBS.shards(wildcards.dataset, gate)),
    output:
        RESULTS / "frames/{dataset}.json",
    log:
        "logs/frames/{dataset}.log",
    benchmark:
        RESULTS / "benchmarks/frames/{dataset}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    params:
        key=lambda wildcards: JOBS.extraction_key(wildcards.dataset),
    message:
        "Checking the frame store of {wildcards.dataset}"
    shell:
        "ivvit extract {wildcards.dataset} --lock {output} 2>&1 | tee {log}"
