"""From a trained network to an answer over gRPC: export, server, client."""
