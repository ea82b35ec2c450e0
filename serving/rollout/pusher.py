"""Pusher: publishes a candidate that the evaluator and the infra validator bless.

The names are TFX's. If anything fails, the served version does not change.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines.errors import InputError
from serving.repository.publishing import publish
from serving.repository.versions import versions_in

#: Results of the evaluation, inside the folder of a version that passed.
BLESSING = "assets.extra/blessing.json"


def push(
    candidate: Path,
    base: Path,
    evaluate: Callable[[Path, Path | None], tuple[Mapping[str, object], list[str]]],
) -> Path:
    """Publish a candidate if it passes.

    Args:
        candidate: Complete SavedModel in a folder of `scratch_folder`.
        base: Folder of the model.
        evaluate: Function that takes the candidate and the baseline (the latest version, or None). It returns
            results, which are written into the version, and failures.

    Returns:
        The folder of the version.

    Raises:
        InputError: If the candidate does not pass. The message lists the failures, and nothing has changed.
    """
    while True:
        versions = versions_in(base)
        latest = max(versions, default=None)
        try:
            results, failures = evaluate(candidate, None if latest is None else versions[latest])
        except InputError as error:
            results, failures = {}, [str(error)]
        if failures:
            stays = f"version {latest} stays in service" if latest else "there is no version in service"
            raise InputError(f"{base}: not pushed: {'; '.join(failures)}; {stays}")
        if latest == max(versions_in(base), default=None):
            break  # or else somebody has pushed meanwhile, and the candidate is compared with that
    blessing = {**results, "blessed": time.time()}
    (candidate / BLESSING).write_text(json.dumps(blessing, indent=1))
    return publish(candidate, base)
