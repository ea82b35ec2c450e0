"""`faceflow build`."""

from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from faceflow.arguments import Folder, Out
from faceflow.console import gauge, say
from pipelines.records.build_config import BuildConfig


def build(
    source: Folder,
    out: Out,
    config: OmitArgPrefixes[BuildConfig],
    workers: int | None = None,
    scheduler: Annotated[str | None, arg(metavar="tcp://HOST:PORT")] = None,
    strict: bool = False,
) -> None:
    """Turn the clips of a corpus into records to train on: frames, landmarks, pairs of frames.

    Writes one shard a clip, manifest.json and statistics.html. Run again after whatever stopped it, it goes
    on with the clips that are missing. A clip that cannot be used is listed and stops nothing.

    The corpus `folder` is any folder of video files or of picture folders; its first level of folders names
    the subjects. The others are laid out as their owners hand them out (docs/corpora.md); `faceflow corpus`
    tells whether one is read right.

    Args:
        source: the corpus' folder.
        out: where the records go.
        config: what to make of the clips.
        workers: processes; as many as there are cores by default.
        scheduler: of Dask, whose workers are used instead. Start it with `dask scheduler`, and them with
            `dask worker --nthreads 1 tcp://HOST:PORT` on machines that see both folders under the same names
            and trust each other: workers run what they are sent.
        strict: stop at the first clip that cannot be used.
    """
    import os

    from pipelines.records.builder import build as build_records

    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    with gauge("build") as show:
        manifest = build_records(
            source, out, config, workers=workers, scheduler=scheduler, strict=strict, on_clip=show
        )
    for issue in manifest.issues:
        say(f"{issue.clip}: {issue.reason}")
    for report in manifest.clips:
        if report.failure:
            say(f"skipped: {report.failure}")
        elif report.without_face or report.with_several_faces:
            say(
                f"{report.clip}: of {report.frames} frames {report.without_face} without a face, "
                f"{report.with_several_faces} with several (the largest was taken)"
            )
    say(f"{out}: {manifest.pairs} pairs from {len(manifest.clips) - len(manifest.failures)} clips")
