from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def render_tiny():
    """Render a corpus of a few clips at a sixteenth of the area: what is tested is the layout."""
    from pipelines.synthetic.rendered_corpora import (
        bp4d_writer,
        casme2_writer,
        ckplus_writer,
        recording,
        render_corpus,
        samm_writer,
        smic_writer,
    )

    def render(name, folder, **options):
        with pytest.MonkeyPatch.context() as patch:
            for module in (casme2_writer, samm_writer, smic_writer, ckplus_writer, bp4d_writer):
                for studio in ("STUDIO", "COLOUR_STUDIO"):
                    if hasattr(module, studio):
                        full = getattr(module, studio)
                        shape = (full.shape[0] // 4, full.shape[1] // 4)
                        patch.setattr(module, studio, recording.Studio(shape, full.rate, full.grey))
            patch.setattr(bp4d_writer, "_FRAMES", 36)
            patch.setattr(bp4d_writer, "TASKS", bp4d_writer.TASKS[:2])
            for module, keep in ((casme2_writer, 4), (samm_writer, 5), (smic_writer, 3)):
                patch.setattr(module, "plan", _shortened(module.plan, keep))
            render_corpus(name, folder, workers=1, **options)

    return render


def _shortened(plan, keep):
    def shorter(subjects, seed):
        planned = plan(subjects, seed)
        return (planned[0][:keep], planned[1][:keep]) if isinstance(planned, tuple) else planned[:keep]

    return shorter


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory, render_tiny):
    """A rendered corpus of one subject, `tiny_corpus("samm")`; rendered once, and not to be changed."""
    made: dict[str, Path] = {}

    def corpus(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp(name)
            render_tiny(name, made[name], subjects=1)
        return made[name]

    return corpus
