import numpy as np
import pytest

from pipelines.micro_expressions.samples import Samples


@pytest.fixture(scope="session")
def make_samples():
    """Make samples whose class is plain to see: it says which rows of u move."""

    def make(subjects=4, each=6, seed=0, corpora=("casme2",)):
        rng = np.random.default_rng(seed)
        count = subjects * each
        labels = np.arange(count, dtype=np.int32) % 3
        features = rng.normal(0, 0.3, (count, 28, 28, 3)).astype(np.float32)
        for k, label in enumerate(labels):
            features[k, 8 * label : 8 * label + 8, :, 0] += 1
        who = [f"{corpora[k // each % len(corpora)]}/s{k // each}" for k in range(count)]
        return Samples(
            features,
            labels,
            tuple(name.split("/")[0] for name in who),
            tuple(who),
            tuple(f"clip{k}" for k in range(count)),
        )

    return make
