"""`faceflow evaluate clips`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, progress
from faceflow.operation_threads import one_thread_per_operation


def evaluate_clips(
    clips: Folder,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    events: bool = False,
    json: Path | None = None,
) -> None:
    """Compare flow methods on clips whose flow from the first frame to every other is known.

    A method estimates the flow to each frame on its own. `tracker:NAME` tracks the face relative to the first
    frame: it warps each frame back by the motion of the previous one, and the method NAME estimates the
    residual.

    The error of the expression is that of the mean motion of a region without the motion of the head, as
    faceflow analyze reports it, in pixels; the gain is the measured motion of the regions relative to the
    true one: 1 if nothing is understated.

    Args:
        clips: Folder written by faceflow render clips.
        method: Flow method, as for faceflow evaluate flow, or tracker:NAME. Repeat the option for several. By
            default zero, dis_medium, default and tracker:default.
        events: Also analyse each clip with every tracker:NAME, as faceflow analyze does, and compare the
            detected events with the true ones (intersection over union of at least 0.5).
        json: File for the figures of all frames, as JSON.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs, write_json
    from pipelines.io.clip_truth import list_clips

    check_outputs(json)
    count = len(list_clips(clips))
    names = method or ["zero", "dis_medium", "default", "tracker:default"]
    trackers = [name for name in names if name.startswith("tracker:")]
    if events and not trackers:
        raise InputError(
            f"--events: events are found by a tracker; add --method tracker:{names[-1]}, for example"
        )
    one_thread_per_operation()

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
    for name in names:
        estimator = get_estimator(name.removeprefix("tracker:"))
        methods[name] = (tracked if name.startswith("tracker:") else frame_by_frame)(estimator)
    with progress("evaluate", count) as step:
        errors = evaluate(clips, methods, on_clip=step)
    content = clips_to_json(errors)
    if json:
        write_json(json, content)
    rows = []
    for name, each in errors.items():
        summary = summarise_clips(each)
        bins = (summary.epe_by_motion[key] for key in CLIP_MOTION_BINS)
        figures = (summary.epe, *bins, summary.jitter, summary.expression, summary.gain)
        rows.append(
            (name, *(f"{value:.3f}" for value in figures), f"{summary.drift:.2f}", f"{summary.lost:.1%}")
        )
    print_table(("method", "EPE", *CLIP_MOTION_BINS, "jitter", "expression", "gain", "drift", "lost"), rows)
    if events:
        content["events"] = _events(clips, count, trackers)
        if json:
            write_json(json, content)


def _events(clips: Path, count: int, names: list[str]) -> dict:
    from keras_models.evaluation.evaluate_events import events_of_clips
    from keras_models.inference.estimators import get_estimator

    rows, content = [], {}
    for name in names:
        with progress(f"events, {name}", count) as step:
            found = events_of_clips(clips, get_estimator(name.removeprefix("tracker:")), step)
        content[name] = {}
        for kind, scores in found.items():
            counts = (scores.true, scores.found, scores.right)
            times = (f"{value:.0f}" for value in (scores.apex_ms, scores.onset_ms))
            rows.append((f"{name} {kind}", *map(str, counts), f"{scores.f1:.2f}", *times))
            times = {"apex_ms": scores.apex_ms, "onset_ms": scores.onset_ms}
            known = {key: None if value != value else value for key, value in times.items()}
            content[name][kind] = dict(zip(("true", "found", "right"), counts, strict=True))
            content[name][kind] |= {"f1": scores.f1} | known
    print_table(("events", "true", "found", "right", "F1", "apex ms", "onset ms"), rows)
    return content
