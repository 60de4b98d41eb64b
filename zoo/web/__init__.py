"""The page that runs an exported file in the browser: `write_site` makes the folder, `serve` shows it."""

from .server import serve
from .site import write_site

__all__ = ["serve", "write_site"]
