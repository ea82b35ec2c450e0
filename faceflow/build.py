"""`faceflow build`."""

from faceflow.arguments import Folder, Out
from faceflow.console import progress, say


def build(source: Folder, out: Out, corpus: str = "folder") -> None:
    """Turn the clips of a corpus into records to train on: frames, landmarks, pairs of consecutive frames.

    The corpus `folder` is any folder of video files or of picture folders; its first level of folders names
    the subjects. A clip that cannot be used is listed in manifest.json and stops nothing.

    Args:
        source: the corpus' folder.
        out: where the records go, one shard a clip.
        corpus: the layout of the corpus: folder.
    """
    from pipelines.build import build as build_records
    from pipelines.corpora import find_clips

    with progress("build", len(find_clips(corpus, source))) as step:
        manifest = build_records(source, out, corpus, on_clip=lambda report: step(report.clip))
    for report in manifest.clips:
        if report.failure:
            say(f"left out: {report.failure}")
        elif report.without_face or report.with_several_faces:
            say(
                f"{report.clip}: of {report.frames} frames {report.without_face} without a face, "
                f"{report.with_several_faces} with several (the largest was taken)"
            )
    say(f"{out}: {manifest.pairs} pairs from {len(manifest.clips) - len(manifest.failures)} clips")
