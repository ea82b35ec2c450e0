"""The package onnxruntime-web of npm, which runs ONNX models in a browser: one version, checked by its hash.

The archive is kept as npm hands it out, and unpacked anew for each site. So one hash says that all of it is
whole, and nothing that was changed or cut short is ever served.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
from pathlib import Path

from pipelines.errors import InputError
from pipelines.files import check_exists, replacing

VERSION = "1.30.0"
#: SHA-512 of the archive, as npm's registry states it.
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
#: File of the archive.
ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"
#: What the page loads of it: for WebAssembly, and for WebGPU.
FILES = (
    *("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    *("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
)
_TIMEOUT = 600  # seconds


def fetch_package(folder: Path) -> Path:
    """Download the package with npm, from the registry that npm is set to; one that is there is kept.

    Args:
        folder: Folder of the archive; created if necessary.

    Returns:
        The archive.

    Raises:
        InputError: If npm is not installed or cannot fetch it, or the archive has another hash.
    """
    target = folder / ARCHIVE
    if target.exists() and _integrity(target.read_bytes()) == INTEGRITY:
        return target
    with replacing(target) as part:
        command = ["npm", "pack", f"onnxruntime-web@{VERSION}", "--silent", "--pack-destination"]
        try:
            done = subprocess.run(
                [*command, str(part.parent)], capture_output=True, text=True, timeout=_TIMEOUT, check=False
            )
        except FileNotFoundError as error:
            raise InputError(
                "--fetch needs the program npm (Debian: apt-get install npm); without it, download "
                f"{ARCHIVE} elsewhere, by npm pack onnxruntime-web@{VERSION}, and give it with --package"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise InputError(f"npm has not fetched {ARCHIVE} after {_TIMEOUT} seconds; try again") from error
        if done.returncode or not part.exists():
            said = (done.stderr.strip() or "no message").splitlines()[-1]
            raise InputError(f"npm cannot fetch {ARCHIVE} ({said}); is there a network connection?")
        _check(part.read_bytes(), part.name, "the registry does not have the package that was tested")
    return target


def check_package(archive: Path) -> None:
    """Raise `InputError` unless a file is the archive of the package, whole and unchanged."""
    data = check_exists(archive).read_bytes() if not archive.is_dir() else b""
    _check(data, str(archive), "get it again with faceflow web --fetch")


def keep_package(archive: Path, folder: Path) -> Path:
    """Copy an archive into the folder that `fetch_package` downloads into, so that it is needed once.

    Returns:
        The copy.

    Raises:
        InputError: As `check_package`.
    """
    check_package(archive)
    target = folder / ARCHIVE
    if archive.resolve() != target.resolve():
        with replacing(target) as part:
            shutil.copyfile(archive, part)
    return target


def unpack_runtime(archive: Path, folder: Path) -> None:
    """Unpack what the page loads.

    Args:
        archive: Archive of the package.
        folder: Folder of `FILES`; created if necessary.

    Raises:
        InputError: If there is no archive, or it is another one, cut short or changed.
    """
    check_package(archive)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"package/dist/{name}": folder / name for name in FILES}
    with tarfile.open(archive) as package:
        for member in package:
            if target := wanted.pop(member.name, None):
                with target.open("wb") as file:
                    shutil.copyfileobj(package.extractfile(member), file)
            if not wanted:
                return
    raise InputError(f"{archive}: lacks {', '.join(sorted(wanted))}")


def _check(data: bytes, name: str, what_to_do: str) -> None:
    if _integrity(data) != INTEGRITY:
        raise InputError(f"{name}: not onnxruntime-web {VERSION}, or cut short ({what_to_do})")


def _integrity(data: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
