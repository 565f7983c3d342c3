"""The HTTP edge, a package for each audience. A view parses the request, opens the transaction, calls a use case and renders."""
