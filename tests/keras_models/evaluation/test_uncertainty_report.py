import numpy as np

from keras_models.evaluation.evaluate_uncertainty import UncertaintyEvaluation
from keras_models.evaluation.uncertainty_report import (
    calibration_table,
    uncertainty_table,
    write_uncertainty_report,
)
from keras_models.evaluation.uncertainty_scores import calibrate, score_uncertainty

ERROR = np.repeat([0.1, 1.0], 500)


def evaluation(uncertainty, occluded):
    scores = {"00000": score_uncertainty(ERROR, uncertainty)}
    return UncertaintyEvaluation(scores, calibrate(ERROR, uncertainty), occluded)


def test_tables_and_page(tmp_path):
    evaluations = {
        "contrary": evaluation(2 - ERROR, {}),
        "twice": evaluation(2 * ERROR, {"00000": True, "00001": False}),
    }
    table = uncertainty_table(evaluations)
    assert [row[0] for row in table.rows] == ["twice", "contrary"]
    assert table.rows[0][1:] == ["0.550", "0.000", f"{0.1 / 0.55:.3f}", "50%"]
    assert table.rows[1][-1] == ""
    assert calibration_table(evaluations["twice"]).rows == [
        ["0.200", "0.100", "0.50", "50.0%"],
        ["2.000", "1.000", "0.50", "50.0%"],
    ]
    write_uncertainty_report(tmp_path / "x.html", evaluations)
    page = (tmp_path / "x.html").read_text()
    assert "twice has the smallest area" in page
    assert page.count("data:image/png") == 2
