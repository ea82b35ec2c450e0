"""`faceflow web`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.console import say


def web(
    model: Positional[Annotated[str, arg(metavar="RUN|PRESET|FILE.onnx")]] = "default",
    port: int = 8510,
    fetch: bool = False,
    package: Annotated[Path | None, arg(metavar="FILE.tgz")] = None,
    out: Annotated[Path | None, arg(aliases=["-o"])] = None,
) -> None:
    """Serve a page on this machine that estimates flow in the browser. Ctrl-C or SIGTERM ends it.

    Two pictures or the camera in; flow in colour, arrows and magnified motion out. The network runs in the
    browser, by onnxruntime-web: pictures are not sent anywhere. Only this machine can open the page.

    The first time, run `faceflow web --fetch`, which downloads onnxruntime-web from npm (33 MB); nothing else
    is ever downloaded. A preset or run is converted to ONNX the first time.

    Args:
        model: Folder of a training run, name of a preset, or a face_flow_frames.onnx of faceflow export.
        port: Port of the page; 0 for any free one.
        fetch: Download the package onnxruntime-web with npm first, unless it is here already.
        package: Archive of onnxruntime-web that npm pack made on another machine, in place of --fetch. It is
            copied, and needed once.
        out: New folder: write the page there as static files, for a web server of yours, and end. There the
            camera needs https, and several threads need the headers Cross-Origin-Opener-Policy: same-origin
            and Cross-Origin-Embedder-Policy: require-corp.
    """
    import tempfile

    from pipelines.errors import InputError
    from pipelines.files import check_outputs

    if fetch and package:
        raise InputError("--fetch and --package are mutually exclusive")
    if not 0 <= port <= 65535:
        raise InputError(f"--port {port}: a port is a number from 0 to 65535")
    if out:
        check_outputs(out)

    from serving.web.web_server import serve_site
    from serving.web.web_site import write_site

    archive = _archive(fetch, package)  # before a conversion that takes a minute
    onnx, name = _model(model)
    if out:
        write_site(out, onnx, archive, name)
        say(f"{out}: the page; index.html is its entrance")
        return
    with tempfile.TemporaryDirectory() as scratch:
        site = Path(scratch) / "site"
        write_site(site, onnx, archive, name)
        serve_site(site, port, lambda address: say(f"open {address} in a browser; Ctrl-C ends it"))


def _archive(fetch: bool, package: Path | None) -> Path:
    from pipelines.errors import InputError
    from serving.web.model_cache import web_folder
    from serving.web.runtime_package import ARCHIVE, check_package, fetch_package, keep_package

    if package:
        return keep_package(package, web_folder())
    archive = web_folder() / ARCHIVE
    if fetch:
        say("fetching onnxruntime-web from npm ...")
        return fetch_package(web_folder())
    if not archive.exists():
        raise InputError(
            f"{archive}: onnxruntime-web, which runs the network in the browser, is not here; run faceflow "
            "web --fetch once, which downloads it from npm, or give the archive with --package once"
        )
    check_package(archive)
    return archive


def _model(model: str) -> tuple[Path, str]:
    """Return the ONNX file of a model, and its name on the page."""
    from keras_models.presets import SHIPPED

    if model not in SHIPPED and Path(model).is_file():
        return Path(model), Path(model).name
    from serving.web.model_cache import cached_onnx

    return cached_onnx(model, lambda: say(f"converting {model} to ONNX ...")), Path(model).name
