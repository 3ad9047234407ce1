"""The scripts, imported as they stand, and a stand-in for the object that Snakemake hands them."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from lodestone import config

ROOT = Path(__file__).parents[2]


class Files(dict):
    """Named inputs or outputs, by attribute like Snakemake's."""

    __getattr__ = dict.__getitem__


def load(name):
    """Import one script."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Runner:
    """Runs scripts one after the other on a tiny study in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        study = config.load(ROOT / "config/config.yaml", ROOT / "config/test.yaml")
        self.settings = study["hysteresis"]
        self.settings["loops"] |= {"count": 6, "test_count": 2, "batch_size": 3}
        self.settings["autoencoder"] |= {"structures": 8, "validation_structures": 4, "epochs": 1, "batch_size": 4}
        self.settings["regressor"] |= {"max_epochs": 2}
        self.study = study

    def path(self, name):
        path = self.folder / "hysteresis" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def run(self, script, inputs, outputs, sections=(), wildcards=None, **params):
        """Call the script's `main`; returns its log."""
        log = self.path(f"logs/{script}.log")
        job = SimpleNamespace(
            input=Files(inputs),
            output=Files(outputs),
            wildcards=SimpleNamespace(**(wildcards or {})),
            params=SimpleNamespace(
                **{"seed": 7, "settings": {key: self.settings[key] for key in sections}, "algorithm": 1, **params}
            ),
            log=[log],
            threads=1,
        )
        load(script).main(job)
        return Path(log).read_text()


@pytest.fixture(scope="session")
def load_script():
    """The function that imports one script."""
    return load


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """A study in a temporary folder; the tests of a module run its stages in order."""
    return Runner(tmp_path_factory.mktemp("study"))
