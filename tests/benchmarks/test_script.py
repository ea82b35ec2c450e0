import pytest

from benchmarks.common.script import run_script

HEADER = "# /// script\n# dependencies = []\n# ///\n"


def script(folder, *lines):
    path = folder / "double.py"
    path.write_text(HEADER + "import json, sys\n" + "\n".join(lines) + "\n")
    return path


def test_a_script_answers_its_request(tmp_path):
    path = script(
        tmp_path,
        "request = json.load(open(sys.argv[1]))",
        "json.dump({'doubled': [2 * k for k in request['numbers']]}, open(sys.argv[2], 'w'))",
    )
    assert run_script(path, {"numbers": [1, 2.5]}) == {"doubled": [2, 5.0]}


def test_a_script_that_fails_is_named(tmp_path):
    with pytest.raises(RuntimeError, match=r"double\.py did not run.*exit status 3"):
        run_script(script(tmp_path, "sys.exit(3)"), {})
