"""Rendered faces whose motion is known exactly."""

from pipelines.faces.render import render_pair as render_pair
