"""Spotting of macro- and micro-expressions in long videos, by the protocol of MEGC."""
