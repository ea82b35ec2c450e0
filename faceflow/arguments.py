"""Types of the arguments that several commands take."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

Frame1 = Positional[Annotated[Path, arg(metavar="FRAME1")]]
Frame2 = Positional[Annotated[Path, arg(metavar="FRAME2")]]
Folder = Positional[Annotated[Path, arg(metavar="FOLDER")]]
Corpora = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME=DIR")]
Out = Annotated[Path, arg(aliases=["-o"])]
