"""Methods that find candidates of expressions in a long video, each with a score."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from keras_models.evaluation.spotting.spotting_scores import Spotted
from keras_models.evaluation.spotting.video_signal import sample_step, video_segments
from keras_models.inference.estimators import get_estimator
from keras_models.inference.expression_samples import SPOTTER, estimator, method_key
from pipelines.clip_analysis.analysis import AnalysisConfig, analyse_clip
from pipelines.clip_analysis.interval_candidates import find_candidates
from pipelines.datasets.long_video import KINDS, LongVideo
from pipelines.errors import InputError
from pipelines.files import write_json
from pipelines.library_versions import library_versions

#: Methods, and what estimates the flow by default.
METHODS = {"analyze": "default", "flow": SPOTTER, "frame_difference": ""}

_VERSION = 5  # of the candidates; a change makes kept ones worthless


def candidates_by(
    method: str, flow: str | None = None, cache: Path | None = None
) -> Callable[[LongVideo], tuple[Spotted, ...]]:
    """Return a function that finds the candidates of a video.

    Args:
        method: `analyze`, the expressions that `faceflow analyze` finds, scored by the height of their
            motion; `flow`, those by which the flow from the first frame of a segment stands out; or
            `frame_difference`, the same by brightness, the baseline.
        flow: Method that estimates the flow, as `get_estimator` takes it; by default that of `METHODS`.
        cache: Folder that keeps candidates, by names, sizes and times of the files.

    Raises:
        InputError: If a method is unknown; by the returned function, if a frame cannot be read, or no frame
            shows a face.
    """
    if method not in METHODS:
        raise InputError(f"unknown method {method!r}; use one of: {', '.join(METHODS)}")
    flow = METHODS[method] if flow is None or method == "frame_difference" else flow
    if method == "analyze":
        find = partial(_by_analysis, estimate=get_estimator(flow))
    else:
        find = partial(_by_signal, method=method, estimate=estimator(flow) if flow else None)
    if cache is None:
        return find
    key = f"{method} {method_key(flow) if flow else ''}"
    return lambda video: _kept(find, video, key, cache)


def _by_analysis(video: LongVideo, estimate: Callable) -> tuple[Spotted, ...]:
    step = sample_step(video.rate)
    with tempfile.TemporaryDirectory() as folder:
        for index in range(0, len(video.frames), step):
            file = video.frames[index].absolute()
            (Path(folder) / file.name).symlink_to(file)
        try:
            events = analyse_clip(folder, None, estimate, AnalysisConfig(rate=video.rate / step)).events
        except InputError as error:
            raise InputError(str(error).replace(folder, str(video.path))) from error
    return tuple(
        Spotted(event.kind, event.onset * step, event.apex * step, event.offset * step, event.peak)
        for event in events
        if event.kind in KINDS
    )


def _by_signal(video: LongVideo, method: str, estimate: Callable | None) -> tuple[Spotted, ...]:
    found = []
    for segment in video_segments(video, method, estimate):
        for one in find_candidates(segment.signal, video.rate / sample_step(video.rate)):
            frames = (int(segment.frames[k]) for k in (one.first, one.apex, one.last))
            found.append(Spotted("micro", *frames, one.score))
    return tuple(found)


def _kept(find: Callable, video: LongVideo, key: str, cache: Path) -> tuple[Spotted, ...]:
    path = cache / f"{_content(video, key)}.json"
    if path.exists():
        with suppress(ValueError, TypeError):  # damaged: computed anew
            return tuple(Spotted(**one) for one in json.loads(path.read_text()))
    found = find(video)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, [asdict(one) for one in found])
    return found


def _content(video: LongVideo, key: str) -> str:
    files = [video.frames[k] for k in range(0, len(video.frames), sample_step(video.rate))]
    seen = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    about = [_VERSION, key, str(video.path.absolute()), video.rate, seen]
    about.append(library_versions("OpenCV", "MediaPipe", "NumPy"))  # of landmarks and alignment
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]
