#!/bin/sh
# pyarrow 26 cannot be imported beside NumPy 1, and declares no requirement from which a resolver could know it.
#
# NumPy is an optional companion of pyarrow, so that its metadata names none. Up to 25.0.1 it works with NumPy 1.26;
# from 26.0.1 on `import pyarrow` raises ImportError ("pyarrow requires NumPy 2.0 or newer"). pip and uv install the pair
# without a word, and whoever is held at NumPy 1 (TensorFlow 2.15, MediaPipe 0.10) has to bound pyarrow below 26 by hand.
#
# Seen, and checked here: pyarrow 26.0.1 and 25.0.1 beside NumPy 1.26.4.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 26.0.1 25.0.1; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet --disable-pip-version-check "pyarrow==$version" "numpy==1.26.4"
  "$folder/$version/bin/pip" check
done
"$folder/26.0.1/bin/python" - <<'PYTHON'
from importlib.metadata import requires

import numpy

assert numpy.__version__ == "1.26.4"
named = [line for line in requires("pyarrow") or () if line.lower().startswith("numpy") and "extra" not in line]
assert named == [], named
try:
    import pyarrow
except ImportError as error:
    print("pyarrow 26.0.1:", error)
    assert "NumPy 2.0" in str(error)
else:
    raise SystemExit(f"pyarrow {pyarrow.__version__} was imported beside NumPy 1")
PYTHON
"$folder/25.0.1/bin/python" - <<'PYTHON'
import pyarrow

table = pyarrow.table({"x": [1.0, 2.0]})
print("pyarrow", pyarrow.__version__, "beside NumPy 1:", table["x"].to_numpy().sum())
assert table["x"].to_numpy().sum() == 3.0
PYTHON
