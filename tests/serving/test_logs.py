import json
import logging

from serving.logs import logging_to_stderr


def test_lines_are_json_and_logging_is_as_before_afterwards(capsys):
    log, before = logging.getLogger("serving.test"), logging.getLogger("serving").propagate
    with logging_to_stderr():
        log.info('a "quoted"\nmessage', extra={"fields": {"request_id": "1", "status": "OK"}})
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError:
            log.exception("fault")
    log.info("not for stderr")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first["message"] == 'a "quoted"\nmessage'
    assert (first["level"], first["request_id"], first["status"]) == ("INFO", "1", "OK")
    assert first["time"].endswith("+00:00")
    assert "ZeroDivisionError" in second["exception"]
    assert logging.getLogger("serving").propagate == before
