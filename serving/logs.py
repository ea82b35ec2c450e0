"""Logs as lines of JSON: one object for each request and each event."""

import datetime
import json
import logging
import sys


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: time, level, message, and what `fields` in `extra` holds."""

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


def log_to_stderr() -> None:
    """Send what the server has to say to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    log = logging.getLogger("serving")
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
