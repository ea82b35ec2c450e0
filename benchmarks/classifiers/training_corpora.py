"""Rendered corpora to train a classifier of micro-expressions on, compared without a real face.

`python -m benchmarks.classifiers.training_corpora [FOLDER]` trains on CASME II, SAMM and SMIC, each rendered,
and on all but one of them, as the recipe of `expression` does. It tests on rendered clips of DFME and MMEW,
whose Action Units are drawn from other counts. The corpora are rendered into FOLDER, or a temporary one;
`--write` writes the table into docs/real_people.md.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.common.page import publish, table

SEEDS = 6
TRAINED = (("casme2", "samm", "smic"), ("casme2", "samm"), ("casme2", "smic"), ("samm", "smic"))
#: Corpora to test on, with the number of subjects.
TESTED = {"dfme": 60, "mmew": 30}
_NAMES = {"casme2": "CASME II", "samm": "SAMM", "smic": "SMIC", "dfme": "DFME", "mmew": "MMEW"}
_PAGE = Path(__file__).parents[2] / "docs" / "real_people.md"


def training_corpora(folder: Path) -> str:
    """Measure all rows and return the table as Markdown."""
    import numpy as np

    from keras_models.inference.expression_samples import open_samples
    from pipelines.datasets.composite import CLASSES
    from pipelines.datasets.tasks import get_task
    from pipelines.synthetic.rendered_corpora import CODED, render_corpus

    for name in _NAMES:
        render_corpus(name, folder / name, subjects=TESTED.get(name), coded_frames=name in CODED)
    tested = {}
    for name in TESTED:
        samples, _ = open_samples([f"{name}={folder / name}"], "default", task="emotions7")
        classes = {"happiness": "positive", "surprise": "surprise"}
        of_emotion = [
            CLASSES.index(classes.get(emotion, "negative"))
            for emotion in get_task("emotions7", [name]).classes
        ]
        tested[name] = samples.features, np.array(of_emotion)[samples.labels]
    rows = []
    for trained in TRAINED:
        people, _ = open_samples([f"{name}={folder / name}" for name in trained], "default")
        found = list(zip(*(_scores(people, tested, seed) for seed in range(SEEDS)), strict=True))
        cells = [f"{np.mean(scores):.3f} ± {np.std(scores):.3f}" for scores in found]
        rows.append([", ".join(_NAMES[name] for name in trained), str(len(people.labels)), *cells])
        print(" | ".join(rows[-1]), flush=True)
    columns = [f"{_NAMES[name]} ({len(labels)} clips)" for name, (_, labels) in tested.items()]
    return (
        f"UF1 on rendered clips: mean ± standard deviation of {SEEDS} seeds.\n\n"
        f"{table(['trained on', 'clips', *columns], rows)}"
    )


def _scores(people, tested, seed: int) -> list[float]:
    """Train as the recipe of `expression` does, and return the UF1 on each tested corpus."""
    import numpy as np

    from keras_models.evaluation.expression_scores import confusion, scores
    from keras_models.training.ensemble_training import fit_ensemble
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.datasets.composite import CLASSES

    config = ExpressionConfig(balance=0.5, ensemble_size=4, seed=seed)
    everybody = np.ones((len(people.labels), config.ensemble_size), bool)
    model = fit_ensemble(people.features, people.labels, np.array(people.subjects), everybody, config)
    found = []
    for features, labels in tested.values():
        answers = model.predict(features, verbose=0).mean(axis=1).argmax(axis=-1)
        found.append(scores(confusion(labels, answers, len(CLASSES))).uf1)
    return found


def main() -> None:
    """Print the table, and with `--write` put it into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.classifiers.training_corpora", description=__doc__
    )
    parser.add_argument("folder", nargs="?", type=Path, help="where the corpora are kept")
    parser.add_argument("--write", action="store_true", help="put the table into docs/real_people.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = training_corpora(options.folder or Path(scratch))
    publish(_PAGE, "training corpora", found, options.write)


if __name__ == "__main__":
    main()
