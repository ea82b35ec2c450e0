"""`faceflow evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import OmitArgPrefixes, UseAppendAction, arg

from faceflow.arguments import Corpora, Folder
from faceflow.console import gauge, print_table, progress, say, say_skipped
from faceflow.operation_threads import one_thread_per_operation
from keras_models.training.expression_training_config import ExpressionConfig

if TYPE_CHECKING:
    from pipelines.micro_expressions.samples import Samples


def evaluate_flow(
    pairs: Folder,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    save: Path | None = None,
    json: Path | None = None,
    report: Path | None = None,
) -> None:
    """Compare flow methods on a folder of pairs with known flow.

    Args:
        pairs: Folder with NNNNN_img1.png, NNNNN_img2.png, NNNNN_flow.flo.
        method: Flow method; repeat the option for several. default, fast or flownet_s (the networks that come
            with FaceFlow), zero, dis_fast, dis_medium, dis_fine, farneback, tvl1, deepflow, label:sparse,
            label:mesh, label:mesh_matched, label:spline, label:refined, or the folder of a training run or
            SavedModel. By default all named methods.
        save: Folder to save every flow in, as SAVE/METHOD/NNNNN.flo.
        json: File for all errors, as JSON.
        report: File for a page with tables and pictures, as HTML.
    """
    from pipelines.files import check_outputs, write_json
    from pipelines.io.pairs import list_pairs

    # Before the slow imports, so that a wrong path is reported at once.
    check_outputs(json, report)
    count = len(list_pairs(pairs))
    one_thread_per_operation()

    from keras_models.evaluation.evaluate_flow import evaluate_flow as evaluate
    from keras_models.evaluation.flow_report import flow_table, write_flow_report
    from keras_models.inference.estimators import ESTIMATORS, get_estimator

    methods = {name: get_estimator(name) for name in method or ESTIMATORS}
    with progress("evaluate", count) as step:
        evaluation = evaluate(pairs, methods, save, on_pair=step)
    for failure in evaluation.failures:
        say(f"pair {failure.pair}, {failure.method}: {failure.failure}")
    if json:
        write_json(json, evaluation.to_json())
    if report:
        write_flow_report(report, evaluation, methods)
    table = flow_table(evaluation)
    print_table(table.columns, table.rows)


def evaluate_expression(
    config: OmitArgPrefixes[ExpressionConfig],
    corpus: Corpora = (),
    features: Path | None = None,
    table: Path | None = None,
    crops: Path | None = None,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    split: str = "loso",
    seeds: int = 3,
    keep_head: bool = False,
    task: str = "composite",
    json: Path | None = None,
    report: Path | None = None,
) -> None:
    """Train and test classifiers of micro-expressions on corpora, subject-independent.

    Features and finished folds are cached in ~/.cache/faceflow, so an interrupted command continues when it
    is run again.

    Args:
        corpus: Corpus as casme2=DIR, samm=DIR or smic=DIR; repeat the option for the composite of MEGC 2019.
        config: How to train.
        features: Folder of published features in place of --corpus: 28 x 28 pictures of u, v and strain in
            the layout of STSTNet and HTNet. Their 8 bits store neither zero motion nor scale, so the medians
            of u and v are taken as zero.
        table: CSV file for --features with the columns dataset, sub, filename_o, label and imagename.
        crops: Folder of the apex crops named in --table. The features are aligned by their landmarks.
        method: Flow method that computes the features; repeat the option to compare several. By default the
            network that comes with FaceFlow.
        split: Split of the subjects: loso (leave one subject out), 3-fold, or cross-corpus (leave one corpus
            out).
        seeds: Number of seeds; scores are means over them.
        keep_head: Keep the head motion in the flow.
        task: Labels to recognise: composite (the three classes of MEGC 2019), emotions5 (of CASME II),
            emotions5_samm, emotions7, or action_units (12 units, binary F1 averaged). All tasks except
            composite also take other corpora (docs/corpora.md), and have no report.
        json: File for all scores and predictions, as JSON.
        report: File for a page with tables and confusion matrices, as HTML.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs, write_json

    check_outputs(json, report)
    if bool(corpus) == bool(features):
        raise InputError("give either --corpus NAME=DIR or --features DIR")
    if features and not table:
        raise InputError("--features needs --table CSV, which names clips, subjects and labels")
    if not features and (table or crops):
        raise InputError("--table and --crops belong to --features")
    if features and (method or keep_head):
        raise InputError("--method and --keep-head are for --corpus; --features are computed already")
    if features and task != "composite":
        raise InputError("--features have the three classes of the composite; --task is for --corpus")
    if task != "composite":
        from faceflow.commands.evaluation.expression_task import run_task

        return run_task(task, corpus, config, method or ("default",), split, seeds, keep_head, json, report)

    from keras_models.evaluation.evaluate_expression import evaluate_expression as evaluate
    from keras_models.evaluation.expression_report import score_table, write_expression_report
    from keras_models.inference.expression_samples import open_samples
    from pipelines.files import cache_folder

    evaluations = {}
    if features:
        samples = _published(features, table, crops)
        with gauge("folds") as show:
            evaluations["published"] = evaluate(samples, config, cache_folder() / "folds", split, seeds, show)
    for name in () if features else method or ("default",):
        with gauge(f"features, {name}") as show:
            samples, _ = open_samples(corpus, name, not keep_head, show)
        with gauge(f"folds, {name}") as show:
            evaluations[name] = evaluate(samples, config, cache_folder() / "folds", split, seeds, show)
    first = next(iter(evaluations.values()))
    say_skipped({name: one.samples.issues for name, one in evaluations.items()})
    for note in first.notes:
        say(note)
    if repaired := sum(issue.kind == "repaired" for issue in first.samples.issues):
        say(f"{repaired} issues of the corpora repaired; --report and --json list them")
    if json:
        content = {name: evaluation.to_json() for name, evaluation in evaluations.items()}
        write_json(json, content)
    if report:
        write_expression_report(report, evaluations)
    table = score_table(evaluations)
    print_table(table.columns, table.rows)


def _published(features: Path, table: Path, crops: Path | None) -> "Samples":
    """Read published features, and print their counts beside the published ones."""
    from pipelines.micro_expressions.published_features import read_published_features

    samples, counts = read_published_features(features, table, crops)
    print_table(
        ("clips", "found", "published"), [(one.what, str(one.found), str(one.published)) for one in counts]
    )
    return samples
