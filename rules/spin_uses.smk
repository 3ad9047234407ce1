"""What the fitted magnetic potentials are used for: molecular dynamics, exchange couplings, asking for new labels."""


rule simulate_spin_dynamics:
    """Follow one composition at a temperature with one potential; a killed job goes on where it stopped.

    Wildcards used: solutes, member
    """
    input:
        warm=ancient(WARM),
        fits=USED_FITS,
    output:
        dynamics=SP.dynamics(),
    log:
        SP.log("simulate_spin_dynamics", "{solutes}", "{member}"),
    benchmark:
        SP.benchmark("simulate_spin_dynamics", "{solutes}", "{member}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(1440),
    params:
        seed=config["seed"],
        names=DYNAMICS_KEYS,
        settings=DYNAMICS_SETTINGS,
        algorithm=1,
    message:
        "Dynamics with {wildcards.solutes} solute atoms, potential {wildcards.member}"
    script:
        "../scripts/simulate_spin_dynamics.py"


rule compute_spin_exchange:
    """Reverse moments of the host's crystal, one and two at a time, for exchange couplings from one potential.

    Wildcards used: member
    """
    input:
        warm=ancient(WARM),
        fits=USED_FITS,
    output:
        exchange=SP.exchange(),
    log:
        SP.log("compute_spin_exchange", "{member}"),
    benchmark:
        SP.benchmark("compute_spin_exchange", "{member}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(60),
    params:
        seed=config["seed"],
        settings={**pick(SPIN["exchange"], "range_A"), **pick(SPIN_DATA, "lattice_A", "host_moment_muB")},
        algorithm=1,
    message:
        "Exchange couplings of the host from potential {wildcards.member}"
    script:
        "../scripts/compute_spin_exchange.py"


rule learn_spin_potential:
    """Label the data little by little, as the potential asks for it and at random, and compare the errors.

    Wildcards used: repeat
    """
    input:
        data=SP.data(),
        warm=ancient(WARM),
    output:
        learning=SP.learning(),
    log:
        SP.log("learn_spin_potential", "{repeat}"),
    benchmark:
        SP.benchmark("learn_spin_potential", "{repeat}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(1440),
    params:
        seed=config["seed"],
        settings=LEARNING_SETTINGS,
        algorithm=1,
    message:
        "Learning curves of active and random choice, repeat {wildcards.repeat}"
    script:
        "../scripts/learn_spin_potential.py"
