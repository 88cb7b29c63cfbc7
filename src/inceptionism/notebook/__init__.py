"""Live dreams in a Jupyter notebook: the picture changes in place, below a button that stops the run.

    from inceptionism import notebook as live

    result = live.dream("photo.jpg", layer="blocks.4")
    live.visualize("banana")
    live.zoom("photo.jpg", seconds=3)

The functions take the same arguments as the functions of the same name in `inceptionism`. After a click on the button,
or if the kernel is interrupted, they return the picture so far, and the notebook continues. The cell shows the picture
from the first step on, so the value of the cell's last line is not shown a second time.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
