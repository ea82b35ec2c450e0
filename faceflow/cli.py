"""`faceflow COMMAND ...`: finds the command, parses its arguments, and reports an error in one line."""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Command -> (module:function, description). A module is imported when its command runs, so that `--help` does
# not wait for TensorFlow.
COMMANDS = {
    ("demo",): ("faceflow.commands.demo:demo", "run everything once, end to end, and write report.html"),
    ("flow",): ("faceflow.commands.flow:flow", "estimate the flow of a pair of frames or of a clip"),
    ("analyze",): (
        "faceflow.commands.analyze:analyze",
        "measure the motion of a face over a clip, as tables, events and a video",
    ),
    ("label",): ("faceflow.commands.label:label", "compute a flow label of a pair from its facial landmarks"),
    ("expression",): (
        "faceflow.commands.expression:expression",
        "classify the micro-expression of a clip or pair",
    ),
    ("spot",): ("faceflow.commands.analyze:spot", "find the micro-expressions of a long clip"),
    ("features",): (
        "faceflow.commands.write_features:write_features",
        "write u, v and optical strain of pairs or a corpus",
    ),
    ("render", "pairs"): (
        "faceflow.commands.render:render_pairs",
        "render faces with exact flow, as a pair folder",
    ),
    ("render", "clips"): (
        "faceflow.commands.render:render_clips",
        "render clips with exact flow from the first frame to every other",
    ),
    ("render", "corpus"): (
        "faceflow.commands.render:render_corpus",
        "render clips in the layout of a real corpus",
    ),
    ("corpus",): ("faceflow.commands.corpus:corpus", "check a corpus on disk against the published counts"),
    ("build",): ("faceflow.commands.build:build", "build training records from clips"),
    ("train", "flow"): ("faceflow.commands.train:train_flow", "train a flow network on records or pairs"),
    ("train", "expression"): (
        "faceflow.commands.train:train_expression",
        "train a micro-expression classifier",
    ),
    ("evaluate", "flow"): (
        "faceflow.commands.evaluate:evaluate_flow",
        "compare flow methods on pairs with known flow",
    ),
    ("evaluate", "expression"): (
        "faceflow.commands.evaluate:evaluate_expression",
        "evaluate a classifier, leave-one-subject-out",
    ),
    ("evaluate", "spotting"): (
        "faceflow.commands.evaluation.spotting_command:evaluate_spotting",
        "evaluate spotting in long videos, by the protocol of MEGC",
    ),
    ("evaluate", "clips"): (
        "faceflow.commands.evaluation.clips_command:evaluate_clips",
        "compare flow methods and the tracker on clips with known flow",
    ),
    ("evaluate", "uncertainty"): (
        "faceflow.commands.evaluation.uncertainty_command:evaluate_uncertainty",
        "compare the uncertainty of flow methods with their true error",
    ),
    ("export", "flow"): (
        "faceflow.commands.export:export_flow",
        "export a flow network for TensorFlow Serving",
    ),
    ("export", "expression"): (
        "faceflow.commands.export:export_expression",
        "export a classifier with its flow network",
    ),
    ("web",): ("faceflow.commands.servers.web:web", "serve a page that estimates flow in the browser"),
    ("serve",): ("faceflow.commands.servers.serve:serve", "serve exported models over gRPC and REST"),
}


def main() -> None:
    """Run the command line.

    The exit code is 2 for a usage or input error, 130 for Ctrl-C, and 143 for SIGTERM (of batch systems).
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # keep TensorFlow's notices off stderr
    from pipelines.errors import InputError

    try:
        with _stopping_at_signals():
            run(sys.argv[1:])
    except InputError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ImportError as error:
        if "libGL" not in str(error) and "libgthread" not in str(error):
            raise
        _fail(
            f"OpenCV needs system libraries ({error}); on Debian/Ubuntu: apt-get install libgl1 libglib2.0-0"
        )


@contextmanager
def _stopping_at_signals() -> Iterator[None]:
    """Exit with one word after Ctrl-C or SIGTERM, once what is half-written is removed.

    A signal raises an exception. It is also noted, because native code, as TensorFlow's, may turn the
    exception into an error of its own.
    """
    received: list[int] = []

    def stop(number: int, frame: object) -> None:
        received.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        signal.signal(number, signal.SIG_IGN)  # once: the second would stop the removal
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    # A shell starts the background jobs of a script with SIGINT ignored, and so it stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    try:
        yield
    except BaseException:
        if not received:
            raise
        print("interrupted" if received[0] == signal.SIGINT else "terminated", file=sys.stderr)
        sys.exit(128 + received[0])


def run(arguments: list[str]) -> None:
    """Run one command.

    Args:
        arguments: Words after `faceflow`.
    """
    for length in (2, 1):
        words = tuple(arguments[:length])
        if words in COMMANDS:
            import tyro

            module, function = COMMANDS[words][0].split(":")
            command = getattr(importlib.import_module(module), function)
            translate = getattr(command, "translate", list)  # for options in the form of another program
            tyro.cli(command, prog=" ".join(("faceflow", *words)), args=translate(arguments[length:]))
            return
    if arguments == ["--version"]:
        from faceflow import __version__

        print(f"faceflow {__version__}")
        return
    asked = arguments and arguments[0] in ("-h", "--help", "help")
    group = {words: what for words, what in COMMANDS.items() if arguments and words[0] == arguments[0]}
    _print_usage(group or COMMANDS, sys.stdout if asked or not arguments else sys.stderr)
    if arguments and not asked and "--help" not in arguments:
        _fail(f"no command {' '.join(arguments[:2])!r}")


def _print_usage(commands: dict, stream) -> None:
    width = max(len(" ".join(words)) for words in commands) + 2
    print("faceflow: optical flow for faces, and micro-expression recognition\n", file=stream)
    for words, (_, what) in commands.items():
        print(f"  faceflow {' '.join(words):<{width}}{what}", file=stream)
    print("\nEach command has --help. To begin with: faceflow demo. Version: faceflow --version", file=stream)


def _fail(message: str) -> None:
    one_line = " ".join(message.split())
    print(f"faceflow: {one_line}", file=sys.stderr)
    sys.exit(2)
