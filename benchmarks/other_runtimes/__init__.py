"""Programs that run exported models in other runtimes, and what times them."""
