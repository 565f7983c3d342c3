"""Security headers, by audience, on every answer: pages, JSON, errors and static files alike."""

from flask import Flask, Response, request

from redeem.config import Settings

# The tablet decodes pictures in WebAssembly and shows the camera: only there may it be so.
CLERK = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:;"
    " media-src 'self' blob:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
# The interactive documentation draws its icons as data: pictures.
DOCS = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# What is no page may do nothing, even if a browser is made to show it as one.
DATA = "default-src 'none'; frame-ancestors 'none'"

# A worker has the policy of its own script: the reader's lies under /static/clerk/.
POLICIES = (("/clerk/", CLERK), ("/static/clerk/", CLERK), ("/v1/docs", DOCS), ("/v1/", DATA))
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
NOTHING_ALLOWED = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
SCANNER_ALLOWED = NOTHING_ALLOWED.replace("camera=()", "camera=(self)")
HSTS = "max-age=63072000; includeSubDomains"


def attach(app: Flask, settings: Settings) -> None:
    headers = ALWAYS | ({"Strict-Transport-Security": HSTS} if settings.base_url.startswith("https://") else {})

    @app.after_request
    def guard(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Security-Policy", policy(request.path))
        scans = request.path.startswith("/clerk/")
        response.headers.setdefault("Permissions-Policy", SCANNER_ALLOWED if scans else NOTHING_ALLOWED)
        if request.path.startswith("/v1/"):
            response.headers.setdefault("Cache-Control", "no-store")  # an answer may hold a token
        return response


def policy(path: str) -> str:
    """The Content-Security-Policy of what is at this path."""
    return next((policy for start, policy in POLICIES if path.startswith(start)), PAGES)
