"""The function over HTTP: the server, its routes, and the documents that describe it."""
