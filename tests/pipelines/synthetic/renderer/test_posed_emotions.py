import numpy as np

from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS
from pipelines.synthetic.renderer.posed_emotions import draw_posed_emotion


def active(emotion, seed):
    vector = draw_posed_emotion(emotion, np.random.default_rng(seed))
    return {column.rstrip("RL") for column, value in zip(COLUMNS, vector, strict=True) if value > 0}


def test_units_that_the_facs_guide_asks_for():
    """Lucey et al., "The Extended Cohn-Kanade Dataset", 2010, table 1: what an emotion must show."""
    for seed in range(20):
        assert "AU12" in active("happiness", seed)
        assert {"AU01", "AU02"} <= active("surprise", seed)
        assert active("disgust", seed) & {"AU09", "AU10", "AU04"}
        assert "AU14" in active("contempt", seed)
