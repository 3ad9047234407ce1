"""Rules of the electronic-structure study."""


localrules:
    electronic_structure,
    download_structures,
    build_structure_set,
    build_element_references,
    check_calculations,


include: "structure_sets.smk"
include: "calculations.smk"
include: "derived_properties.smk"
include: "exchange.smk"
include: "exchange_gpaw.smk"
include: "material.smk"
