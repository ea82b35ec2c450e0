"""Corpora of rendered faces in the layout, file names and coding sheets of the real ones."""

from pathlib import Path

from pipelines.errors import InputError
from pipelines.faces.corpora import bp4d, casme2, ckplus, samm, smic
from pipelines.faces.generate import Progress, settle

CORPORA = {"casme2": casme2, "samm": samm, "smic": smic, "ckplus": ckplus, "bp4d": bp4d}


def render_corpus(
    name: str,
    folder: Path | str,
    *,
    subjects: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Render a corpus.

    A clip that is there already is kept, so that a run that was interrupted goes on where it stopped.

    Args:
        name: a key of `CORPORA`.
        folder: where to.
        subjects: how many; by default as many as the real corpus has. Clips come in proportion.
        seed: of the corpus.
        workers: processes; one for each core by default.
        progress: called with the number of clips done and the number of all.

    Raises:
        InputError: for an unknown corpus, or a folder that holds one of other settings.
    """
    if name not in CORPORA:
        raise InputError(f"unknown corpus {name!r}; there are: {', '.join(CORPORA)}")
    full = CORPORA[name].SUBJECTS
    subjects = full if subjects is None else subjects
    if not 1 <= subjects <= full:
        raise InputError(f"{name} has 1 to {full} subjects, not {subjects}")
    folder = Path(folder)
    settle(folder, {"corpus": name, "seed": seed, "subjects": subjects})
    # Other corpora show other people.
    own_seed = len(CORPORA) * seed + list(CORPORA).index(name)
    CORPORA[name].write(folder, subjects, own_seed, workers, progress)
