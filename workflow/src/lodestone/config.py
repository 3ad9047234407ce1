"""The config: reading, defaults and strict validation against workflow/schemas/config.schema.yaml.

Light on purpose: the Snakefile validates its config with this in every job.
"""

from __future__ import annotations

import copy
import difflib
import functools
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from lodestone import config_rules

SCHEMA_PATH = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}

Problem = tuple[str, str]


class ConfigError(ValueError):
    """A config that is not valid; the message has a line per problem, each with the key's path.

    Attributes
    ----------
    problems : list of (str, str)
        Path of the key, such as ``hysteresis.loops.field_step_HA``, and what is wrong with it.
    """

    def __init__(self, source: str, problems: list[Problem]) -> None:
        self.problems = problems
        lines = [f"{path}: {text}" if path else text for path, text in problems]
        super().__init__(f"{source}: " + (lines[0] if len(lines) == 1 else "\n  ".join(["several problems", *lines])))


class _UniqueKeyLoader(_Loader):
    """YAML loader that refuses a key given twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Build a mapping whose keys are all different."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
            seen.add(key if isinstance(key, str) else id(key_node))
        return super().construct_mapping(node, deep)


def load(*paths: str | Path) -> dict[str, Any]:
    """Read config files, later ones over earlier ones, validate them and fill in the defaults.

    Raises
    ------
    ConfigError
        If a file is absent, is not YAML, or the whole is not valid.
    """
    merged: dict[str, Any] = {}
    for path in paths:
        merged = merge(merged, read(path))
    return validate(merged, " + ".join(str(path) for path in paths) or "config")


def read(path: str | Path) -> dict[str, Any]:
    """Read one config file as it stands.

    Raises
    ------
    ConfigError
        If the file is absent, is not YAML, gives a key twice, or is no mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        values = yaml.load(text, Loader=_UniqueKeyLoader)  # a safe loader
    except FileNotFoundError:
        raise ConfigError(str(path), [("", "found no such file, expected a config file")]) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(str(path), [("", f"not valid YAML: {error}")]) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(str(path), [("", f"found {_show(values)}, allowed: {_TYPES['object']}")])
    return values


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; sections are merged, lists and values replaced."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def validate(mapping: Mapping[str, Any], source: str = "config") -> dict[str, Any]:
    """Check a config and return it with the defaults filled in.

    Parameters
    ----------
    mapping : mapping
        What the user set.
    source : str
        Named in errors: the file or files.

    Raises
    ------
    ConfigError
        With all problems: unknown keys, wrong types, values out of bounds, NaN, keys that contradict each other.
    """
    if not isinstance(mapping, Mapping):
        raise ConfigError(source, [("", f"found {_show(mapping)}, allowed: {_TYPES['object']}")])
    plain = _plain(mapping)
    problems = list(dict.fromkeys(_problems(plain)))
    if problems:
        raise ConfigError(source, problems)
    filled = fill(schema(), plain)
    problems = list(config_rules.broken(filled))
    if problems:
        raise ConfigError(source, problems)
    return filled


def defaults() -> dict[str, Any]:
    """Return the config in which every key has its default."""
    return validate({})


@functools.cache
def schema() -> dict[str, Any]:
    """Return the schema; do not change it."""
    if not SCHEMA_PATH.is_file():
        raise ConfigError(str(SCHEMA_PATH), [("", "found no schema; run lodestone from a clone of its repository")])
    return yaml.load(SCHEMA_PATH.read_text(encoding="utf-8"), Loader=_Loader)


def fill(part: Mapping[str, Any], value: Any) -> Any:
    """Return `value` with the defaults of the schema `part` filled in, in the order of the schema.

    A whole number where a number is declared becomes a float: 2 and 2.0 must not rerun a job.
    """
    if part.get("type") == "number":
        return float(value)
    if part.get("type") == "array":
        return [fill(part["items"], item) for item in value]
    if part.get("type") != "object" or not isinstance(value, Mapping):
        return copy.deepcopy(value)
    return {
        key: fill(sub, value[key] if key in value else sub["default"])
        for key, sub in part["properties"].items()
        if key in value or "default" in sub
    }


def allowed(part: Mapping[str, Any]) -> str:
    """Say in words what a part of the schema allows, such as ``a number above 0 up to 100 (nm)``."""
    if "enum" in part:
        return "one of " + ", ".join(map(str, part["enum"]))
    words = [_TYPES[part["type"]], *_bounds(part)]
    if part["type"] == "array":
        fewest, most = part.get("minItems", 0), part.get("maxItems")
        lengths = f"{fewest} or more" if most is None else f"{fewest}" if fewest == most else f"{fewest} to {most}"
        alike = "different " if part.get("uniqueItems") else ""
        words = [f"a list of {lengths} {alike}entries, each {allowed(part['items'])}"]
    if part["type"] == "object":
        words = ["a mapping with the keys " + ", ".join(part["properties"])]
    unit = part.get("unit", "1")
    measured = part["type"] in ("integer", "number") and unit != "1"
    return " ".join(words) + (f" ({unit})" if measured else "")


def _bounds(part: Mapping[str, Any]) -> Iterator[str]:
    """Bounds of a number or pattern of a text, in words."""
    if "exclusiveMinimum" in part:
        yield f"above {part['exclusiveMinimum']:g}"
    if "minimum" in part:
        yield f"from {_number(part['minimum'])}"
    if "maximum" in part:
        yield f"{'up ' if 'exclusiveMinimum' in part else ''}to {_number(part['maximum'])}"
    if "multipleOf" in part:
        yield f"that is a multiple of {part['multipleOf']}"
    if "pattern" in part:
        yield part.get("form", "of letters, digits and _ . / - that does not end with /")


def _number(value: float) -> str:
    """Whole numbers in full, others short."""
    return str(value) if isinstance(value, int) else f"{value:g}"


@functools.cache
def _validator() -> Any:
    """Return a validator whose integers are whole numbers (not 4.0, not true) and whose numbers are finite."""
    from jsonschema import Draft202012Validator, validators

    def integer(_checker: Any, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    def number(_checker: Any, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many({"integer": integer, "number": number})
    return validators.extend(Draft202012Validator, type_checker=checker)(schema())


def _problems(values: dict[str, Any]) -> Iterator[Problem]:
    """Problems that the schema finds, a line for each key."""
    for error in sorted(_validator().iter_errors(values), key=lambda error: [str(p) for p in error.absolute_path]):
        path = list(error.absolute_path)
        if error.validator == "additionalProperties":
            known = list(error.schema["properties"])
            for key in [key for key in error.instance if key not in known]:
                yield _join([*path, key]), _unknown(key, known)
        elif error.validator == "required":
            for key in [key for key in error.validator_value if key not in error.instance]:
                yield _join([*path, key]), f"found nothing, allowed: {allowed(error.schema['properties'][key])}"
        else:
            yield _join(path), f"found {_show(error.instance)}, allowed: {allowed(error.schema)}"


def _unknown(key: Any, known: list[str]) -> str:
    """Say that a key is unknown, and which one may be meant."""
    near = difflib.get_close_matches(str(key), known, n=1)
    lowered = {name.lower(): name for name in known}
    guess = near[0] if near else lowered.get(str(key).lower())
    hint = f"did you mean {guess}? " if guess else ""
    return f"unknown key; {hint}allowed: {', '.join(known)}"


def _show(value: Any) -> str:
    """Value as the user should recognise it, with the traps of YAML explained."""
    if value is None:
        return "nothing (an empty entry)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        try:
            number = float(value)
        except ValueError:
            return f"the text {value!r}"
        form = f"{number:.1e}" if "e" in value.lower() else f"{number:g}"
        return f"the text {value!r} (YAML takes it for text; as a number it is written {form})"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _join(path: list[Any]) -> str:
    """Path of a key, list entries in brackets."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _plain(value: Any) -> Any:
    """Copy with plain dicts and lists (Snakemake hands over ordered ones)."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
