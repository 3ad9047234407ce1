"""Targets by name: the results of one study each."""


rule hysteresis:
    """Results of the hysteresis study, without the report.

    Wildcards used: none
    """
    input:
        **HYSTERESIS_RESULTS,


rule electronic_structure:
    """Results of the electronic-structure study, without the report.

    Wildcards used: none
    """
    input:
        **ELECTRONIC_RESULTS,


rule nd_fe_search:
    """Results of the Nd-Fe search, without the report.

    Wildcards used: none
    """
    input:
        **ND_FE_RESULTS,


rule spin_potential:
    """Results of the study of magnetic potentials, without the report.

    Wildcards used: none
    """
    input:
        **SPIN_RESULTS,


rule spin_potential_asked:
    """Labels that a fitted potential asks for, as a file that goes with the others.

    Wildcards used: none
    """
    input:
        asked=SP.asked(),


rule spin_potential_data:
    """Labels of constrained DFT, without a potential.

    Wildcards used: none
    """
    input:
        snapshots=results_of("spin_snapshots", "static"),
        held=results_of("spin_held", "constrained"),
