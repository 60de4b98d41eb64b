"""A server of one folder, on this machine only."""

import functools
import http.server

from ..errors import InputError

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
    "img-src 'self' data: blob:; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of the folder, to pages of this server only: another site's name for this address is refused."""

    extensions_map = {  # noqa: RUF012 - never changed
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".wasm": "application/wasm",
        ".js": "text/javascript",
    }

    def send_head(self):
        port = self.server.server_address[1]
        if self.headers.get("Host") not in (f"127.0.0.1:{port}", f"localhost:{port}"):
            self.send_error(403, "this page is for this machine only")
            return None
        return super().send_head()

    def list_directory(self, path):
        self.send_error(404, "there is no such file")

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *words):
        """Says nothing."""


def serve(folder, port=0):
    """A server of a folder on 127.0.0.1, not started yet: call `serve_forever`.

    Args:
        folder: what `write_site` wrote.
        port: 0 for a free one; see `server_address`.

    Raises:
        InputError: the port is in use, or not allowed.
    """
    try:
        return http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Handler, directory=str(folder)))
    except OSError as error:
        raise InputError(f"--port: cannot use {port} ({error.strerror.lower()}); choose another", "port") from None
