"""`faceflow evaluate expression --task`: labels beyond the three classes of the composite."""

from collections.abc import Sequence
from pathlib import Path

from faceflow.console import gauge, print_table, say, say_skipped
from keras_models.training.expression_training_config import ExpressionConfig


def run_task(
    name: str,
    corpora: Sequence[str],
    config: ExpressionConfig,
    methods: Sequence[str],
    split: str,
    seeds: int,
    keep_head: bool,
    json: Path | None,
    report: Path | None,
) -> None:
    """Evaluate a task; see `evaluate_expression` for the arguments.

    Raises:
        InputError: If the task is unknown, a corpus does not have its labels, or a report is requested.
    """
    from pipelines.errors import InputError
    from pipelines.files import cache_folder, write_json

    if report:
        raise InputError("--report is available for --task composite only; use --json")

    from keras_models.evaluation.evaluate_task import evaluate_task, task_table
    from keras_models.inference.expression_samples import open_samples

    evaluations = {}
    for method in methods:
        with gauge(f"features, {method}") as show:
            samples, _ = open_samples(corpora, method, not keep_head, show, name)
        with gauge(f"networks, {method}") as show:
            evaluations[method] = evaluate_task(samples, config, cache_folder() / "folds", split, seeds, show)
    first = next(iter(evaluations.values()))
    say_skipped({method: one.samples.issues for method, one in evaluations.items()})
    if first.untrained:
        units = ", ".join(sorted({unit for _, unit in first.untrained}))
        say(f"in some folds all training samples show {units}, or none does; these folds predict the same")
    if json:
        content = {method: one.to_json() for method, one in evaluations.items()}
        write_json(json, content)
    table = task_table(evaluations)
    print_table(table.columns, table.rows)
