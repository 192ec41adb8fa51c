"""The page: a session for each, a server on loopback, and a widget for notebooks."""
