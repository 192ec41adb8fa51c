"""The playground: train a small network in the browser, stop, and look inside."""
