"""`faceflow evaluate uncertainty`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, progress
from faceflow.operation_threads import one_thread_per_operation


def evaluate_uncertainty(
    pairs: Folder,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    json: Path | None = None,
    report: Path | None = None,
) -> None:
    """Compare the uncertainty of flow methods with their true error, on pairs with known flow.

    Args:
        pairs: Folder with NNNNN_img1.png, NNNNN_img2.png, NNNNN_flow.flo.
        method: Flow method with an uncertainty: a preset, the folder of a training run or SavedModel of a
            network that estimates its error, or consistency:METHOD, the forward-backward difference of any
            method. Repeat the option for several. By default default, fast,
            consistency:default and consistency:dis_fine.
        json: File for all figures, as JSON.
        report: File for a page with curves and tables, as HTML.
    """
    from pipelines.files import check_outputs, write_json
    from pipelines.io.pairs import list_pairs

    check_outputs(json, report)
    count = len(list_pairs(pairs))
    one_thread_per_operation()

    from keras_models.evaluation.evaluate_uncertainty import evaluate_uncertainty as evaluate
    from keras_models.evaluation.uncertainty_report import uncertainty_table, write_uncertainty_report
    from keras_models.inference.uncertainty import get_uncertain_estimator

    names = method or ("default", "fast", "consistency:default", "consistency:dis_fine")
    methods = {name: get_uncertain_estimator(name) for name in names}
    with progress("evaluate", count) as step:
        evaluations = evaluate(pairs, methods, on_pair=step)
    if json:
        content = {"methods": {name: one.to_json() for name, one in evaluations.items()}}
        write_json(json, content)
    if report:
        write_uncertainty_report(report, evaluations)
    table = uncertainty_table(evaluations)
    print_table(table.columns, table.rows)
