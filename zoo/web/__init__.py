"""The page of `zoo explore`: its files are in page/, `serve` shows a folder that `zoo.export(format="web")` wrote."""

from .server import serve

__all__ = ["serve"]
