"""The command `dream doctor`: a report on the installation and the machine, with everything that is wrong.

Each part of the report is made on its own, so that a broken part does not hide the others. Libraries are imported in
another process first, because a broken one can end the whole process.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
