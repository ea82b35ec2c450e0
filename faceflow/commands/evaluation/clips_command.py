"""`faceflow evaluate clips`."""

import json as json_format
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, progress


def evaluate_clips(
    clips: Folder,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    json: Path | None = None,
) -> None:
    """Compare flow methods on clips whose flow from the first frame to every other is known.

    A method is asked for each frame by itself. `tracker:NAME` tracks the face against the first frame, with
    the method NAME for what is left after the motion of the frame before.

    Args:
        clips: Folder that faceflow render clips has written.
        method: Method, as faceflow evaluate flow takes it, or tracker:NAME; repeat the option for more. By
            default zero, dis_medium, default and tracker:default.
        json: File for all figures, of every frame.
    """
    from pipelines.files import check_outputs, replacing
    from pipelines.io.clip_truth import list_clips

    check_outputs(json)
    count = len(list_clips(clips))

    from keras_models.evaluation.evaluate_clips import (
        CLIP_MOTION_BINS,
        clips_to_json,
        frame_by_frame,
        summarise_clips,
        tracked,
    )
    from keras_models.evaluation.evaluate_clips import evaluate_clips as evaluate
    from keras_models.inference.estimators import get_estimator

    methods = {}
    for name in method or ("zero", "dis_medium", "default", "tracker:default"):
        estimator = get_estimator(name.removeprefix("tracker:"))
        methods[name] = (tracked if name.startswith("tracker:") else frame_by_frame)(estimator)
    with progress("evaluate", count) as step:
        errors = evaluate(clips, methods, on_clip=step)
    rows = []
    for name, each in errors.items():
        summary = summarise_clips(each)
        bins = (summary.epe_by_motion[key] for key in CLIP_MOTION_BINS)
        figures = (summary.epe, *bins, summary.jitter)
        rows.append(
            (name, *(f"{value:.3f}" for value in figures), f"{summary.drift:.2f}", f"{summary.lost:.1%}")
        )
    print_table(("method", "EPE", *CLIP_MOTION_BINS, "jitter", "drift", "lost"), rows)
    if json:
        with replacing(json) as part:
            part.write_text(json_format.dumps(clips_to_json(errors), indent=1))
