"""Serving of trained networks over gRPC and REST: export, server, client."""
