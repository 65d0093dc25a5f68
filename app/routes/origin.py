"""Whose page sends a request."""

from flask import request


def is_foreign() -> bool:
    """Whether another site's page asks. Browsers say so on secure and local addresses; elsewhere the origin does."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None:
        return site not in ("same-origin", "none")
    return origin not in (None, f"http://{request.host}", f"https://{request.host}")
