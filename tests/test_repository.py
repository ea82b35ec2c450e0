"""What contributors and citing authors read names files that exist and commands that run."""

import json
import re
import shlex
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]


def test_contributing_names_files_that_exist():
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`([\w./]+/[\w.]*)`", text) + re.findall(r"\]\(([^)#]+)\)", text)
    assert len(named) > 10
    for path in named:
        folder = PROJECT / path.replace("NAME.py", "")  # the new file's place
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
    assert f'version = "{citation["version"]}"' in (PROJECT / "pyproject.toml").read_text()


def test_the_default_weights_were_made_by_their_recipe():
    """What recipe.sh asks for last is what the preset says it was trained with."""
    folder = PROJECT / "keras_models" / "presets" / "default"
    script = (folder / "recipe.sh").read_text().replace("\\\n", " ")
    words = shlex.split([line for line in script.splitlines() if line.startswith("faceflow train")][-1])
    asked = {words[k][2:].replace("-", "_"): words[k + 1] for k in range(len(words)) if words[k][:2] == "--"}
    del asked["start"]
    about = json.loads((folder / "preset.json").read_text())
    assert len(asked) > 5
    for name, value in asked.items():
        made = (about["recipe"] | about["recipe"]["augmentation"])[name]
        assert made == type(made)(value), name
    for name in ("refinements", "coarse_refinements"):
        assert about["network"][name] == about["recipe"][name]
