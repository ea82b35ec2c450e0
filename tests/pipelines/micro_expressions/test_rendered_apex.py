import numpy as np
import pytest

from pipelines.datasets.corpora import read_corpus
from pipelines.io.images import read_image
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.spotting import spot_apex
from pipelines.synthetic.rendered_corpora import render_corpus


@pytest.mark.slow
def test_apexes_of_rendered_clips(tmp_path):
    from keras_models.inference.expression_samples import SPOTTER, estimator

    render_corpus("casme2", tmp_path, subjects=1)
    reading = read_corpus("casme2", tmp_path)
    guessed = {issue.clip for issue in reading.issues if "midpoint" in issue.reason}
    estimate, errors = estimator(SPOTTER), []
    with FaceMesh() as face_mesh:
        for clip in reading.clips:
            if clip.name in guessed:
                continue
            frames = [read_image(file) for file in clip.frames[clip.onset : clip.offset + 1]]
            found = spot_apex(frames, estimate, face_mesh, clip.name)
            errors.append(abs(found.frame - (clip.apex - clip.onset)) / len(frames))
    assert len(errors) >= 5
    assert np.mean(errors) < 0.1
