from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def render_tiny():
    """Render a corpus of a few clips at a sixteenth of the area: what is tested is the layout."""
    from pipelines.synthetic.rendered_corpora import (
        CORPORA,
        bp4d_writer,
        corpus_seed,
        render_corpus,
    )
    from pipelines.synthetic.rendered_corpora.long_videos import video_plan

    kept = {"casme2": 4, "samm": 5, "smic": 3, "dfme": 3, "fourdme": 4, "mmew": 4}
    kept |= {"casme3": 3, "casme_squared": 2, "samm_long": 2}  # videos

    def render(name, folder, **options):
        with pytest.MonkeyPatch.context() as patch:
            module = CORPORA[name]
            for studio in ("STUDIO", "COLOUR_STUDIO"):
                if hasattr(module, studio):
                    full = getattr(module, studio)
                    shape = (full.shape[0] // 4, full.shape[1] // 4)
                    # Of long videos fewer frames, too.
                    rate = min(full.rate, 25.0) if "long_videos" in module.__name__ else full.rate
                    patch.setattr(module, studio, replace(full, shape=shape, rate=rate))
            patch.setattr(video_plan, "_GAP", (0.3, 0.6))
            patch.setattr(bp4d_writer, "_FRAMES", 36)
            patch.setattr(bp4d_writer, "TASKS", bp4d_writer.TASKS[:2])
            if name in kept:
                patch.setattr(module, "plan", _shortened(module.plan, kept[name]))
            render_corpus(name, folder, workers=1, **options)
            planned = module.plan(1, corpus_seed(name, 0))
            return planned[0] if isinstance(planned, tuple) else planned

    return render


@pytest.fixture(scope="session")
def tiny_corpora(tmp_path_factory, render_tiny):
    """Folder and plan of a rendered corpus of one subject; rendered once, and not to be changed."""
    made: dict[str, tuple[Path, list]] = {}

    def corpus(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = folder, render_tiny(name, folder, subjects=1)
        return made[name]

    return corpus


@pytest.fixture(scope="session")
def tiny_corpus(tiny_corpora):
    """A rendered corpus of one subject: `tiny_corpus("samm")`."""
    return lambda name: tiny_corpora(name)[0]


@pytest.fixture(scope="session")
def tiny_plan(tiny_corpora):
    """What was rendered: acts or videos, `tiny_plan("samm")`."""
    return lambda name: tiny_corpora(name)[1]


def _shortened(plan, keep):
    def shorter(subjects, seed):
        planned = plan(subjects, seed)
        return (planned[0][:keep], planned[1][:keep]) if isinstance(planned, tuple) else planned[:keep]

    return shorter
