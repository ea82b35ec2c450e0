"""Logs as lines of JSON: one object for each request and each event."""

import datetime
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON: time, level, message, and the entries of `extra["fields"]`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.datetime.fromtimestamp(record.created, datetime.UTC)
        line = {
            "time": time.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


# Loggers of the server and of the libraries that it uses.
_LOGGERS = ("serving", "uvicorn", "asyncio", "grpc")


@contextmanager
def logging_to_stderr() -> Iterator[None]:
    """Send the server's log, and that of its libraries, to stderr as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    before = {}
    for name in _LOGGERS:
        log = logging.getLogger(name)
        before[log] = log.level, log.propagate
        log.addHandler(handler)
        log.setLevel(logging.INFO if name == "serving" else logging.WARNING)
        log.propagate = False
    try:
        yield
    finally:
        for log, (level, propagate) in before.items():
            log.removeHandler(handler)
            log.level, log.propagate = level, propagate
