"""Documents as one HTML page that needs nothing else: no request, no library; light, dark, narrow and on paper."""

from collapse_cli.views.page.page import page, write

__all__ = ["page", "write"]
