"""Rollout of a new version: trial on a real server, evaluation against the live version, publication."""
