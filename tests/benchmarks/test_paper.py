"""Data and runs of one experiment are not taken for those of another."""

import pytest

from benchmarks.paper import claim
from pipelines.errors import InputError

SETTINGS = {"width": 0.25, "steps": 2000}


def test_an_experiment_goes_on_and_refuses_other_settings(tmp_path):
    claim(tmp_path, SETTINGS)
    claim(tmp_path, SETTINGS)
    with pytest.raises(InputError, match="other settings"):
        claim(tmp_path, SETTINGS | {"steps": 20})


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "pairs.csv").touch()
    with pytest.raises(InputError, match="something in it"):
        claim(tmp_path, SETTINGS)
