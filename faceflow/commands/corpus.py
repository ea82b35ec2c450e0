"""`faceflow corpus`."""

from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, say


def corpus(name: Positional[Annotated[str, arg(metavar="NAME")]], source: Folder) -> None:
    """Check a corpus on disk: its release, counts beside the published ones, repaired and skipped items.

    Pictures are not opened, so a corpus of any size is checked within a minute.

    Args:
        name: Layout of the corpus: casme2, casme3, casme_squared, dfme, fourdme, mmew, samm, samm_long, smic,
            ckplus, bp4d or folder.
        source: Folder of the corpus.
    """
    from pipelines.datasets.corpora import read_corpus

    reading = read_corpus(name, source)
    subjects = {clip.subject for clip in reading.clips}
    say(f"{source}: {len(reading.clips)} clips of {len(subjects)} subject(s)")
    if reading.release:
        say(f"release: {reading.release}")
    if reading.counts:
        rows = [
            (count.what, str(count.found), "-" if count.published is None else str(count.published))
            for count in reading.counts
        ]
        print_table((name, "found", "published"), rows)
    lacking = [c for c in reading.counts if c.published is not None and c.found < c.published]
    if reading.counts:
        whole = "complete: every published count is reached"
        say(f"incomplete: {len(lacking)} count(s) below the published ones" if lacking else whole)
    for issue in reading.issues:
        print(f"{issue.kind}: {issue.clip}: {issue.reason}")
