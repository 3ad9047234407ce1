"""Rules of the electronic-structure study."""


include: "structure_sets.smk"
include: "calculations.smk"
include: "derived_properties.smk"
include: "exchange.smk"
include: "exchange_gpaw.smk"
include: "material.smk"
