"""The edge: one module per audience. It parses, opens the transaction, calls a use case and renders."""
