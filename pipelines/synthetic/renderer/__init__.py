"""Renderer of faces with exact ground-truth motion."""

from pipelines.synthetic.renderer.rendered_pair import render_pair as render_pair
