"""The report: one HTML page over all studies."""


rule render_report:
    """Render the figures, tables, provenance and cost of every study as one self-contained HTML page.

    Wildcards used: none
    """
    input:
        **REPORTED,
    output:
        report=paths.report(RESULTS),
    log:
        paths.report_log(RESULTS),
    benchmark:
        paths.report_benchmark(RESULTS)
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(15),
    params:
        settings=config,
        algorithm=1,
    message:
        "Rendering the report {output.report}"
    script:
        "../scripts/render_report.py"
