"""Rollout of a new version: infra validator, evaluators and pusher."""
