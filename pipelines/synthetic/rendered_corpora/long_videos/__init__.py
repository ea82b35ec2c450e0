"""Rendered corpora of long videos, in which macro- and micro-expressions are to be spotted."""
