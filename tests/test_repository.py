"""What contributors and citing authors read names files that exist and commands that run."""

import json
import re
import shlex
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from keras_models.presets import SHIPPED
from keras_models.training.expression_training_config import ExpressionConfig
from keras_models.training.flow_training_config import NETWORK_ARGUMENTS

PROJECT = Path(__file__).parents[1]
PRESETS = PROJECT / "keras_models" / "presets"


def test_contributing_names_files_that_exist():
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`([\w./]+/[\w.]*)`", text) + re.findall(r"\]\(([^)#]+)\)", text)
    assert len(named) > 10
    for path in named:
        folder = PROJECT / re.sub(r"NAME\w*\.py", "", path)  # the new file's place
        assert folder.exists(), path


def test_the_workflow_runs_what_ci_runs():
    workflow = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())
    assert ".ci/run" in [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert "make docs" in [step.get("run") for step in workflow["jobs"]["pages"]["steps"]]
    assert (PROJECT / ".ci" / "run").stat().st_mode & 0o111


def test_citation():
    """It has the keys that the Citation File Format 1.2.0 requires, and the paper."""
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert citation.keys() >= {"cff-version", "message", "title", "authors", "preferred-citation"}


@pytest.mark.parametrize("preset", ["default", "fast", "flownet_s"])
def test_weights_were_made_by_their_recipe(preset):
    """What recipe.sh asks for last is what the preset says it was trained with."""
    asked = last_training(preset)
    del asked["init_from"]
    about = json.loads((PRESETS / preset / "preset.json").read_text())
    assert len(asked) > 5
    for name, value in asked.items():
        made = (about["recipe"] | about["recipe"]["augmentation"])[name]
        assert made == type(made)(value), name
    for name in NETWORK_ARGUMENTS:
        if about["recipe"].get(name) is not None:
            assert about["network"][name] == about["recipe"][name]


def test_the_classifier_was_made_by_its_recipe():
    """Its options are those of the last training in recipe.sh, and the defaults for all others."""
    asked = last_training("expression")
    del asked["corpus"]
    made = json.loads((PRESETS / "expression" / "preset.json").read_text())["recipe"]
    settings = asdict(ExpressionConfig()) | {"method": "default"}
    settings |= {name: type(made[name])(value) for name, value in asked.items()}
    assert settings.items() <= made.items()
    rendered = (PRESETS / "expression" / "recipe.sh").read_text()
    assert set(re.findall(r"render corpus (\w+)", rendered)) == made["corpora"].keys()


def last_training(preset):
    """The options of the last training of a preset's recipe."""
    script = (PRESETS / preset / "recipe.sh").read_text().replace("\\\n", " ")
    words = shlex.split([line for line in script.splitlines() if "faceflow train" in line][-1])
    return {words[k][2:].replace("-", "_"): words[k + 1] for k in range(len(words)) if words[k][:2] == "--"}


def test_every_shipped_preset_has_its_recipe():
    assert {path.parent.name for path in PRESETS.glob("*/recipe.sh")} == set(SHIPPED)
    for path in PRESETS.glob("*/recipe.sh"):
        subprocess.run(["sh", "-n", path], check=True)
        assert path.stat().st_mode & 0o111
