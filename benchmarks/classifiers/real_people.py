"""Accuracy on real micro-expressions, by published features of CASME II, SAMM and SMIC.

`python -m benchmarks.classifiers.real_people DIR` measures on a checkout DIR of
https://github.com/wangzhifengharrison/HTNet, which holds features and apex crops of the 442 clips of MEGC
2019; nothing of it is in this repository. `--write` writes the table into docs/real_people.md. `--rendered
FOLDER` names the folder in which `faceflow render corpus` has written casme2 and samm; without it, they are
rendered into a temporary folder.

Other options measure another table in its place, by programs whose packages uv downloads. `--svm`: a support
vector machine. `--ststnet DIR`, a checkout of https://github.com/christy1206/STSTNet: STSTNet by its authors'
program in PyTorch, with their weights of each fold and, with `--ststnet-seeds N`, trained anew with N seeds
of an hour each.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.baselines.ststnet import ststnet
from benchmarks.baselines.svm import support_vector_machine
from benchmarks.common.page import publish, table

SEEDS = 3
RENDERED = ("casme2", "samm")
_PAGE = Path(__file__).parents[2] / "docs" / "real_people.md"
_FEATURES, _CROPS = "datasets/STSNet_whole_norm_u_v_os", "datasets/combined_datasets_whole"
_TABLE = "combined_3_class2_for_optical_flow.csv"
_COLUMNS = ["trained on", "classifier", "features", "UF1", "95 %", "UAR", "precision"]
_COLUMNS += ["CASME II", "SMIC", "SAMM", "negative", "positive", "surprise", "ECE"]


def real_people(source: Path, rendered: Path) -> str:
    """Measure all rows and return the table as Markdown."""
    from keras_models.inference.expression_samples import open_samples
    from pipelines.micro_expressions.published_features import read_published_features
    from pipelines.synthetic.rendered_corpora import render_corpus

    for name in RENDERED:
        render_corpus(name, rendered / name, coded_frames=True)
    people, _ = open_samples([f"{name}={rendered / name}" for name in RENDERED], "default")
    published, _ = read_published_features(source / _FEATURES, source / _TABLE)
    aligned, _ = read_published_features(source / _FEATURES, source / _TABLE, source / _CROPS)
    rows = []
    for row in _rows(people, published, aligned):
        rows.append(row)
        print(" | ".join(row), flush=True)
    head = (
        f"{len(published.labels)} clips of {len(set(published.subjects))} subjects; mean ± standard "
        f"deviation of {SEEDS} seeds; 95 %: bootstrap over subjects; then UF1 by corpus, recall by class, "
        "and expected calibration error of the probabilities, where they were kept."
    )
    return f"{head}\n\n{table(_COLUMNS, rows)}"


def _rows(people, published, aligned) -> Iterator[list[str]]:
    from keras_models.evaluation.committee import Member, evaluate_committee
    from keras_models.evaluation.evaluate_expression import evaluate_expression
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.files import cache_folder

    config = ExpressionConfig()
    for name, samples in (("as published", published), ("aligned", aligned)):
        found = evaluate_expression(samples, config, cache_folder() / "folds", seeds=SEEDS)
        yield _row(["real people", "`mirror_net`", name], found)
    for name, samples in (("as published", published), ("aligned", aligned)):
        yield _row(["rendered people only", "`expression`", name], *_shipped(people, samples))
    others = replace(people, subjects=tuple(f"rendered {name}" for name in people.subjects))
    members = [Member(published.features), Member(aligned.features, others)]
    found, probabilities = evaluate_committee(published, members, config, SEEDS)
    words = ["real people; one of two also on rendered ones", "committee of two `mirror_net`", "both"]
    yield _row(words, found, probabilities)


def by_svm(source: Path) -> str:
    """Measure a support vector machine and return the table as Markdown."""
    from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.micro_expressions.published_features import read_published_features

    rows = []
    for name, crops in (("as published", None), ("aligned", source / _CROPS)):
        samples, _ = read_published_features(source / _FEATURES, source / _TABLE, crops)
        classes = support_vector_machine(samples)
        found = ExpressionEvaluation(samples, classes[None], "loso", ExpressionConfig(), ())
        rows.append(_row(["real people", "support vector machine", name], found))
    return table(_COLUMNS, rows)


def by_ststnet(source: Path, checkout: Path, seeds: int) -> str:
    """Measure STSTNet by the authors' program and return the table as Markdown."""
    import numpy as np

    from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.micro_expressions.published_features import picture_name, read_published_features

    published, _ = read_published_features(source / _FEATURES, source / _TABLE)
    subjects = [name.split("/")[1] for name in published.subjects]
    clips = [name.split("/")[1] for name in published.clips]
    folder = source / _FEATURES
    pictures = [folder / picture_name(*names) for names in zip(subjects, clips, strict=True)]
    runs = {"authors' weights": [{"weights": checkout / "STSTNet_Weights"}]}
    if seeds:
        runs[f"trained anew, {seeds} seeds"] = [{"seed": seed} for seed in range(seeds)]
    rows = []
    for what, settings in runs.items():
        classes = np.stack([ststnet(pictures, published.labels, subjects, **each) for each in settings])
        found = ExpressionEvaluation(published, classes, "loso", ExpressionConfig("ststnet"), ())
        rows.append(_row(["real people", f"STSTNet, {what}", "as published"], found))
    return table(_COLUMNS, rows)


def _shipped(people, samples):
    """Train as the recipe of `expression` does, for each seed, and classify real people."""
    import numpy as np
    from scipy.special import softmax

    from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
    from keras_models.training.ensemble_training import fit_ensemble
    from keras_models.training.expression_training_config import ExpressionConfig
    from keras_models.training.train_expression import held_out_temperature

    by_seed = []
    for seed in range(SEEDS):
        config = ExpressionConfig(balance=0.5, ensemble_size=4, seed=seed)
        everybody = np.ones((len(people.labels), config.ensemble_size), bool)
        model = fit_ensemble(people.features, people.labels, np.array(people.subjects), everybody, config)
        logits = model.predict(samples.features, verbose=0) / held_out_temperature(people, config)
        by_seed.append(softmax(logits, axis=-1).mean(axis=1))
    probabilities = np.stack(by_seed)
    return ExpressionEvaluation(samples, probabilities.argmax(axis=-1), "rendered", config, ()), probabilities


def _row(words: list[str], found, probabilities=None) -> list[str]:
    import numpy as np

    from keras_models.evaluation.evaluate_expression import FULL
    from keras_models.training.calibration.classifier_calibration import expected_calibration_error

    mean = found.mean(FULL)
    runs = [one.uf1 for one in found.scores(FULL)]
    spread = f" ± {np.std(runs):.3f}" if len(runs) > 1 else ""
    recalls = np.mean([one.recall for one in found.scores(FULL)], axis=0)
    error = "-"
    if probabilities is not None:
        labels = found.samples.labels
        error = f"{np.mean([expected_calibration_error(each, labels) for each in probabilities]):.2f}"
    return [
        *words,
        f"{mean['uf1']:.3f}{spread}",
        f"{mean['uf1_low']:.2f}-{mean['uf1_high']:.2f}",
        f"{mean['uar']:.3f}",
        f"{mean['precision']:.3f}",
        *(f"{found.mean(name)['uf1']:.3f}" for name in ("casme2", "smic", "samm")),
        *(f"{value:.2f}" for value in recalls),
        error,
    ]


def main() -> None:
    """Print the table, and with `--write` put it into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifiers.real_people", description=__doc__)
    parser.add_argument("source", type=Path, metavar="DIR", help="checkout of wangzhifengharrison/HTNet")
    parser.add_argument("--rendered", type=Path, help="folder of the rendered corpora casme2 and samm")
    parser.add_argument("--svm", action="store_true", help="measure a support vector machine")
    parser.add_argument("--ststnet", type=Path, metavar="DIR", help="checkout of christy1206/STSTNet")
    parser.add_argument("--ststnet-seeds", type=int, default=0, metavar="N", help="also train STSTNet")
    parser.add_argument("--write", action="store_true", help="put the table into docs/real_people.md")
    options = parser.parse_args()
    if options.svm:
        return publish(_PAGE, "svm", by_svm(options.source), options.write)
    if options.ststnet:
        found = by_ststnet(options.source, options.ststnet, options.ststnet_seeds)
        return publish(_PAGE, "ststnet", found, options.write)
    with tempfile.TemporaryDirectory() as scratch:
        found = real_people(options.source, options.rendered or Path(scratch))
    publish(_PAGE, "real people", found, options.write)


if __name__ == "__main__":
    main()
