"""`faceflow evaluate spotting`, and the tasks of `faceflow evaluate expression`."""
