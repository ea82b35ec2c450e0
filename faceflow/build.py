"""`faceflow build`."""

from faceflow.arguments import Folder, Out
from faceflow.console import progress, say


def build(source: Folder, out: Out, corpus: str = "folder", step: int = 1) -> None:
    """Turn the clips of a corpus into records to train on: frames, landmarks, pairs of frames.

    The corpus `folder` is any folder of video files or of picture folders; its first level of folders names
    the subjects. The others are laid out as their owners hand them out (docs/corpora.md); `faceflow corpus`
    tells whether one is read right. A clip that cannot be used is listed in manifest.json and stops nothing.

    Args:
        source: the corpus' folder.
        out: where the records go, one shard a clip.
        corpus: the layout of the corpus: bp4d, ckplus, casme2, samm, smic or folder.
        step: frames from the first to the second of a pair. Landmarks jitter by as much whatever the step, so
            where faces move slowly, as in talking heads at 25 frames a second, 5 gives better labels than 1.
    """
    from pipelines.build import build as build_records
    from pipelines.corpora import find_clips

    with progress("build", len(find_clips(corpus, source))) as advance:
        manifest = build_records(source, out, corpus, step, on_clip=advance)
    for report in manifest.clips:
        if report.failure:
            say(f"left out: {report.failure}")
        elif report.without_face or report.with_several_faces:
            say(
                f"{report.clip}: of {report.frames} frames {report.without_face} without a face, "
                f"{report.with_several_faces} with several (the largest was taken)"
            )
    say(f"{out}: {manifest.pairs} pairs from {len(manifest.clips) - len(manifest.failures)} clips")
