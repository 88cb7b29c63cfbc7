"""The studio: a page in the browser for people who do not program. It needs the extra `inceptionism[studio]`.

Use `launch` to start it, or `build` to get the page and mount it in your own application.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
