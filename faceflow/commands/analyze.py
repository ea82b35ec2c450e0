"""`faceflow analyze`, `faceflow spot`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Out
from faceflow.console import gauge, print_table, say
from faceflow.operation_threads import one_thread_per_operation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keras_models.inference.clip_analyses import AnalysisRequest
    from pipelines.clip_analysis.analysis_files import ClipAnalysis
    from pipelines.clip_analysis.clip_events import FoundEvent


def analyze(
    clip: Positional[Annotated[Path, arg(metavar="CLIP|FOLDER")]],
    out: Out,
    reference: Annotated[int | None, arg(metavar="FRAME")] = None,
    magnify: float = 8.0,
    rate: float | None = None,
    interpupillary_mm: float = 63.0,
    parquet: bool = False,
    landmarks: Annotated[str, arg(metavar="SOURCE")] = "face_mesh",
    model: Annotated[str, arg(metavar="PRESET|RUN|METHOD")] = "default",
    classifier: Annotated[str, arg(metavar="PRESET|RUN")] = "expression",
    workers: int | None = None,
    scheduler: Annotated[str | None, arg(metavar="tcp://HOST:PORT")] = None,
) -> None:
    """Measure the motion of a face over time, as tables, events, a magnified video and a report.

    Writes motion.csv (one row per frame and region), motion_wide.csv (one row per frame, as OpenFace writes),
    frames.csv (head, eyes, quality), events.csv and events.eaf (for ELAN), magnified.mp4, report.html and
    summary.json.

    For a folder of clips, writes one folder per clip, and summary.csv with one row per clip. Clips that
    cannot be analysed are listed and skipped. After an interruption, the same command continues with the
    missing clips.

    Args:
        clip: Video or folder of pictures; or folder of clips.
        out: Folder for the results.
        reference: Number of the reference frame, from 0. By default the most neutral and most still frame.
        magnify: Magnification factor of the motion in magnified.mp4; 0 for no video and no report.
        rate: Frames per second. By default given by the time stamps of the video; 25 for a folder of
            pictures.
        interpupillary_mm: Distance between the subject's pupils, millimetres. It sets the scale of all
            results in millimetres.
        parquet: Write motion.parquet, motion_wide.parquet and frames.parquet beside the tables.
        landmarks: Source of the landmarks: face_mesh, or KIND:FILE for a file of another program, where KIND
            is openface, pyfeat, pts or ibug. For a folder of clips, KIND:DIR with a file named after each
            clip.
        model: Flow method: a preset, the folder of a training run or SavedModel, or a classical method. By
            default the network that comes with FaceFlow.
        classifier: Classifier of the micro-expressions: a preset, the folder of a run of faceflow train
            expression, or none.
        workers: Number of processes for a folder of clips; by default the number of cores.
        scheduler: Address of a Dask scheduler whose workers analyse the clips; see faceflow build.
    """
    from pipelines.clip_analysis.analysis import AnalysisConfig
    from pipelines.errors import InputError
    from pipelines.files import check_exists, check_outputs
    from pipelines.io.video import is_clip

    check_exists(clip)
    several = clip.is_dir() and not is_clip(clip)
    if not several and (workers is not None or scheduler is not None):
        raise InputError(f"{clip}: is one clip; --workers and --scheduler are for a folder of clips")
    check_outputs(out, inputs=(clip,), may_be_folder=several)
    config = AnalysisConfig(reference, rate, interpupillary_mm, magnify, parquet)

    one_thread_per_operation()

    from keras_models.inference.clip_analyses import AnalysisRequest

    request = AnalysisRequest(config, model, *_given(classifier, landmarks))
    if several:
        _folder(clip, out, request, workers, scheduler)
    else:
        _clip(clip, out, request)


def spot(
    clip: Positional[Annotated[Path, arg(metavar="CLIP")]],
    rate: float | None = None,
    landmarks: Annotated[str, arg(metavar="SOURCE")] = "face_mesh",
    model: Annotated[str, arg(metavar="PRESET|RUN|METHOD")] = "default",
    classifier: Annotated[str, arg(metavar="PRESET|RUN")] = "expression",
    json: Path | None = None,
) -> None:
    """Find the micro-expressions in a clip, with onset, apex, offset and class.

    A micro-expression rises and falls within half a second. They are those of faceflow analyze, which also
    writes the motion of each region, other events, and pictures. The clip may be hours long.

    Args:
        clip: Video or folder of pictures.
        rate: Frames per second. By default given by the time stamps of the video; 25 for a folder of
            pictures.
        landmarks: Source of the landmarks, as for faceflow analyze.
        model: Flow method: a preset, the folder of a training run or SavedModel, or a classical method. By
            default the network that comes with FaceFlow.
        classifier: Classifier of the micro-expressions: a preset, the folder of a run of faceflow train
            expression, or none.
        json: File for the micro-expressions, as JSON.
    """
    from pipelines.clip_analysis.analysis import AnalysisConfig
    from pipelines.clip_analysis.analysis_files import event_row
    from pipelines.files import check_exists, check_outputs, write_json

    check_exists(clip)
    check_outputs(json, inputs=(clip,))
    config = AnalysisConfig(rate=rate)

    one_thread_per_operation()

    from keras_models.inference.clip_analyses import AnalysisRequest

    request = AnalysisRequest(config, model, *_given(classifier, landmarks))
    analysis = _analysed("spot", clip, None, request)
    found = [event for event in analysis.events if event.kind == "micro"]
    if json:
        write_json(json, [event_row(event, analysis.times) for event in found])
    if found:
        _print_events(analysis, found)
    else:
        say(f"{clip}: no micro-expression found in {len(analysis.times)} frames")


def _given(classifier: str, landmarks: str) -> tuple[str | None, str | None]:
    return None if classifier == "none" else classifier, None if landmarks == "face_mesh" else landmarks


def _clip(clip: Path, out: Path, request: "AnalysisRequest") -> None:
    analysis = _analysed("analyze", clip, out, request)
    if analysis.events:
        _print_events(analysis, analysis.events)
    say(f"{out}: {len(analysis.times)} frames, {len(analysis.events)} events")


def _analysed(name: str, clip: Path, out: Path | None, request: "AnalysisRequest") -> "ClipAnalysis":
    from keras_models.inference.clip_analyses import analyse

    with gauge(name) as show:

        def on_step(step: str, done: int, total: int) -> None:
            show(done if step == "landmarks" else total + done, 2 * total)

        analysis = analyse(clip, out, request, on_step)
    for note in analysis.notes:
        say(f"{clip}: {note}")
    return analysis


def _print_events(analysis: "ClipAnalysis", events: "Sequence[FoundEvent]") -> None:
    rows = [
        (
            event.kind,
            *(f"{analysis.times[frame]:.2f} s" for frame in (event.onset, event.apex, event.offset)),
            f"{event.onset} to {event.offset}",
            event.region,
            f"{event.peak:.2f}",
            event.answer,
        )
        for event in events
    ]
    print_table(("event", "onset", "apex", "offset", "frames", "region", "peak", "class"), rows)


def _folder(
    folder: Path, out: Path, request: "AnalysisRequest", workers: int | None, scheduler: str | None
) -> None:
    from keras_models.inference.clip_analyses import analyse_folder
    from pipelines.cores import num_cores

    workers = num_cores() if workers is None else workers
    with gauge("analyze") as show:
        rows = analyse_folder(folder, out, request, workers, scheduler, show)
    for row in rows:
        if row.failure:
            say(f"skipped: {row.failure}")
    failed = sum(bool(row.failure) for row in rows)
    say(f"{out}: {len(rows) - failed} clips analysed, {failed} skipped; see summary.csv")
