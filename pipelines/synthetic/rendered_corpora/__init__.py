"""Corpora of rendered faces in the layout, file names and coding sheets of the real ones."""

from functools import partial
from pathlib import Path

from pipelines.errors import InputError
from pipelines.synthetic.rendered_corpora import (
    bp4d_writer,
    casme2_writer,
    ckplus_writer,
    dfme_writer,
    fourdme_writer,
    mmew_writer,
    samm_writer,
    smic_writer,
)
from pipelines.synthetic.rendered_corpora.long_videos import (
    casme3_writer,
    casme_squared_writer,
    samm_long_writer,
)
from pipelines.synthetic.rendered_corpora.recording import CorpusRequest, record_all
from pipelines.synthetic.renderer.generate import Progress, check_render_settings

#: Corpora of which onset, apex and offset can be rendered alone.
CODED = ("casme2", "samm", "dfme", "mmew")
CORPORA = {
    "casme2": casme2_writer,
    "samm": samm_writer,
    "smic": smic_writer,
    "ckplus": ckplus_writer,
    "bp4d": bp4d_writer,
    "casme3": casme3_writer,
    "casme_squared": casme_squared_writer,
    "dfme": dfme_writer,
    "fourdme": fourdme_writer,
    "mmew": mmew_writer,
    "samm_long": samm_long_writer,
}
_FIRST = 5  # corpora that had their seeds before the others came; they keep their pictures


def render_corpus(
    name: str,
    folder: Path | str,
    *,
    subjects: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
    coded_frames: bool = False,
) -> None:
    """Render a corpus.

    A clip that is there already is kept, so that a run that was interrupted goes on where it stopped.

    Args:
        name: a key of `CORPORA`.
        folder: folder to write.
        subjects: number of subjects, by default that of the real corpus. Clips come in proportion.
        seed: seed of the corpus.
        workers: processes; one for each core by default.
        progress: called with the number of clips done and the number of all.
        coded_frames: render of each clip onset, apex and offset alone, the same pictures as otherwise, which
            is all that classifiers of micro-expressions look at. Clips whose codes are wrong or absent stay
            whole.

    Raises:
        InputError: for an unknown corpus, coded frames of one that is not in `CODED`, or a folder that holds
            a corpus of other settings.
    """
    if name not in CORPORA:
        raise InputError(f"unknown corpus {name!r}; use one of: {', '.join(CORPORA)}")
    full = CORPORA[name].SUBJECTS
    subjects = full if subjects is None else subjects
    if not 1 <= subjects <= full:
        raise InputError(f"{name} has 1 to {full} subjects, not {subjects}")
    if coded_frames and name not in CODED:
        raise InputError(f"coded frames alone are rendered for {', '.join(CODED)}, not for {name}")
    folder = Path(folder)
    # Whole clips need no word: their folders may be of before there was a choice.
    chosen = {"coded_frames": True} if coded_frames else {}
    # Folders of before emotions were drawn from counts hold others, and must not be continued.
    drawn = {"emotions": "counted"} if getattr(CORPORA[name].STUDIO, "counts", None) else {}
    check_render_settings(folder, {"corpus": name, "seed": seed, "subjects": subjects} | chosen | drawn)
    request = CorpusRequest(folder, subjects, corpus_seed(name, seed), coded_frames)
    CORPORA[name].write(request, partial(record_all, workers=workers, progress=progress))


def corpus_seed(name: str, seed: int) -> int:
    """Return the seed of a corpus' people: other corpora show other people."""
    index = list(CORPORA).index(name)
    return _FIRST * seed + index if index < _FIRST else 1_000_000 * index + seed
