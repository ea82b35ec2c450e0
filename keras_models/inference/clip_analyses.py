"""Analysis of one clip with the shipped networks, or of every clip of a folder, in processes or on Dask."""

import glob
import json
import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from keras_models.inference.estimators import files_key, get_estimator
from keras_models.inference.expression_classifier import open_classifier, read_classifier
from keras_models.presets import is_preset, preset_folder, read_preset
from pipelines.clip_analysis.analysis import AnalysisConfig, Classify, analyse_clip
from pipelines.clip_analysis.analysis_files import ClipAnalysis
from pipelines.clip_analysis.results.summary_table import (
    AnalysedClip,
    row_of_clip,
    write_summary_table,
)
from pipelines.clip_analysis.tracking.clip_motion import Progress
from pipelines.datasets.clip import Clip
from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.reading import CorpusReading
from pipelines.errors import InputError
from pipelines.files import replacing
from pipelines.library_versions import library_versions
from pipelines.records.clip_landmarks import attach_landmarks
from pipelines.records.fingerprint import content_key
from pipelines.records.workers import run_tasks

#: Name of the file in which a folder of analyses keeps its settings and what is done.
STATE = "analyses.json"


@dataclass(frozen=True)
class AnalysisRequest:
    """How clips are analysed, and with which networks.

    Attributes:
        config: settings of the analysis.
        model: name of a flow method, as `get_estimator` takes it.
        classifier: preset of expressions or folder of a run; None to leave micro-expressions unclassified.
        landmarks: source of the landmarks, `KIND:PLACE` as `attach_landmarks` takes it; None for Face Mesh.
        threads: number of threads that analyse a clip beside the calling one, see `track_in_parallel`.
    """

    config: AnalysisConfig = field(default_factory=AnalysisConfig)
    model: str = "default"
    classifier: str | None = "expression"
    landmarks: str | None = None
    threads: int | None = None


def analyse(
    clip: Path,
    out: Path | None,
    request: AnalysisRequest,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> ClipAnalysis:
    """Analyse one clip; see `analyse_clip`.

    Raises:
        InputError: as `analyse_clip`, `get_estimator` and `attach_landmarks`.
    """
    reading = CorpusReading([Clip(clip.stem, clip.stem, clip)])
    if request.landmarks:
        reading = attach_landmarks(reading, request.landmarks)
    (clip,) = reading.clips
    return _analysed(clip, out, request, _repaired(reading, clip), progress=progress)


def analyse_folder(
    source: Path,
    out: Path,
    request: AnalysisRequest,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int], None] = lambda done, clips: None,
) -> list[AnalysedClip]:
    """Analyse every clip of a folder; started again, do what is missing.

    Each clip gets a folder of its own, written as a whole or not at all, and a row in `summary.csv`. A clip
    that cannot be analysed is a row with its failure, is tried again the next time, and stops nothing else.

    Args:
        source: folder of videos and picture folders, at any depth.
        out: a new folder, or one that the same analysis began. Workers on other machines must see both
            folders under the same names.
        request: how.
        workers: processes of this machine; 1 is this one.
        scheduler: `tcp://HOST:PORT` of a `dask scheduler`, whose workers are used instead.
        on_clip: called after each clip with how many are done, and how many there are.

    Returns:
        A row for each clip, in their order.

    Raises:
        InputError: if the folder has no clips, `out` holds something else, no clip could be analysed, or as
            `run_tasks`. What is finished stays for the next start.
    """
    if request.config.reference is not None:
        raise InputError("--reference names a frame of one clip; leave it out for a folder of clips")
    if request.classifier is not None:
        read_classifier(request.classifier)
    if workers < 1:
        raise InputError(f"workers {workers}: at least one must do the work")
    source, out = source.resolve(), out.absolute()
    reading = read_corpus("folder", source)
    clips = [clip for clip in reading.clips if not _is_result(clip.path)]
    if not clips:
        raise InputError(f"{source}: holds results of analyses, and no clips")
    reading = replace(reading, clips=clips)
    if request.landmarks:
        reading = attach_landmarks(reading, request.landmarks)
    settings = {
        "source": str(source),
        **asdict(request.config),
        **{name: getattr(request, name) for name in ("model", "classifier", "landmarks")},
        "model files": files_key(request.model),
        "classifier files": _classifier_key(request.classifier),
        "faceflow": version("faceflow"),
        **library_versions("TensorFlow", "OpenCV", "MediaPipe"),
    }
    done = {
        row.clip: row
        for row in _earlier(out, settings)
        if not row.failure and (out / row.clip / "summary.json").exists()
    }
    done = {clip.name: done[clip.name] for clip in reading.clips if _is_kept(clip, done.get(clip.name))}
    skipped = {issue.clip: issue.reason for issue in reading.issues if issue.kind == "skipped"}
    done |= {
        clip.name: AnalysedClip(clip.name, str(clip.path), failure=f"{clip.path}: {skipped[clip.name]}")
        for clip in clips
        if clip.name in skipped
    }
    if workers > 1 or scheduler:
        request = replace(request, threads=1)  # the processes share the cores
    tasks = [
        (clip, out / clip.name, request, _repaired(reading, clip))
        for clip in reading.clips
        if clip.name not in done
    ]
    out.mkdir(parents=True, exist_ok=True)
    _write(out, settings, done, clips)
    # Closed at once, whatever happens: processes must not go on. What they leave half-written is removed.
    with (
        _without_parts(out, clips),
        closing(run_tasks(analyse_to_row, tasks, workers, scheduler)) as outcomes,
    ):
        for (clip, *_), outcome in outcomes:
            done[clip.name] = outcome if isinstance(outcome, AnalysedClip) else _failed(clip, outcome)
            _write(out, settings, done, clips)
            on_clip(len(done), len(clips))
    rows = [done[clip.name] for clip in clips]
    if all(row.failure for row in rows):
        reasons = "; ".join(sorted({row.failure for row in rows}))
        raise InputError(f"{source}: none of {len(rows)} clips could be analysed: {reasons}")
    return rows


@contextmanager
def _without_parts(out: Path, clips: list[Clip]) -> Iterator[None]:
    """Remove, before and after, what killed processes have left of the folders of clips (`replacing`)."""

    def remove() -> None:
        for clip in clips:
            for part in out.glob(f".{glob.escape(clip.name)}.*"):
                shutil.rmtree(part, ignore_errors=True)

    remove()
    try:
        yield
    finally:
        remove()


def _is_result(path: Path) -> bool:
    """Tell whether a clip is the magnified video of an analysis, or what `faceflow flow CLIP` writes."""
    if (path.parent / "motion_wide.csv").exists():
        return True
    folder = path if path.is_dir() else path.parent
    of_flow = path.is_dir() or path.name == "flow.mp4"
    return of_flow and (folder / "flow.mp4").exists() and any(folder.glob(f"{'[0-9]' * 5}.*"))


def _repaired(reading: CorpusReading, clip: Clip) -> list[str]:
    """Return what is wrong with a clip or its landmarks that does not stop the analysis."""
    return [issue.reason for issue in reading.issues if issue.clip == clip.name and issue.kind == "repaired"]


def analyse_to_row(clip: Clip, out: Path, request: AnalysisRequest, notes: Sequence[str]) -> AnalysedClip:
    """Analyse a clip of a folder into a folder of its own, and return its row."""
    key = content_key(clip)  # before: a clip that changes meanwhile is analysed again
    return row_of_clip(clip, _analysed(clip, out, request, notes, replace_folder=True), key)


def _analysed(
    clip: Clip,
    out: Path | None,
    request: AnalysisRequest,
    notes: Sequence[str],
    progress: Progress | None = None,
    replace_folder: bool = False,
) -> ClipAnalysis:
    more = {} if progress is None else {"progress": progress}
    return analyse_clip(
        clip.path, out, get_estimator(request.model), request.config, classify=_classify(request.classifier),
        landmarks=clip.landmarks, replace_folder=replace_folder, threads=request.threads,
        notes=notes, **more,
    )  # fmt: skip


def _classify(preset: str | None) -> Classify | None:
    """Return a function that tells the class of a micro-expression, which loads the network at first use.

    Raises:
        InputError: If there is no such classifier.
    """
    if preset is None:
        return None
    read_classifier(preset)

    def classify(onset, apex) -> tuple[str, float] | None:
        from keras_models.inference.recognition import NO_MOVEMENT, Recognition, probabilities
        from pipelines.micro_expressions.onset_apex import AlignedPair

        classifier = open_classifier(preset)
        flow = get_estimator(classifier.method)(onset, apex)[0].astype(np.float32)
        pair = AlignedPair(onset, apex, flow)
        found = probabilities(pair, classifier)
        label = Recognition(found, pair, is_binary=classifier.is_binary).expression
        if label == NO_MOVEMENT:
            return None
        # Of several Action Units the least certain one.
        return label, min((found[name] for name in label.split("+") if name in found), default=math.nan)

    return classify


def _classifier_key(classifier: str | None) -> str | None:
    """Return a key of a classifier and of the flow network of its features."""
    if classifier is None:
        return None
    folder = preset_folder(classifier)
    method = read_preset(folder).recipe.get("method", "") if is_preset(folder) else ""
    return f"{files_key(classifier)} {files_key(method) if method else ''}".strip()


def _earlier(out: Path, settings: dict) -> list[AnalysedClip]:
    """Return what an earlier start of the same analysis has finished."""
    if out.is_file():
        raise InputError(f"{out}: is a file; analyses go into a folder")
    if not out.exists() or not any(out.iterdir()):
        return []
    if not (out / STATE).exists():
        raise InputError(f"{out}: is a folder with something in it; choose another name")
    try:
        state = json.loads((out / STATE).read_text())
        rows = [AnalysedClip(**row) for row in state["clips"]]
        then = state["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{out / STATE}: is damaged ({error}); choose another folder") from error
    if differences := [f"{name} {then.get(name)}" for name in settings if settings[name] != then.get(name)]:
        raise InputError(f"{out}: holds analyses with {', '.join(differences)}; choose another folder")
    return rows


def _is_kept(clip: Clip, row: AnalysedClip | None) -> bool:
    """Tell whether a clip is as it was when it was analysed."""
    return row is not None and row.key == content_key(clip)


def _failed(clip: Clip, outcome: Exception) -> AnalysedClip:
    is_read = isinstance(outcome, OSError) and outcome.filename and Path(outcome.filename) == clip.path
    if isinstance(outcome, OSError) and not isinstance(outcome, FileNotFoundError) and not is_read:
        raise outcome  # such as a full disk, which no other clip would survive
    message = " ".join(str(outcome).split())
    kind = "" if isinstance(outcome, InputError) else f"{type(outcome).__name__}: "
    named = message if str(clip.path) in message else f"{clip.path}: {message}"
    return AnalysedClip(clip.name, str(clip.path), failure=f"{kind}{named}")


def _write(out: Path, settings: dict, done: dict[str, AnalysedClip], clips: list[Clip]) -> None:
    rows = [done[clip.name] for clip in clips if clip.name in done]
    write_summary_table(out / "summary.csv", rows)
    with replacing(out / STATE) as part:
        part.write_text(json.dumps({"settings": settings, "clips": [asdict(row) for row in rows]}, indent=1))
