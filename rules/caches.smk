"""Compiled code, made once before the jobs that use it fan out."""


rule warm_caches:
    """Compile the numba functions of the package once, so that parallel jobs find them in the cache: two processes
    that write the same cache at the same time can spoil it.

    Nothing here may change with the sources: Snakemake (9.27) forgets the jobs behind an `ancient` input whose own job
    has to run again. A job that finds that the sources have changed compiles anew, see `lodestone.caches`.

    Wildcards used: none
    """
    output:
        warm=WARM,
    log:
        PATHS.log("warm_caches"),
    benchmark:
        PATHS.benchmark("warm_caches")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(10),
    params:
        algorithm=1,
    message:
        "Compiling the numba functions, once"
    script:
        "../scripts/warm_caches.py"
