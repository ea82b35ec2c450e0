from contextlib import contextmanager

import pytest

from pipelines.errors import InputError
from serving.rollout import infra_validator
from serving.rollout.infra_validator import serve_candidate


@pytest.fixture
def folders(tmp_path):
    """A candidate in a scratch folder, and the versions 1 and 2."""
    for name in ("scratch/version", "face_flow/1", "face_flow/2"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "scratch" / "version", tmp_path / "face_flow" / "1", tmp_path / "face_flow" / "2"


class Server:
    def check_alive(self):
        pass


def test_a_second_baseline_after_a_push_meanwhile(folders, monkeypatch):
    served = []

    @contextmanager
    def server(folder, names):
        served.append({path.name: path.resolve() for path in (folder / names[0]).iterdir()})
        yield Server()

    monkeypatch.setattr(infra_validator, "candidate_server", server)
    candidate, first, second = folders
    for baseline in (None, first, second):
        with serve_candidate(candidate, baseline, "face_flow"):
            pass
    assert served == [{"1": candidate}, {"2": candidate, "1": first}, {"3": candidate, "2": second}]


def test_a_baseline_that_cannot_be_served_is_named(folders, monkeypatch):
    candidate, first, _ = folders
    damaged = "1"

    @contextmanager
    def server(folder, names):
        path = folder / names[0] / damaged
        raise InputError(f"it terminates the server (exit code 1: {path}: damaged SavedModel)")
        yield

    monkeypatch.setattr(infra_validator, "candidate_server", server)
    expected = rf"latest version, with which it is to be compared, cannot be served .*{first}: damaged"
    with pytest.raises(InputError, match=expected), serve_candidate(candidate, first, "face_flow"):
        pass
    damaged = "2"
    with pytest.raises(InputError, match="it terminates"), serve_candidate(candidate, first, "face_flow"):
        pass
