"""Metrics of the server for Prometheus, under TensorFlow Serving's names."""

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

#: Default path of the metrics, as in Serving.
METRICS_PATH = "/monitoring/prometheus/metrics"

# Serving's: powers of 1.8 from 10 microseconds to about 20 minutes, and of 2 for examples
# (servables/tensorflow/util.cc).
_MICROSECONDS = [10 * 1.8**k for k in range(33)]
_EXAMPLES = [2.0**k for k in range(15)]

# Names of counters without the suffix `_total`, which the library would add.
_COUNTS = (":tensorflow:serving:request_count", ":tensorflow:cc:saved_model:load_attempt_count")

disable_created_metrics()  # Serving has none


class Metrics:
    """Counters and histograms of one server."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def count(name: str, what: str, *labels: str) -> Counter:
            return Counter(name, what, labels, registry=self._registry)

        def histogram(name: str, what: str, buckets: list[float], *labels: str) -> Histogram:
            return Histogram(name, what, labels, buckets=buckets, registry=self._registry)

        requests, loads = _COUNTS
        self._requests = count(requests, "The total number of requests.", "model_name", "status")
        self._loads = count(loads, "The number of times a SavedModel was loaded.", "model_path", "status")
        self._latency = histogram(
            ":tensorflow:serving:request_latency",
            "Distribution of wall time (in microseconds) for Tensorflow Serving request.",
            _MICROSECONDS,
            *("model_name", "API", "entrypoint"),
        )
        self._runtime = histogram(
            ":tensorflow:serving:runtime_latency",
            "Distribution of wall time (in microseconds) for Tensorflow runtime.",
            _MICROSECONDS,
            *("model_name", "API", "runtime"),
        )
        self._examples = histogram(
            ":tensorflow:serving:request_example_counts",
            "The number of tensorflow.Examples per request.",
            _EXAMPLES,
            "model",
        )
        self._all_examples = count(
            ":tensorflow:serving:request_example_count_total",
            "The total number of tensorflow.Examples.",
            "model",
        )

    def request(self, model: str, api: str, entrypoint: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a request. As in Serving, its time is recorded only if it succeeded."""
        self._requests.labels(model, code.name).inc()
        if code is grpc.StatusCode.OK:
            self._latency.labels(model, api, entrypoint).observe(1e6 * seconds)

    def runtime(self, model: str, api: str, seconds: float) -> None:
        """Record how long TensorFlow took for a request, including the wait for its turn."""
        self._runtime.labels(model, api, "TF2").observe(1e6 * seconds)

    def examples(self, model: str, number: int) -> None:
        """Record the number of examples in a request."""
        self._examples.labels(model).observe(number)
        self._all_examples.labels(model).inc(number)

    def load(self, path: str, loaded: bool) -> None:
        """Count an attempt to load a version."""
        self._loads.labels(path, "success" if loaded else "fail").inc()

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        page = generate_latest(self._registry)
        for name in _COUNTS:
            page = page.replace(f"{name}_total".encode(), name.encode())
        return page
