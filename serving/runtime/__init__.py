"""From a decoded request to its result: checks, batching, execution, metrics."""
