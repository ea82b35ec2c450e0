"""The same classifier on the features of each flow method, on rendered corpora of the composite's size.

`python -m benchmarks.expressions [FOLDER]` renders into FOLDER, or a temporary one, and prints; with
`--write` the table goes into docs/expressions.md.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.page import circumstances, write

METHODS = ("default", "dis_medium", "dis_fine", "farneback", "tvl1", "deepflow", "label:mesh")
SEEDS = 3
_PAGE = Path(__file__).parents[1] / "docs" / "expressions.md"


def comparison(folder: Path) -> str:
    """UF1 and UAR of each method with our classifier, and of STSTNet on the default flow."""
    from keras_models.evaluate_expression import evaluate_expression
    from keras_models.expression_config import ExpressionConfig
    from keras_models.expression_samples import cache_folder, open_samples
    from pipelines.corpora.composite import PUBLISHED
    from pipelines.faces.corpora import CODED, render_corpus

    for name in PUBLISHED:
        render_corpus(name, folder / name, coded_frames=name in CODED)
    corpora = [f"{name}={folder / name}" for name in PUBLISHED]
    published = ExpressionConfig("ststnet", epochs=500, batch=256, learning_rate=5e-5, weight_decay=0.0)
    runs = [(method, ExpressionConfig()) for method in METHODS] + [("default", published)]
    lines = []
    for method, config in runs:
        begin = time.monotonic()
        samples, _ = open_samples(corpora, method)
        between = time.monotonic()
        found = evaluate_expression(samples, config, cache_folder() / "folds", seeds=SEEDS)
        minutes = (between - begin) / 60, (time.monotonic() - between) / 60
        mean = found.mean("full")
        parts = " | ".join(f"{found.mean(name)['uf1']:.3f}" for name in found.parts if name != "full")
        lines.append(
            f"| `{method}` | `{config.network}` | {mean['uf1']:.3f} ± {mean['uf1_spread']:.3f} | "
            f"{mean['uf1_low']:.3f}-{mean['uf1_high']:.3f} | {mean['uar']:.3f} | {mean['precision']:.3f} | "
            f"{parts} | {minutes[0]:.1f} | {minutes[1]:.1f} |"
        )
        print(lines[-1], flush=True)
    head = (
        f"{len(samples.labels)} rendered clips of {len(set(samples.subjects))} subjects, leave one subject "
        f"out, {SEEDS} seeds: mean ± spread, bootstrap interval over subjects. Minutes for the features (0 "
        "where they were kept from an earlier run) and for all folds of all seeds.\n\n"
        "| flow | classifier | UF1 | 95 % | UAR | precision | CASME II | SAMM | SMIC | features | folds |\n"
        "|---|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(lines)


def main(arguments: tuple[str, ...] = ()) -> None:
    """Print the table, and with `--write` put it into the page."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    folders = [word for word in arguments if not word.startswith("--")]
    with tempfile.TemporaryDirectory() as scratch:
        text = f"{comparison(Path(folders[0] if folders else scratch))}\n\n{circumstances()}"
    print(text, flush=True)
    if "--write" in arguments:
        write(_PAGE, "comparison", text)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
