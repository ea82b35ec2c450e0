"""`faceflow build`."""

from typing import Annotated

from tyro.conf import OmitArgPrefixes, arg

from faceflow.arguments import Folder, Out
from faceflow.console import gauge, say
from pipelines.cores import num_cores
from pipelines.records.build_config import BuildConfig


def build(
    source: Folder,
    out: Out,
    config: OmitArgPrefixes[BuildConfig],
    workers: int | None = None,
    scheduler: Annotated[str | None, arg(metavar="tcp://HOST:PORT")] = None,
    strict: bool = False,
) -> None:
    """Build training records from the clips of a corpus: frames, landmarks, pairs of frames.

    Writes one shard per clip, manifest.json and statistics.html. Clips that cannot be used are listed and
    skipped. After an interruption, the same command continues with the missing clips.

    The corpus `folder` is any folder of videos or of picture folders; its first level of folders names the
    subjects. All other corpora have the layout in which their owners distribute them (docs/corpora.md). Check
    your copy with `faceflow corpus`.

    Args:
        source: Folder of the corpus.
        out: Folder to write the records to.
        config: Settings of the records.
        workers: Number of processes. One per core by default.
        scheduler: Address of a Dask scheduler whose workers build the records. Start the scheduler with
            `dask scheduler`, and workers with `dask worker --nthreads 1 tcp://HOST:PORT`. All machines must
            see both folders under the same names. They must trust each other, because workers execute the
            code that they receive.
        strict: Stop at the first clip that cannot be used.
    """
    from pipelines.records.builder import build as build_records

    workers = num_cores() if workers is None else workers
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
