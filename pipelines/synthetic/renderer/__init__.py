"""Rendered faces whose motion is known exactly."""

from pipelines.synthetic.renderer.rendered_pair import render_pair as render_pair
