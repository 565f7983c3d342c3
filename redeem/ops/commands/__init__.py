"""The longer commands of the command line, a module for each. cli.py registers them."""
