"""The explorer: a server on this machine and a page on which the levers can be turned (docs/explorer.md)."""
