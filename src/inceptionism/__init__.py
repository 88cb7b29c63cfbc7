"""See what a neural network sees: dream photographs, and generate pictures of classes, with any trained network.

    >>> import inceptionism as inc
    >>> inc.dream("photo.jpg").save("dream.png")
    >>> inc.visualize("banana").save("banana.png")
    >>> inc.zoom("photo.jpg", seconds=5).save("zoom.mp4")

All public names are in `__init__.pyi`. Each is loaded when it is first used: importing the package does not import
torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
