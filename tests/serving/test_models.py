import re
import shutil

import grpc
import pytest

from pipelines.errors import InputError
from serving.models import Models, find_models
from serving.refusal import Refusal
from serving.stubs import model_pb2, predict_pb2
from serving.tensors import to_proto
from serving.warmup import write_warmup


@pytest.fixture
def copies(version, tmp_path):
    """A base folder with the exported version under a number."""

    def copy(number: int):
        return shutil.copytree(version, tmp_path / "face_flow" / str(number))

    return copy


def spec(**fields):
    message = model_pb2.ModelSpec(name="face_flow")
    if "version" in fields:
        message.version.value = fields["version"]
    else:
        message.version_label = fields.get("label", "")
    return message


def test_latest_is_the_greatest_number_not_the_last_name(copies, tmp_path):
    copies(9)
    copies(10)
    found = Models(tmp_path).find(model_pb2.ModelSpec(name="face_flow"))
    assert (found.name, found.version) == ("face_flow", 10)


def test_half_written_versions_are_left_out(copies, tmp_path, caplog):
    copies(5)
    (copies(6) / "variables" / "variables.index").unlink()
    (copies(7) / "saved_model.pb").unlink()
    copies(8).rename(tmp_path / "face_flow" / ".8.part")
    copies(9).rename(tmp_path / "face_flow" / "9.bak")
    (tmp_path / "face_flow" / "11").write_text("a file")
    assert list(find_models(tmp_path)["face_flow"]) == [5]
    assert "face_flow/6: not a whole SavedModel" in caplog.text


def test_label_leads_to_its_version(copies, tmp_path):
    copies(3)
    models = Models(tmp_path, labels={"face_flow": {"stable": 3, "gone": 2}})
    assert models.find(spec(label="stable")).version == 3
    with pytest.raises(Refusal, match=r"^Servable not found for request: Specific\(face_flow, 2\)$"):
        models.find(spec(label="gone"))
    with pytest.raises(Refusal, match=r"^Unrecognized servable version label: canary$") as caught:
        models.find(spec(label="canary"))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_setting_a_label_clears_the_version():
    both = spec(version=3)
    both.version_label = "stable"
    assert both.WhichOneof("version_choice") == "version_label"


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("saved_model.pb", b"not a graph"),
        ("saved_model.pb", b""),
        ("variables/variables.index", b"not an index"),
        ("variables/variables.data-00000-of-00001", b"short"),
        ("variables/variables.data-00000-of-00001", None),
        ("assets.extra/tf_serving_warmup_requests", b"not records at all"),
    ],
)
def test_damaged_version(copies, tmp_path, part, content):
    path = copies(5) / part
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"face_flow/5.*(export|no graph)"):
        Models(tmp_path)


def test_version_whose_warmup_fails(copies, tmp_path, frames):
    folder = copies(5)
    request = predict_pb2.PredictRequest(inputs={"frame1": to_proto(frames((1, 8, 8, 3))[0])})
    write_warmup(folder, [request])
    with pytest.raises(InputError, match=r"face_flow/5: its own warm-up request fails \(input size"):
        Models(tmp_path)


def test_no_models(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_models(tmp_path / "nowhere")
    (tmp_path / "face_flow").mkdir()
    with pytest.raises(InputError, match=r"no models here.*faceflow export"):
        find_models(tmp_path)


def test_a_model_in_place_of_the_base_folder(version):
    with pytest.raises(
        InputError, match=re.escape(f"give the folder that holds it, {version.parent.parent}")
    ):
        find_models(version.parent)
