"""One training of the playground, without any page: settings, data, network, run, and what is seen of it."""
