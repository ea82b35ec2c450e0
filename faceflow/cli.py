"""`faceflow COMMAND ...`: finds the command, parses its arguments, and says in one line what went wrong."""

import importlib
import os
import sys

# Words of the command -> (module:function, what it does). Modules are imported when their command is run,
# so that `--help` does not wait for TensorFlow.
COMMANDS = {
    ("demo",): (
        "faceflow.commands.demo:demo",
        "the whole chain on what the project carries; writes report.html",
    ),
    ("render", "pairs"): (
        "faceflow.commands.render:render_pairs",
        "rendered faces with exact motion, as a pair folder",
    ),
    ("render", "clips"): (
        "faceflow.commands.render:render_clips",
        "rendered clips with exact flow from their first frame to every other",
    ),
    ("render", "corpus"): (
        "faceflow.commands.render:render_corpus",
        "rendered clips in the layout of a real corpus",
    ),
    ("label",): ("faceflow.commands.label:label", "dense flow of a pair of frames from its facial landmarks"),
    ("corpus",): (
        "faceflow.commands.corpus:corpus",
        "check how a corpus on disk is read, against published counts",
    ),
    ("build",): ("faceflow.commands.build:build", "clips -> records: frames, landmarks, pairs"),
    ("train", "flow"): ("faceflow.commands.train:train_flow", "train a flow network on records or pairs"),
    ("train", "expression"): (
        "faceflow.commands.train:train_expression",
        "train a classifier of micro-expressions on corpora",
    ),
    ("evaluate", "flow"): (
        "faceflow.commands.evaluate:evaluate_flow",
        "flow methods side by side on pairs with truth",
    ),
    ("evaluate", "expression"): (
        "faceflow.commands.evaluate:evaluate_expression",
        "micro-expressions of people never seen: leave one subject out",
    ),
    ("evaluate", "clips"): (
        "faceflow.commands.evaluate_clips:evaluate_clips",
        "flow methods and the tracker on clips with exact flow",
    ),
    ("flow",): (
        "faceflow.commands.flow:flow",
        "flow of a pair of frames, or of a clip, by a network or any method",
    ),
    ("analyze",): (
        "faceflow.commands.analyze:analyze",
        "how a face moves over a clip: tables, events, magnified video, report",
    ),
    ("expression",): (
        "faceflow.commands.expression:expression",
        "recognise the micro-expression of a clip or two frames",
    ),
    ("spot",): ("faceflow.commands.expression:spot", "find the micro-expressions of a long clip"),
    ("export", "flow"): (
        "faceflow.commands.export:export_flow",
        "a trained network as a SavedModel for TF Serving",
    ),
    ("export", "expression"): (
        "faceflow.commands.export:export_expression",
        "a classifier of expressions, with its flow network, for TF Serving",
    ),
    ("serve",): (
        "faceflow.commands.serve:serve",
        "serve exported models over gRPC, as TensorFlow Serving does",
    ),
}


def main() -> None:
    """Run the command line; the exit code is 2 for a mistake of the user's and 130 for Ctrl-C."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notices on stderr are not ours
    from pipelines.errors import InputError

    try:
        run(sys.argv[1:])
    except InputError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ImportError as error:
        if "libGL" not in str(error) and "libgthread" not in str(error):
            raise
        _fail(
            f"OpenCV needs system libraries ({error}); on Debian/Ubuntu: apt-get install libgl1 libglib2.0-0"
        )


def run(arguments: list[str]) -> None:
    """Run one command.

    Args:
        arguments: what stands behind `faceflow`.
    """
    for length in (2, 1):
        words = tuple(arguments[:length])
        if words in COMMANDS:
            import tyro

            module, function = COMMANDS[words][0].split(":")
            command = getattr(importlib.import_module(module), function)
            tyro.cli(command, prog=" ".join(("faceflow", *words)), args=arguments[length:])
            return
    asked = arguments and arguments[0] in ("-h", "--help", "help")
    group = {words: what for words, what in COMMANDS.items() if arguments and words[0] == arguments[0]}
    _print_usage(group or COMMANDS, sys.stdout if asked or not arguments else sys.stderr)
    if arguments and not asked and "--help" not in arguments:
        _fail(f"no command {' '.join(arguments[:2])!r}")


def _print_usage(commands: dict, stream) -> None:
    width = max(len(" ".join(words)) for words in commands) + 2
    print("faceflow: optical flow for faces, and micro-expressions on top of it\n", file=stream)
    for words, (_, what) in commands.items():
        print(f"  faceflow {' '.join(words):<{width}}{what}", file=stream)
    print("\nEach takes --help. A first look: faceflow demo", file=stream)


def _fail(message: str) -> None:
    one_line = " ".join(message.split())
    print(f"faceflow: {one_line}", file=sys.stderr)
    sys.exit(2)
