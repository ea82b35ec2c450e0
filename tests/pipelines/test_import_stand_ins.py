import importlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.import_stand_ins import empty_package, real_imports, stand_ins


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """A package `heavy_package` that sets a mark when its `__init__` runs, with a module `leaf` inside."""
    folder = tmp_path / "heavy_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("whole = True\n")
    (folder / "leaf.py").write_text("value = 7\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "heavy_package"
    for name in [name for name in sys.modules if name.startswith("heavy_package")]:
        del sys.modules[name]


def test_a_module_is_imported_without_its_package(heavy):
    with stand_ins({heavy: empty_package(heavy)}):
        assert importlib.import_module("heavy_package.leaf").value == 7
        assert not hasattr(sys.modules[heavy], "whole")
    assert not [name for name in sys.modules if name.startswith(heavy)]
    assert importlib.import_module(heavy).whole  # a later import is a whole one


def test_a_hidden_module_cannot_be_imported(heavy):
    with stand_ins({heavy: None}), pytest.raises(ImportError):
        importlib.import_module(heavy)
    assert importlib.import_module(heavy).whole


def test_all_is_put_back_after_an_error(heavy):
    with pytest.raises(ZeroDivisionError), stand_ins({heavy: None}):
        raise ZeroDivisionError
    assert heavy not in sys.modules


def test_a_loaded_module_stays(heavy):
    whole = importlib.import_module(heavy)
    with stand_ins({heavy: None}):
        assert importlib.import_module(heavy) is whole
    assert sys.modules[heavy] is whole


def test_a_package_must_be_installed():
    with pytest.raises(ImportError, match="no package 'not_installed_anywhere'"):
        empty_package("not_installed_anywhere")


def test_other_threads_import_afterwards():
    began = threading.Event()

    def importer():
        began.set()
        with real_imports():
            return importlib.import_module("colorsys")

    with ThreadPoolExecutor(1) as pool:
        with stand_ins({"colorsys": None}):
            found = pool.submit(importer)
            began.wait()
            with pytest.raises(TimeoutError):
                found.result(timeout=0.1)
        assert found.result(timeout=10).__name__ == "colorsys"
