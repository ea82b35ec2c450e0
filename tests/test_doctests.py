"""The examples in the docstrings of what users call, run."""

import doctest
import importlib

import pytest

MODULES = [
    "pipelines.labels",
    "pipelines.labels.quality",
    "pipelines.labels.variational",
    "pipelines.settings",
    "pipelines.synthetic.portrait",
    "pipelines.synthetic.renderer.rendered_pair",
    "pipelines.synthetic.shapes",
    "pipelines.synthetic.synthesis",
    "pipelines.training_data.input_pipeline",
    "pipelines.training_data.sources",
    "pipelines.visualization.flow_color",
    "pipelines.visualization.report",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    # Imported under its own name: `python -m doctest FILE` would leave a wrong one in Numba's cache.
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted, f"{name} has no example"
    assert not result.failed
