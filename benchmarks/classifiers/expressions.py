"""The same classifier on the features of each flow method, on rendered corpora of the composite's size.

`python -m benchmarks.classifiers.expressions [FOLDER]` renders into FOLDER, or a temporary one, and prints;
with `--write` the table goes into docs/expressions.md. Features and folds are kept in `~/.cache/faceflow`, so
that it goes on where it was stopped; `--methods` takes some flows only. `--ststnet` adds STSTNet on the
default flow, trained as its authors do in PyTorch, which uv downloads; it takes an hour.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.baselines.ststnet import ststnet
from benchmarks.common.page import publish

METHODS = ("default", "fast", "deepflow", "dis_fine", "dis_medium", "tvl1", "farneback", "label:mesh")
SEEDS = 3
_PAGE = Path(__file__).parents[2] / "docs" / "expressions.md"


def comparison(folder: Path, methods: tuple[str, ...] = METHODS, with_ststnet: bool = False) -> str:
    """UF1 and UAR of each method with our classifier, and of STSTNet on the default flow."""
    from keras_models.evaluation.evaluate_expression import evaluate_expression
    from keras_models.inference.expression_samples import open_samples
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.datasets.composite import PUBLISHED
    from pipelines.files import cache_folder
    from pipelines.synthetic.rendered_corpora import CODED, render_corpus

    for name in PUBLISHED:
        render_corpus(name, folder / name, coded_frames=name in CODED)
    corpora = [f"{name}={folder / name}" for name in PUBLISHED]
    lines = []
    for method in methods:
        samples, _ = open_samples(corpora, method)
        found = evaluate_expression(samples, ExpressionConfig(), cache_folder() / "folds", seeds=SEEDS)
        lines.append(_line(f"| `{method}` | `mirror_net` | {SEEDS} |", found))
    if with_ststnet:
        samples, _ = open_samples(corpora, methods[0])
        lines.append(_line(f"| `{methods[0]}` | STSTNet in PyTorch | 1 |", _by_ststnet(samples)))
    head = (
        f"{len(samples.labels)} rendered clips of {len(set(samples.subjects))} subjects, leave one subject "
        "out: mean ± standard deviation over seeds, bootstrap interval over subjects.\n\n"
        "| flow | classifier | seeds | UF1 | 95 % | UAR | precision | CASME II | SAMM | SMIC |\n"
        "|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(lines)


def _line(words: str, found) -> str:
    mean = found.mean("full")
    parts = " | ".join(f"{found.mean(name)['uf1']:.3f}" for name in found.parts if name != "full")
    line = (
        f"{words} {mean['uf1']:.3f} ± {mean['uf1_std']:.3f} | {mean['uf1_low']:.3f}-{mean['uf1_high']:.3f} | "
        f"{mean['uar']:.3f} | {mean['precision']:.3f} | {parts} |"
    )
    print(line, flush=True)
    return line


def _by_ststnet(samples):
    """Classify rendered people by STSTNet as its authors train it, on pictures of the features."""
    from keras_models.evaluation.evaluate_expression import ExpressionEvaluation
    from keras_models.training.expression_training_config import ExpressionConfig
    from pipelines.io.images import write_image
    from pipelines.micro_expressions.feature_pictures import to_picture

    with tempfile.TemporaryDirectory() as folder:
        pictures = [Path(folder) / f"{k:05d}.png" for k in range(len(samples.labels))]
        for path, features in zip(pictures, samples.features, strict=True):
            write_image(path, to_picture(features))
        classes = ststnet(pictures, samples.labels, samples.subjects)
    return ExpressionEvaluation(samples, classes[None], "loso", ExpressionConfig("ststnet"), ())


def main() -> None:
    """Print the table, and with `--write` put it into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(prog="python -m benchmarks.classifiers.expressions", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="where the corpora are kept")
    parser.add_argument(
        "--methods", nargs="+", default=METHODS, help=f"flows to compare ({', '.join(METHODS)})"
    )
    parser.add_argument("--ststnet", action="store_true", help="also STSTNet, which takes an hour")
    parser.add_argument("--write", action="store_true", help="put the table into docs/expressions.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = comparison(options.folder or Path(scratch), tuple(options.methods), options.ststnet)
    publish(_PAGE, "comparison", found, options.write)


if __name__ == "__main__":
    main()
