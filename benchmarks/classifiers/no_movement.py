"""How far faces move that show a micro-expression, none, or a turn of the head alone.

`python -m benchmarks.classifiers.no_movement` prints it; with `--write` it goes into docs/expressions.md. The
limits of `recognition.py` below which a pair is answered "no movement" come from other people.
"""

import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.common.page import run_parts, table

_PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"
_SUBJECTS, _PEOPLE = 14, 20  # of CASME II, and who turn their heads
_SEED = 2029
_FRAMES = (12, 20, 24, 28, 34)  # of a turn of 60 frames, compared with the first


def no_movement(subjects: int = _SUBJECTS, people: int = _PEOPLE) -> str:
    """Motion without the head, parallax, and share of pairs without movement, as Markdown."""
    from keras_models.inference.recognition import NO_MOVEMENT

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pairs = {"micro-expressions, onset to apex": [], "the same people at rest, onset to offset": []}
        for name, found in _of_corpus(Path(folder), subjects, list(pairs)):
            pairs[name].append(found)
    pairs["people who turn their heads"] = list(_of_turns(people))
    for name, found in pairs.items():
        motion = np.array([each.strength for each in found])
        answered = np.mean([each.expression == NO_MOVEMENT for each in found])
        quantiles = (f"{value:.2f}" for value in np.quantile(motion, (0.05, 0.5, 0.95, 1)))
        parallax = f"{np.median([each.parallax for each in found]):.2f}"
        rows.append([name, str(len(found)), *quantiles, parallax, f"{answered:.0%}"])
    about = (
        "Motion of the face without the head, pixels of the crop: quantiles over rendered pairs; then the "
        'median parallax of the head, and how many pairs are answered "no movement".'
    )
    columns = ["pairs", "number", "5 %", "median", "95 %", "largest", "parallax", "no movement"]
    return f"{about}\n\n{table(columns, rows)}"


def _of_corpus(folder: Path, subjects: int, names: list[str]) -> Iterator[tuple[str, object]]:
    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.inference.recognition import recognise_pair
    from pipelines.datasets.corpora import read_corpus
    from pipelines.synthetic.rendered_corpora import render_corpus

    render_corpus("casme2", folder, subjects=subjects, seed=_SEED, coded_frames=True)
    classifier = open_classifier("expression")
    for clip in read_corpus("casme2", folder).clips:
        for name, other in zip(names, (clip.apex, clip.offset), strict=True):
            if other is not None:
                yield name, recognise_pair(clip.frames[clip.onset], clip.frames[other], classifier)


def _of_turns(people: int) -> Iterator[object]:
    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.inference.expression_samples import estimator
    from keras_models.inference.recognition import Recognition, probabilities
    from pipelines.landmarks.detector import FaceMesh
    from pipelines.micro_expressions.onset_apex import aligned_pair
    from pipelines.synthetic.renderer.clip_script import CLIPS_PER_PERSON, draw_clip
    from pipelines.synthetic.renderer.rendered_clip import photographs

    classifier = open_classifier("expression")
    estimate = estimator(classifier.method)
    with FaceMesh() as face_mesh:
        for number in range(people):
            script = draw_clip(_SEED, CLIPS_PER_PERSON * number, kind="head", frames=60)
            frames = list(islice(photographs(script), max(_FRAMES) + 1))
            for k in _FRAMES:
                pair = aligned_pair(frames[0], frames[k], estimate, face_mesh, ("frame 0", f"frame {k}"))
                yield Recognition(probabilities(pair, classifier), pair)


if __name__ == "__main__":
    run_parts(_PAGE, {"no movement": no_movement}, sys.argv[1:])
