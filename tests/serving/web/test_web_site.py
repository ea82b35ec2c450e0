import hashlib
import json
import re

import onnx
import pytest

from pipelines.errors import InputError
from pipelines.io.images import read_image
from serving.web import web_site
from serving.web.web_site import check_model, write_site

PAGE = web_site._PAGE


def test_the_site_lists_what_it_must_hold(web_package, onnx_model, tmp_path):
    site = tmp_path / "site"
    write_site(site, onnx_model("frames"), web_package, "mine")
    about = json.loads((site / "site.json").read_text())
    assert about["name"] == "mine"
    assert about["files"].keys() == {"model", "wasm", "webgpu"}
    for entry in about["files"].values():
        data = (site / entry["path"]).read_bytes()
        assert entry["bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
    assert (site / about["files"]["model"]["path"]).read_bytes() == onnx_model("frames").read_bytes()


def test_everything_that_the_page_names_is_there(web_package, onnx_model, tmp_path):
    write_site(tmp_path / "site", onnx_model("frames"), web_package)
    named = set()
    for file in (tmp_path / "site").glob("*.*"):
        if file.suffix in (".js", ".html"):
            named |= set(re.findall(r'"(?:\./)?([\w./-]+\.(?:m?js|css|png|json))"', file.read_text()))
    assert len(named) > 12
    assert [name for name in named if not (tmp_path / "site" / name).exists()] == []


def test_nothing_comes_from_elsewhere():
    for file in PAGE.iterdir():
        if file.suffix != ".png":
            assert not re.findall(r"(?:\w+:)?//[a-z]", file.read_text().replace("https:// ", "")), file.name


def test_the_sample_is_one_person_at_two_moments():
    first, second = (read_image(PAGE / f"sample{k}.png") for k in (1, 2))
    assert first.shape == second.shape == (256, 256, 3)
    difference = abs(first.astype(int) - second).max(axis=-1)
    assert 0.01 < (difference > 40).mean() < 0.1


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("text", "not an ONNX model, or cut short"),
        ("cut short", "not an ONNX model, or cut short"),
        ("empty", "not an ONNX model, or cut short"),
        ("operation", r"ONNX Runtime [\d.]+ cannot run it \(No Op registered for Imaginary [^\n]*\)$"),
        ("two inputs", "takes frame1, frame2; the page needs the input frames"),
        ("a folder", "a folder without preset.json"),
        ("absent", "no such file or folder"),
    ],
)
def test_a_model_that_the_page_cannot_use(damage, says, web_package, onnx_model, tmp_path):
    model = onnx_model("frame1", "frame2")
    if damage == "cut short":
        model.write_bytes(model.read_bytes()[:-20])
    elif damage == "empty":
        model.write_bytes(b"")
    elif damage == "operation":
        changed = onnx.load(str(model))
        changed.graph.node[0].op_type = "Imaginary"
        onnx.save(changed, str(model))
    elif damage == "text":
        model.write_text("not a model")
    elif damage != "two inputs":
        model.unlink()
    if damage == "a folder":
        model.mkdir()
    with pytest.raises(InputError, match=says) as raised:
        write_site(tmp_path / "site", model, web_package)
    assert str(raised.value).startswith(f"{model}: ")
    assert not (tmp_path / "site").exists()
    with pytest.raises(InputError):
        check_model(model)


def test_a_folder_with_something_in_it_is_kept(web_package, onnx_model, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is a folder with something in it"):
        write_site(tmp_path / "site", onnx_model("frames"), web_package)
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]
