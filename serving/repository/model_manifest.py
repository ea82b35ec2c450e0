"""The manifest in the folder of an exported version: the origin of the network, and the input checks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipelines.errors import InputError

#: Path of the manifest inside the folder of a version.
MANIFEST = "assets.extra/manifest.json"

_INPUT_CHECKS = "input_checks"


def write_manifest(
    folder: Path, about: Mapping[str, object], input_checks: Mapping[str, Sequence[str]]
) -> None:
    """Write the manifest of a version.

    Args:
        folder: Folder of the version, with `assets.extra`.
        about: Origin of the network: preset, recipe, numbers, commit.
        input_checks: Names of checks (`serving.runtime.checks.CHECKS`) by signature name.
    """
    content = {**about, _INPUT_CHECKS: {name: list(checks) for name, checks in input_checks.items()}}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1, default=str))


def read_input_checks(folder: Path) -> dict[str, list[str]]:
    """Return the checks that a version demands, by signature name; empty without a manifest.

    Raises:
        InputError: If there is a manifest that cannot be read.
    """
    path = folder / MANIFEST
    try:
        return json.loads(path.read_text()).get(_INPUT_CHECKS, {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: manifest cannot be read ({error}); export the model again") from error
