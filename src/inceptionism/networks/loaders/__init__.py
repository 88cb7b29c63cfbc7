"""Loaders that make torch modules from files and libraries: Caffe, ONNX, torchvision, timm, open_clip and
EfficientNet-Lite.

Each loader is imported only when a network needs it. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
