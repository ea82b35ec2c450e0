import os

import pytest

from faceflow.operation_threads import one_thread_per_operation


@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("4", "4")])
def test_the_environment_of_the_user_wins(monkeypatch, given, expected):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", given or "")
    if given is None:
        monkeypatch.delenv("TF_NUM_INTRAOP_THREADS")
    one_thread_per_operation()
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == expected
