"""`faceflow corpus`."""

from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, say


def corpus(name: Positional[Annotated[str, arg(metavar="NAME")]], source: Folder) -> None:
    """Check a corpus on disk: counts against the published ones, repaired and skipped items.

    Args:
        name: the layout of the corpus: bp4d, ckplus, casme2, samm, smic or folder.
        source: the corpus' folder.
    """
    from pipelines.datasets.corpora import read_corpus

    reading = read_corpus(name, source)
    subjects = {clip.subject for clip in reading.clips}
    say(f"{source}: {len(reading.clips)} clips of {len(subjects)} subject(s)")
    if reading.counts:
        rows = [(count.what, str(count.found), str(count.published)) for count in reading.counts]
        print_table((name, "found", "published"), rows)
    for issue in reading.issues:
        print(f"{issue.kind}: {issue.clip}: {issue.reason}")
