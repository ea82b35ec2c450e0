"""The way of the data: clips -> landmarks -> labels -> records -> inputs."""
