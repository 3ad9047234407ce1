"""Markdown table of all artifacts: ``python -m lodestone.artifacts.table > workflow/report/artifacts.md``."""

from __future__ import annotations

from lodestone.artifacts.base import Artifact
from lodestone.artifacts.registry import TYPES
from lodestone.artifacts.spec import ArraySpec, AttributeSpec, GroupSpec, Spec

_INTRO = """\
# Artifacts

Made by `python -m lodestone.artifacts.table` from the code; do not edit.

Everything that one rule hands to the next is an HDF5 file of one of these types. Each field is a dataset with the
attributes `description`, `unit` (numbers only), `sha256` of its bytes and, where the magnetic materials ontology of
MaMMoS has a term that fits, `ontology_label`. The root group says where the file came from:

| root attribute | meaning |
|---|---|
| `schema`, `schema_version` | type of the artifact and version of its fields |
| `description` | what the file is |
| `backend` | what computed the numbers |
| `seed` | seed of the run |
| `config_sha256` | hash of the settings that the job used |
| `parents` | JSON: sha256 of every artifact that was read, by name |
| `algorithm_version` | raised when the same inputs give other numbers |
| `package_version` | version of lodestone |

Equal contents are equal bytes: no times, no host names. Codes are written out in the descriptions.
"""


def table() -> str:
    """Text of workflow/report/artifacts.md."""
    return _INTRO + "".join(_section(cls) for cls in TYPES.values())


def _section(cls: type[Artifact]) -> str:
    """One artifact type."""
    summary = (cls.__doc__ or "").splitlines()[0]
    fixed = "".join(f" `{dim}` has {length} entries." for dim, length in cls.DIMS.items())
    lines = [row for name, spec in cls.specs().items() for row in _rows(name, spec)]
    return (
        f"\n## `{cls.SCHEMA}`, version {cls.VERSION}\n\n{summary}{fixed} Module `{cls.__module__}`.\n\n"
        "| field | shape | type | unit | ontology | meaning |\n|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def _rows(name: str, spec: Spec) -> list[str]:
    """One field, or a group with its entries."""
    if isinstance(spec, GroupSpec):
        entries = [_row(f"{name}/{key}", entry) for key, entry in spec.entries.items()]
        return [f"| `{name}` | group | | | | {spec.description} |", *entries]
    return [_row(name, spec)]


def _row(name: str, spec: ArraySpec | AttributeSpec) -> str:
    """One dataset."""
    if isinstance(spec, ArraySpec):
        shape, kind = spec.shape_text(), str(spec.dtype)
    else:
        shape, kind = "single", spec.kind_text()
    meaning = spec.description.replace("|", "\\|") + (
        "; NaN where there is none" if getattr(spec, "allow_nan", 0) else ""
    )
    return f"| `{name}` | {shape} | {kind} | {spec.unit} | {spec.ontology_label or ''} | {meaning} |"


if __name__ == "__main__":
    print(table(), end="")
