"""Geometry of a rendered person: head shape, identity, expression, eyes, hair, body."""
