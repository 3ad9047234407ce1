"""Markdown table of all config keys: ``python -m lodestone.config_table > config/README.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lodestone import config

_INTRO = """\
# Config

Made by `python -m lodestone.config_table` from `workflow/schemas/config.schema.yaml`; do not edit.

{description}

| file | size |
|---|---|
| `config.yaml` | default: a study in minutes on 2 cores; shows every key |
| `test.yaml` | everything tiny, for tests |
| `bench/*.yaml` | an hour or two on 2 cores: what claims rest on |
| `paper/*.yaml` | as large as the papers |

`config.yaml` is always read; another file lays its keys over it: `snakemake --configfile config/bench/hysteresis.yaml`.
Numbers with an exponent need a point and a sign in YAML: `4.2e+6`, `1.0e-4`.

| key | default | unit | allowed | meaning |
|---|---|---|---|---|
"""


def rows(part: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and schema of every key that is not a section, in the order of the schema."""
    for key, sub in part["properties"].items():
        name = f"{path}.{key}" if path else key
        if sub["type"] == "object":
            yield from rows(sub, name)
        else:
            yield name, sub
            if sub["type"] == "array" and sub["items"]["type"] == "object":
                yield from rows(sub["items"], f"{name}[]")


def table() -> str:
    """Text of config/README.md."""
    schema = config.schema()
    lines = []
    for name, sub in rows(schema):
        default = f"`{json.dumps(sub['default'])}`" if "default" in sub else "required"
        unit = "" if sub["unit"] == "1" else sub["unit"]
        lines.append(f"| `{name}` | {default} | {unit} | {config.allowed(sub)} | {sub['description']} |")
    return _INTRO.format(description=schema["description"]) + "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")
